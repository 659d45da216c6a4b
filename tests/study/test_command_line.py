"""The command line: what it does, and one sentence for what it cannot do."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from PIL import Image

import featurespace_widgets as fsw
from featurespace_widgets.__main__ import main
from featurespace_widgets.models.disk_bank import DiskBank

COMMAND = [sys.executable, "-m", "featurespace_widgets"]


def test_list_names_every_model():
    run = subprocess.run([*COMMAND, "list"], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in run.stdout.splitlines()] == list(fsw.available())
    assert "10 classes, 64 features, test accuracy" in run.stdout


@pytest.mark.parametrize("command", [[], ["list"], ["extract"], ["study"], ["lab"]])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as done:
        main([*command, "--help"])
    assert done.value.code == 0
    assert "usage: python -m featurespace_widgets" in capsys.readouterr().out


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Test images of two classes as files, one of them cut."""
    bank = fsw.load("mnist").test_bank
    folder = tmp_path_factory.mktemp("pictures")
    rows = {label: np.flatnonzero(bank.labels == int(label))[:5] for label in "37"}
    for label, chosen in rows.items():
        (folder / label).mkdir()
        for row in chosen:
            Image.fromarray(bank.images[row, 0]).save(folder / label / f"{row:05d}.png")
    cut = folder / "3" / f"{rows['3'][2]:05d}.png"
    cut.write_bytes(cut.read_bytes()[:60])
    return folder, cut, np.concatenate([np.delete(rows["3"], 2), rows["7"]])


def test_extract_then_study_the_bank(pictures, tmp_path, capsys):
    folder, cut, rows = pictures
    bank_folder, study_folder = str(tmp_path / "bank"), str(tmp_path / "study")
    assert main(["extract", "mnist", str(folder), "--out", bank_folder, "--batch-size", "4"]) == 0
    printed = capsys.readouterr().out
    assert "9 of 10 images, 64 features each" in printed
    assert f"failed: {cut}: " in printed
    bank, shipped = DiskBank(bank_folder), fsw.load("mnist").test_bank
    np.testing.assert_allclose(bank.features, shipped.features[rows], atol=1e-3)
    np.testing.assert_array_equal(bank.labels, [3] * 4 + [7] * 5)
    assert main(["study", "extrapolation", "mnist", bank_folder, "--out", study_folder]) == 0
    assert "9 rows (9 outside)" in capsys.readouterr().out
    study = fsw.study.Study.load(study_folder)
    wanted = fsw.load("mnist").hull().project(bank.features).distances
    np.testing.assert_allclose(study["distance"], wanted)


def test_study_of_pictures_and_of_pairs(pictures, tmp_path, capsys):
    folder, _, _ = pictures
    command = ["study", "flips", "mnist", str(folder), "--sample", "3", "--seed", "1"]
    assert main([*command, "--out", str(tmp_path / "flips")]) == 0
    assert "3 rows (" in capsys.readouterr().out
    assert fsw.study.Study.load(tmp_path / "flips").provenance["options"]["seed"] == 1
    assert main(["study", "adjacency", "mnist", "--out", str(tmp_path / "pairs")]) == 0
    assert "45 rows (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["lisp"], "invalid choice: 'lisp'"),
        (["extract", "mnist", "missing", "--out", "bank"], "missing is neither a folder of pictures nor"),
        (["extract", "mnits", ".", "--out", "bank"], "unknown model 'mnits'; available are"),
        (["extract", "mnist", "empty", "--out", "bank"], "empty holds no pictures"),
        (["study", "flips", "mnist"], "the following arguments are required: --out"),
        (["study", "extrapolation", "mnist", "empty", "--out", "s"], "empty holds no bank"),
        (["study", "extrapolation", "mnist", "--sample", "0", "--out", "s"], "sample must be from 1 to"),
        (["study", "adjacency", "mnist", "--sample", "3", "--out", "s"], "takes no ITEMS and no --sample"),
        (["study", "flips", "mnist", "--out", "s", "--workers", "0"], "--workers must be at least 1"),
        (["lab", "--model", "mnits"], "unknown model 'mnits'"),
    ],
)
def test_errors_are_one_sentence(command, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    try:
        code = main(command)
    except SystemExit as done:
        code = done.code
    said = capsys.readouterr().err
    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert said.startswith("python -m featurespace_widgets")


@pytest.mark.slow
def test_study_on_several_processes(tmp_path):
    command = ["study", "extrapolation", "mnist", "--sample", "20", "--workers", "2", "--out"]
    run = subprocess.run([*COMMAND, *command, str(tmp_path / "study")], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    wanted = fsw.study.extrapolation(fsw.load("mnist"), sample=20, progress=False)
    found = fsw.study.Study.load(tmp_path / "study")
    np.testing.assert_allclose(found["distance"], wanted["distance"], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="stops the server by its group")
def test_lab_opens_a_notebook_with_the_explorer(tmp_path):
    pytest.importorskip("jupyterlab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    command = [*COMMAND, "lab", "--model", "mnist-2d", "--folder", str(tmp_path), "--", *server]
    run = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        answer = _wait_for(f"http://127.0.0.1:{port}/api/contents/explore-mnist-2d.ipynb", run)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    (cell,) = answer["content"]["cells"]
    names: dict[str, object] = {}
    exec(cell["source"].replace("fsw.Explorer", "shown = fsw.Explorer"), names)
    assert names["shown"].space.head.dimension == 2


def _wait_for(address, run):
    for _ in range(300):
        assert run.poll() is None
        try:
            with urllib.request.urlopen(address) as answer:
                return json.load(answer)
        except OSError:
            time.sleep(0.1)
    raise AssertionError("no answer within 30 s")
