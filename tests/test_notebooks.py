"""Every notebook runs top to bottom, is stored as if never run, but for one picture."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_is_stored_small_and_as_if_never_run(self, path):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert path.stat().st_size < 300_000
        assert "widgets" not in notebook.metadata
        assert notebook.metadata.kernelspec.name == "python3"
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert cell.execution_count is None

    def test_shows_one_picture_before_anything_runs(self, path):
        cells = nbformat.read(path, as_version=4).cells
        (output,) = [output for cell in cells for output in cell.get("outputs", [])]
        assert set(output.data) == {"image/png", "text/plain"}
        picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        assert len(picture.getcolors(1 << 20)) > 8

    def test_runs_top_to_bottom(self, path, tmp_path):
        notebook = nbformat.read(path, as_version=4)
        place = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
