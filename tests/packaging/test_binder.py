"""The environment of binder/, built from its files, runs the first notebook within Binder's memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPI_NAMES = {"pytorch-cpu": "torch"}  # those that conda-forge calls differently
LIMIT = 1.5e9  # bytes of memory, of the kernel and what runs it together

RUN = """
import os, resource, sys, threading, time
import nbformat
from nbclient import NotebookClient

def resident():
    pages = 0
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
                mine = int(entry) == os.getpid() or int(stat[1]) == os.getpid()
                pages += int(stat[21]) if mine else 0
            except OSError:
                pass
    return pages * resource.getpagesize()

peak = [0]
def watch():
    while True:
        peak[0] = max(peak[0], resident())
        time.sleep(0.05)

threading.Thread(target=watch, daemon=True).start()
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
print("PEAK", peak[0])
"""


def requirements() -> list[str]:
    """What environment.yml lists, as pip calls it, with torch at the version that is tested."""
    lines = re.findall(r"^  - (\S+)$", (ROOT / "binder" / "environment.yml").read_text(), re.MULTILINE)
    packages = [line for line in lines if not re.match(r"(python=|pip$|conda-forge$)", line)]
    named = [re.sub(r"^[\w-]+", lambda m: PYPI_NAMES.get(m[0], m[0]), line) for line in packages]
    return ["torch==2.13.0" if line.startswith("torch>") else line for line in named]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="memory is counted in /proc")
def test_binder_builds_and_runs_the_first_notebook_in_its_memory(tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    bin_ = tmp_path / "env" / "bin"
    environment = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    environment.pop("PYTHONPATH", None)

    def run(*command: str, **options: str) -> str:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, cwd=options.get("cwd", str(tmp_path))
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    run(str(bin_ / "python"), "-m", "pip", "install", "-q", *requirements())
    run("bash", str(ROOT / "binder" / "postBuild"), cwd=str(ROOT))
    opened = json.loads((tmp_path / ".jupyter" / "jupyter_server_config.json").read_text())
    notebook = opened["ServerApp"]["default_url"].removeprefix("/lab/tree/")
    script = tmp_path / "run.py"
    script.write_text(RUN)
    out = run(str(bin_ / "python"), str(script), str(ROOT / notebook))
    peak = int(re.search(r"PEAK (\d+)", out)[1])
    print(f"peak memory {peak / 1e9:.2f} GB of {LIMIT / 1e9} GB", file=sys.stderr)
    assert 1e8 < peak < LIMIT
