"""Firefox, driven by the WebDriver BiDi protocol that it speaks itself: no driver program is needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

import websocket

from browser.lab import wait_until

# Whatever the browser would ask of the network goes to a port where nobody listens.
_PREFERENCES = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}  # fmt: skip


def find_firefox() -> str | None:
    """Path of an installed Firefox."""
    return next(filter(None, (shutil.which(name) for name in ("firefox-esr", "firefox"))), None)


class Firefox:
    """One headless Firefox with one page."""

    def __init__(self, path: str, folder: Path) -> None:
        folder.mkdir()
        lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});" for key, value in _PREFERENCES.items())
        (folder / "user.js").write_text("\n".join(lines))
        log = folder / "log"
        command = [
            path,
            "--headless",
            "--no-remote",
            "--profile",
            str(folder),
            "--remote-debugging-port",
            "0",
        ]
        with log.open("w") as stream:
            self._process = subprocess.Popen(
                [*command, "--width", "1200", "--height", "800"], stdout=subprocess.DEVNULL, stderr=stream
            )
        self._ids = count(1)
        try:
            found = wait_until(
                lambda: re.search(r"BiDi listening on (ws://\S+)", log.read_text()), "Firefox listens"
            )
            # It takes no connection that names a page as its origin.
            self._socket = websocket.create_connection(
                f"{found[1]}/session", timeout=30, suppress_origin=True
            )
        except Exception:
            self._process.kill()
            self._process.wait()
            raise
        self.call("session.new", capabilities={})
        self._page = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol; returns its result."""
        number = next(self._ids)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != number:
            pass  # an event
        if answer["type"] == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return answer["result"]

    def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        self.call("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def evaluate(self, script: str) -> Any:
        """Value of a JavaScript expression in the page."""
        answer = self.call(
            "script.evaluate", expression=f"JSON.stringify({script})", target={"context": self._page},
            awaitPromise=False,
        )  # fmt: skip
        if answer["type"] != "success":
            raise RuntimeError(f"{script}: {answer['exceptionDetails']['text']}")
        return json.loads(answer["result"].get("value", "null"))

    def drag(self, points: list[tuple[float, float]]) -> None:
        """Drag with the mouse through points of the window."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in points]
        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        actions = [moves[0], down, *moves[1:], up]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.call("input.performActions", context=self._page, actions=[mouse])

    def screenshot(self) -> str:
        """The page as a PNG in base64."""
        return str(self.call("browsingContext.captureScreenshot", context=self._page)["data"])

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(20)
