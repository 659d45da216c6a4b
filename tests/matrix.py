"""Tests of the wheel with the oldest and the newest supported libraries: ``python tests/matrix.py``.

Each set has a virtual environment of its own with the wheel and the libraries in question; everything else,
torch above all, is borrowed from this environment by a line in a .pth file, so that a set takes seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# The lower bounds of pyproject.toml, what pip brings with them for the page, and a pandas for that NumPy.
OLDEST = (
    "anywidget==0.9.21", "bqplot==0.13.1", "bqscales", "ipywidgets==8.1.0", "jupyterlab_widgets",
    "numpy==1.26.0", "pandas==2.2.0", "pytz", "scipy==1.11.1", "widgetsnbextension",
)  # fmt: skip
# What pip took for this environment, which a fresh one takes to be the newest; only their pages are needed.
NEWEST = ("anywidget", "bqplot", "bqscales", "ipywidgets", "jupyterlab_widgets", "widgetsnbextension")
# These pass all tests from the checkout; here they meet the wheel.
SETS = {
    "oldest": (OLDEST, ["tests/geometry", "tests/widgets"]),
    "newest": (NEWEST, ["tests/widgets/test_slice_view.py", "tests/widgets/test_saving.py"]),
}

VERSIONS = """
import anywidget, ipywidgets, numpy, scipy, torch, featurespace_widgets
for module in (anywidget, ipywidgets, numpy, scipy, torch, featurespace_widgets):
    print(f"  {module.__name__} {module.__version__} from {module.__file__.split('lib')[0]}")
"""


def call(command: list[str], **options: object) -> None:
    subprocess.run(command, check=True, **options)


def environment(folder: Path, wheel: Path, libraries: tuple[str, ...]) -> str:
    """Python of a new virtual environment with the wheel, some libraries, and the rest of this one."""
    venv.create(folder, with_pip=False)
    python = str(folder / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps"]
    call([*pip, str(wheel), *libraries])
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    # A folder added by a .pth file does not have its own .pth files read: the checkout stays out of sight.
    (Path(paths["purelib"]) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def main() -> None:
    """Run the tests of each set; raises where one fails."""
    with tempfile.TemporaryDirectory(prefix="fsw-matrix-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        call([sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", name, str(ROOT)],
             stdout=subprocess.DEVNULL)  # fmt: skip
        wheel = next(folder.glob("*.whl"))
        copy_tests(folder / "checkout")
        with ThreadPoolExecutor(2) as pool:  # each keeps one core busy
            list(pool.map(lambda title: run(folder, wheel, title), SETS))


def run(folder: Path, wheel: Path, title: str) -> None:
    """Install one set and pass its tests; the output comes at once, so that it stays together."""
    libraries, tests = SETS[title]
    python = environment(folder / title, wheel, libraries)
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    # Old versions of other packages may use what is deprecated now.
    quiet = ["-W", "ignore::DeprecationWarning"]
    for command, place in (
        (["-c", VERSIONS], folder),
        (["-m", "pytest", "-q", *quiet, *tests], folder / "checkout"),
    ):
        done = subprocess.run(
            [python, *command], cwd=place, env=variables, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        print(f"\n--- {title}\n{done.stdout}", flush=True)
        done.check_returncode()


def copy_tests(folder: Path) -> None:
    """What the tests need of the checkout, without its package."""
    for part in ("tests", "notebooks", "featurespace_widgets/widgets/frontend/test"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "screenshots")
        )
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(text.replace('"--doctest-modules", ', ""), encoding="utf-8")


if __name__ == "__main__":
    main()
