"""Exercises know their answers; the pictures of lessons are what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.lessons import EXERCISES, check, strip

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def sources():
    for path in NOTEBOOKS:
        yield (
            path,
            "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]),
        )


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_knows_right_from_wrong(name, capsys):
    truth = EXERCISES[name].truth()
    assert check(name, truth)
    wrong = "maybe" if isinstance(truth, str) else {"nothing"} if isinstance(truth, frozenset) else truth + 1
    assert not check(name, wrong)
    assert not check(name, ...)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Right."
    assert EXERCISES[name].hint in said[1]
    assert said[2].startswith("Not answered yet")


@pytest.mark.parametrize("name", EXERCISES)
def test_an_answer_of_another_kind_is_explained(name):
    with pytest.raises(ValueError, match="the answer is"):
        check(name, None)


def test_each_exercise_is_asked_once():
    asked = [name for _, text in sources() for name in EXERCISES if f'check("{name}"' in text]
    assert sorted(asked) == sorted(EXERCISES)


def test_unknown_exercise():
    with pytest.raises(ValueError, match="no exercise 'x'"):
        check("x", 1)


def test_borders_of_the_plane_by_looking_at_every_pixel():
    """On fine grids near and far, two classes touch where neighbouring points have them."""
    space, pairs = fsw.load("mnist-2d"), set()
    for span in (30, 300, 3000):
        axis = np.linspace(-span, span, 1500)
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        classes = space.head.predict(grid).reshape(1500, 1500)
        for one, other in ((classes[1:], classes[:-1]), (classes[:, 1:], classes[:, :-1])):
            beside = np.sort(np.stack([one[one != other], other[one != other]]), axis=0)
            found, count = np.unique(beside, axis=1, return_counts=True)
            pairs |= set(map(tuple, found[:, count > 3].T.tolist()))  # fewer: at a corner, across it
    assert check("plane-borders", len(pairs))
    assert check("plane-neighbours", {j for pair in pairs if 1 in pair for j in pair} - {1})


def test_answers_may_be_arrays_and_loosely_written_texts(capsys):
    assert check("certified-radius", np.array([EXERCISES["certified-radius"].truth()]))
    assert check("pixels-unique", " No ")
    assert check("plane-neighbours", list(np.array(sorted(EXERCISES["plane-neighbours"].truth()))))


def test_a_strip_shows_the_pixels():
    images = np.zeros((2, 1, 4, 4))
    images[1] = 1
    pixels = np.asarray(strip(images, side=8))
    assert pixels.shape == (8, 32, 3)
    assert (pixels[:, :8] == 0).all()
    assert (pixels[:, 16:24] == 255).all()
    for wrong, captions in ((np.zeros((2, 4, 4)), ()), (images, ("a",))):
        with pytest.raises(ValueError, match="received"):
            strip(wrong, captions)
