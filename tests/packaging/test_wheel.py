"""The archives hold what a person needs and nothing else; the wheel works far from the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

PACKAGE = "featurespace_widgets"
STATIC = {"slice_view.js", "image_panel.js", "toolbar.js", "lesson_card.js", "widget.css"}
LESSONS = {"predict-then-look.yaml", "how-sure.yaml"}
MODELS = ("fashion-mnist", "mnist", "mnist-2d")
BUNDLED = {f"{model}.{kind}" for model in MODELS for kind in ("weights.npz", "features.npz", "card.json")} | {
    "fashion-mnist.images.npz",
    "mnist.images.npz",
}

USE_IT = """
import json, pathlib, sys
import featurespace_widgets as fsw
space = fsw.load("mnist-2d")
view = fsw.SliceView(space)
print(json.dumps({
    "home": fsw.__file__,
    "foreign": [path for path in sys.path if (pathlib.Path(path) / "featurespace_widgets").is_dir()][1:],
    "shape": space.head.weight.shape,
    "samples": len(space.features),
    "esm": len(view._esm),
    "css": len(view._css),
}))
"""


@pytest.fixture(scope="module")
def in_wheel(archives) -> set[str]:
    with zipfile.ZipFile(archives.wheel) as wheel:
        return set(wheel.namelist())


@pytest.fixture(scope="module")
def in_sdist(archives) -> set[str]:
    with tarfile.open(archives.sdist) as sdist:
        names = (member.name for member in sdist.getmembers() if member.isfile())
        return {name.partition("/")[2] for name in names}


@pytest.fixture(params=["in_wheel", "in_sdist"])
def names(request) -> set[str]:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("folder", "files"), [("widgets/static", STATIC), ("models/bundled", BUNDLED), ("lessons", LESSONS)]
)
def test_bundle_and_models_are_inside(names, folder, files):
    assert {f"{PACKAGE}/{folder}/{file}" for file in files} <= names


def test_types_and_licence_are_inside(names):
    assert f"{PACKAGE}/py.typed" in names
    assert any(name.rpartition("/")[2] == "LICENSE" for name in names)


def test_wheel_names_owners_and_licences_of_the_bundled_images(archives):
    with zipfile.ZipFile(archives.wheel) as wheel:
        notices = [
            wheel.read(name).decode()
            for name in wheel.namelist()
            if name.startswith(f"{PACKAGE}/models/bundled/") and "NOTICE" in name.upper()
        ]
    text = "\n".join(notices)
    for words in ("Fashion-MNIST", "Zalando", "Permission is hereby granted", "LeCun", "CC BY-SA 3.0"):
        assert words in text


def test_nothing_leaks(in_wheel, in_sdist):
    for name in in_wheel | in_sdist:
        parts = name.split("/")
        assert not {"node_modules", "__pycache__", "screenshots", ".venv", ".ci"} & set(parts), name
    tops = {name.partition("/")[0] for name in in_wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {PACKAGE}
    assert not any(name.startswith(f"{PACKAGE}/widgets/frontend/") for name in in_wheel)


def test_sdist_holds_sources_tests_and_notebooks(in_sdist):
    for name in (
        "tests/run.py",
        f"{PACKAGE}/widgets/frontend/package-lock.json",
        "README.md",
        "CHANGELOG.md",
    ):
        assert name in in_sdist
    assert any(name.startswith("notebooks/") for name in in_sdist)


def test_wheel_is_below_ten_megabytes(archives):
    assert archives.wheel.stat().st_size < 10e6


def test_the_scripts_of_all_widgets_are_below_80_kilobytes(archives):
    with zipfile.ZipFile(archives.wheel) as wheel:
        scripts = [entry for entry in wheel.infolist() if entry.filename.endswith(".js")]
    assert sum(entry.file_size for entry in scripts) < 80_000


def test_wheel_works_without_checkout_and_node(archives, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False)
    scripts = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = str(scripts / "python")
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, *install, str(archives.wheel)], check=True)
    # Dependencies come from this environment, but not its link to the checkout: a folder added by
    # a .pth file does not have its own .pth files read.
    variables = {"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")}
    (Path(sysconfig.get_path("purelib", vars=variables)) / "dependencies.pth").write_text(
        sysconfig.get_path("purelib") + "\n"
    )
    answer = subprocess.run(
        [python, "-I", "-c", USE_IT], cwd=tmp_path, env={"PATH": str(scripts)}, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert Path(found["home"]).is_relative_to(tmp_path.resolve())
    assert found["foreign"] == []
    assert found["shape"] == [10, 2]
    assert found["samples"] > 1000
    assert found["esm"] > 1000
    assert found["css"] > 100
