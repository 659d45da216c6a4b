"""Pass every check of the project: ``python tests/run.py [PYTEST ARGUMENTS]``.

Without arguments: ruff, mypy, the JavaScript (types, bundle, tests), the wheel with the oldest and newest
supported libraries, then pytest with the notebooks and real browsers, and what it covered. With arguments
only pytest, on those. Chromium, Firefox and Node are installed with apt-get where they are missing and that
is possible; otherwise their checks are skipped, except with ``CI=true``, where that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from browser.chromium import find_chromium
from browser.firefox import find_firefox

ROOT = Path(__file__).resolve().parents[1]
FRONTEND = ROOT / "featurespace_widgets" / "widgets" / "frontend"
STATIC = ROOT / "featurespace_widgets" / "widgets" / "static"
CI = os.environ.get("CI") == "true"


class SkippedError(Exception):
    """A stage that cannot run here; the message says why."""


def say(text: str) -> None:
    print(text, flush=True)


def call(*command: str, folder: Path = ROOT) -> None:
    say("$ " + " ".join(command))
    subprocess.run(command, cwd=folder, check=True)


def apt_install(*packages: str) -> None:
    if not shutil.which("apt-get"):
        say(f"no apt-get here, so {', '.join(packages)} cannot be installed")
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for command in (["apt-get", "update", "-qq"], install):
        say("$ " + " ".join(as_root + command))
        try:
            subprocess.run(as_root + command, env=environment, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"failed: {error}")
            return


def chromium() -> None:
    if not find_chromium():
        apt_install("chromium", "fonts-dejavu-core")
    if not find_chromium():
        raise SkippedError("no Chromium, Chrome or Edge found for the browser tests")


def firefox() -> None:
    if not find_firefox():
        apt_install("firefox-esr")
    if not find_firefox():
        raise SkippedError("no Firefox found for the test of a second browser")


def matrix() -> None:
    call(sys.executable, str(ROOT / "tests" / "matrix.py"))


def ruff() -> None:
    call(sys.executable, "-m", "ruff", "check", ".")
    call(sys.executable, "-m", "ruff", "format", "--check", ".")


def mypy() -> None:
    call(sys.executable, "-m", "mypy")


def javascript() -> None:
    if not shutil.which("npm"):
        apt_install("nodejs", "npm")
    npm = shutil.which("npm")
    if not npm:
        raise SkippedError("no Node.js with npm found for types, bundle and tests")
    call(npm, "ci", "--no-audit", "--no-fund", folder=FRONTEND)
    call(npm, "run", "types", folder=FRONTEND)
    before = bundle()
    call(npm, "run", "build", folder=FRONTEND)
    call(npm, "test", folder=FRONTEND)
    stale = sorted({name for name, _ in before ^ bundle()})
    if stale:
        raise RuntimeError(f"rebuilt, as they did not match their sources; commit them: {', '.join(stale)}")


def bundle() -> set[tuple[str, bytes]]:
    return {(path.name, path.read_bytes()) for path in STATIC.iterdir()}


def attempt(stage: Callable[[], None]) -> tuple[str, str]:
    """Run a stage; its verdict ("passed", "skipped", "FAILED") and the line of the closing table."""
    say(f"\n=== {stage.__name__}")
    start = time.perf_counter()
    verdict, note = "passed", ""
    try:
        stage()
    except SkippedError as reason:
        verdict, note = ("FAILED" if CI else "skipped"), str(reason)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        verdict, note = "FAILED", str(error)
    if note:
        say(f"{verdict}: {note}")
    return verdict, row(stage.__name__, start, verdict, note)


def row(name: str, start: float, *words: str) -> str:
    return "  ".join([f"{name:<12}{time.perf_counter() - start:7.1f} s", *words]).rstrip()


def pytest(arguments: list[str]) -> tuple[int, str]:
    """Run pytest; its exit code and its closing line, which is held back to be printed last."""
    say("\n=== pytest")
    measure = [] if arguments else ["coverage", "run", "-m"]
    command = [sys.executable, "-m", *measure, "pytest", *arguments]
    closing = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if closing:
                print(closing, end="", flush=True)
            closing = line
    code = process.returncode
    if measure:  # a run that hung was ended with nothing to report; the closing line says where, so go on
        report = subprocess.run([sys.executable, "-m", "coverage", "report"], cwd=ROOT)
        code = code or report.returncode
    return code, closing


def main(arguments: list[str]) -> int:
    if arguments:
        results = [attempt(chromium)]
    else:
        with ThreadPoolExecutor(2) as pool:  # each keeps one core busy
            results = list(pool.map(attempt, [chromium, firefox, ruff, mypy, javascript]))
        results.append(attempt(matrix))  # packs the bundle that the JavaScript stage writes
    start = time.perf_counter()
    code, closing = pytest(arguments)
    results.append(("", row("pytest", start, "FAILED" if code else "passed")))
    say("\n" + "\n".join(line for _, line in results))
    say(closing.rstrip())
    return int(code != 0 or any(verdict == "FAILED" for verdict, _ in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
