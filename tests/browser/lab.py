"""A private JupyterLab server, and what a person does on the page of one notebook."""

from __future__ import annotations

import ast
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

import nbformat
from jupyter_client.blocking import BlockingKernelClient
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

Points = Sequence[tuple[float, float]]

_SETTINGS: dict[str, dict[str, Any]] = {
    # Without this, outputs that are scrolled out of sight are not in the page.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}

# Without a kernel's name JupyterLab asks for one.
_METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}

_OPENED = """(path) => {
    const widget = window.jupyterapp?.shell.currentWidget;
    return widget?.context?.path === path && widget.context.isReady && widget.sessionContext.isReady;
}"""

_SESSION = "window.jupyterapp.shell.currentWidget.sessionContext"

_RUN = """async (index) => {
    const { commands, shell } = window.jupyterapp;
    const panel = shell.currentWidget;
    if (index !== null) panel.content.activeCellIndex = index;
    await commands.execute(index === null ? 'notebook:run-all-cells' : 'notebook:run-cell');
    return panel.model.toJSON().cells.flatMap((cell) => cell.outputs ?? [])
        .filter((output) => output.output_type === 'error')
        .map((output) => output.traceback.join('\\n'));
}"""

_PATIENCE = 60.0  # seconds until what has not come will not; most comes at once, on a busy machine later

# Chromium throws for the capture of a pointer that no device has.
_SYNTHETIC_POINTER = 4711
_IGNORE_CAPTURE = f"""for (const name of ['setPointerCapture', 'releasePointerCapture']) {{
    const real = Element.prototype[name];
    Element.prototype[name] = function (id) {{ if (id !== {_SYNTHETIC_POINTER}) real.call(this, id); }};
}}"""

_DRAG = """async (element, { pointerId, points }) => {
    const box = element.getBoundingClientRect();
    const fire = (type, [x, y], button, buttons) => element.dispatchEvent(new PointerEvent(type, {
        pointerId, button, buttons, pointerType: 'mouse', isPrimary: true, bubbles: true, cancelable: true,
        composed: true, clientX: box.left + x, clientY: box.top + y,
    }));
    const frame = () => new Promise(requestAnimationFrame);
    fire('pointerdown', points[0], 0, 1);
    for (const point of points.slice(1)) {
        await frame();
        fire('pointermove', point, -1, 1);
    }
    await frame();
    fire('pointerup', points.at(-1), 0, 0);
}"""


class Lab:
    """One JupyterLab server on loopback, with folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self._runtime = folder / "runtime"
        self._token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.root.mkdir(parents=True)
        for name, values in _SETTINGS.items():
            path = folder / "settings" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        self._log = (folder / "server.log").open("w+")
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
                "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self._port}", "--ServerApp.port_retries=0",
                f"--ServerApp.root_dir={self.root}", f"--IdentityProvider.token={self._token}",
                "--LabApp.expose_app_in_browser=True", f"--LabApp.user_settings_dir={folder / 'settings'}",
                f"--LabApp.workspaces_dir={folder / 'workspaces'}",
            ],
            env={**os.environ, "JUPYTER_RUNTIME_DIR": str(self._runtime)},
            stdout=self._log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait_until(self._answers, "JupyterLab answers")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"JupyterLab ended with {self._process.returncode}:\n{self._log.read()}")
        try:
            return bool(self._api("status"))
        except URLError:
            return False

    def _api(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self._port}/api/{path}?token={self._token}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def put(self, source: Path | Sequence[str], name: str) -> str:
        """Put a notebook, copied or made from the sources of its code cells, into the server's folder."""
        if isinstance(source, Path):
            shutil.copy(source, self.root / name)
        else:
            cells = [nbformat.v4.new_code_cell(cell) for cell in source]
            nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=_METADATA), self.root / name)
        return name

    def url(self, path: str) -> str:
        """Address of a notebook, in a workspace of its own so that pages do not share their layout."""
        return self.address(f"lab/workspaces/{path.removesuffix('.ipynb')}/tree/{path}")

    def address(self, place: str) -> str:
        """Address of a place on the server, which serves Notebook 7 and Voila, too."""
        return f"http://127.0.0.1:{self._port}/{place}?token={self._token}"

    def kernel_file(self, path: str) -> Path:
        """Connection file of a notebook's kernel."""
        kernel = next(s["kernel"]["id"] for s in self._api("sessions") if s["path"] == path)
        return self._runtime / f"kernel-{kernel}.json"

    def stop(self) -> None:
        """End the server and with it its kernels."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def watch(page: Page) -> list[str]:
    """What a healthy page never shows: errors, and requests for anything off this machine."""
    problems: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"console: {message.text} ({message.location['url']})")

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in ("127.0.0.1", "localhost"):
            problems.append(f"request off this machine: {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
    page.on("request", on_request)
    return problems


class NotebookPage:
    """A notebook open in JupyterLab; `problems` collects what a healthy page never shows."""

    def __init__(self, lab: Lab, browser: Browser, path: str, script: str = "") -> None:
        """Open a notebook; `script` runs in the page before JupyterLab does."""
        self.page: Page = browser.new_page(viewport={"width": 1440, "height": 1000})
        self.problems = watch(self.page)
        self._lab, self.path = lab, path
        self._client: BlockingKernelClient | None = None
        self.page.add_init_script(_IGNORE_CAPTURE + script)
        self.page.goto(lab.url(path))
        self.page.wait_for_function(_OPENED, arg=path, timeout=1e3 * _PATIENCE)
        self.command("application:toggle-left-area")  # room for the notebook

    def command(self, name: str, **arguments: Any) -> None:
        """Execute a JupyterLab command and wait for its end."""
        execute = "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => null)"
        self._await(execute, [name, arguments])

    def _await(self, script: str, argument: Any = None) -> Any:
        """What a promise of the page comes to; `evaluate` would wait for ever for a kernel's."""
        kept = f"async (argument) => ({{ value: await ({script})(argument) }})"
        handle = self.page.wait_for_function(kept, arg=argument, timeout=5e3 * _PATIENCE)
        return handle.json_value()["value"]

    def restart(self) -> None:
        """Restart the kernel and clear all outputs."""
        self.restart_kernel()
        self.command("notebook:clear-all-cell-outputs")

    def run_all(self) -> None:
        """Run all cells, to their end; a cell's exception fails the test."""
        self._run(None)

    def _run(self, index: int | None) -> None:
        errors = self._await(_RUN, index)
        assert not errors, "\n".join(errors)

    def run_cell(self, index: int) -> None:
        """Run one cell, to its end; its exception fails the test."""
        self._run(index)

    def kernel_value(self, expression: str) -> Any:
        """Value of an expression in the notebook's kernel; arrays come as lists."""
        if self._client is None:
            self._client = BlockingKernelClient(connection_file=str(self._lab.kernel_file(self.path)))
            self._client.load_connection_file()
            self._client.start_channels()
            self._client.wait_for_ready(timeout=_PATIENCE)
        text = f"__import__('json').dumps({expression}, default=lambda value: value.tolist())"
        reply = self._client.execute("", user_expressions={"value": text}, reply=True, timeout=_PATIENCE)
        value = reply["content"]["user_expressions"]["value"]
        if value["status"] != "ok":
            raise RuntimeError(f"{expression}: {value['ename']}: {value['evalue']}")
        return json.loads(ast.literal_eval(value["data"]["text/plain"]))

    def occupy(self, code: str) -> None:
        """Have the kernel run code, and wait for its beginning, not its end; after a `kernel_value`."""
        assert self._client
        request = self._client.execute(code, store_history=False, stop_on_error=False)
        kind, cause = "", ""
        while (kind, cause) != ("execute_input", request):
            message = self._client.get_iopub_msg(timeout=_PATIENCE)
            kind, cause = message["msg_type"], message["parent_header"].get("msg_id")

    def interrupt(self) -> None:
        """Interrupt what the kernel is doing."""
        self._await(f"() => {_SESSION}.session.kernel.interrupt()")

    def restart_kernel(self) -> None:
        """Restart the kernel; outputs stay as they are."""
        self.forget_kernel()
        self._await(f"() => {_SESSION}.session.kernel.restart()")

    def reload(self) -> None:
        """Save the notebook and load the page again."""
        self.command("docmanager:save")
        self.page.reload()
        self.page.wait_for_function(_OPENED, arg=self.path, timeout=1e3 * _PATIENCE)

    def comms(self) -> int:
        """How many comms the page keeps open to the kernel."""
        return int(self.page.evaluate(f"{_SESSION}.session.kernel._comms.size"))

    def wait_for_kernel(self, expression: str, accept: Callable[[Any], bool] = bool) -> Any:
        """Wait until the value of an expression in the kernel is accepted, and return it."""
        return self.wait_for(lambda: self.kernel_value(expression), expression, accept)

    def wait_for_page(self, script: str, accept: Callable[[Any], bool] = bool) -> Any:
        """Wait until the value of a JavaScript expression in the page is accepted, and return it."""
        return self.wait_for(lambda: self.page.evaluate(script), script, accept)

    def wait_for(self, value: Callable[[], Any], what: str, accept: Callable[[Any], bool] = bool) -> Any:
        """Wait until a value is accepted, and return it, while the page's own events keep coming in."""
        return wait_until(value, what, accept, self.page.wait_for_timeout)

    def set_theme(self, theme: str) -> None:
        """Switch JupyterLab to its "light" or "dark" theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme.capitalize()}")
        light = "true" if theme == "light" else "false"
        self.page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")

    def drag_by_frame(self, element: Locator, points: Points) -> None:
        """Drag with one synthetic pointer event a frame; points are pixels inside the element."""
        where = [list(point) for point in points]
        element.evaluate(_DRAG, {"pointerId": _SYNTHETIC_POINTER, "points": where})

    def drag_by_mouse(self, element: Locator, points: Points) -> None:
        """Drag with the browser's real mouse, some 40 ms a move; points are pixels inside the element."""
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        assert box, "the element is not visible"
        where = [(box["x"] + x, box["y"] + y) for x, y in points]
        self.page.mouse.move(*where[0])
        self.page.mouse.down()
        for x, y in where[1:]:
            self.page.mouse.move(x, y)
        self.page.mouse.up()

    def forget_kernel(self) -> None:
        """Ask the notebook's present kernel from now on."""
        if self._client is not None:
            self._client.stop_channels()
            self._client = None

    def close(self) -> None:
        """End the kernel and close the page."""
        self.forget_kernel()
        self._await(f"() => {_SESSION}.shutdown()")
        self.page.close()


def _pause(milliseconds: float) -> None:
    time.sleep(milliseconds / 1000)


def wait_until(
    value: Callable[[], Any],
    what: str,
    accept: Callable[[Any], bool] = bool,
    pause: Callable[[float], None] = _pause,
) -> Any:
    """Ask for a value until it is accepted, and return it; the message of a failure shows the last one."""
    end = time.monotonic() + _PATIENCE
    while not accept(got := value()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: still {got!r} after {_PATIENCE} s")
        pause(50)
    return got
