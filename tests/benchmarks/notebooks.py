"""Seconds each notebook takes from top to bottom, kernel and all: ``python tests/benchmarks/notebooks.py``.

They are to be run in a lesson, so the aim is a minute.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
AIM = 60.0


def main() -> None:
    """Run all and print a line for each."""
    print(f"{'notebook':34s}{'seconds':>9s}{'of the aim':>12s}")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            place = {"metadata": {"path": folder}}
            NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
        seconds = time.perf_counter() - start
        print(f"{path.stem:34s}{seconds:9.1f}{seconds / AIM:12.2f}", flush=True)


if __name__ == "__main__":
    main()
