"""A lesson beside the explorer: steps, locks, answers, progress."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds

import featurespace_widgets as fsw
from featurespace_widgets.widgets.lesson.card import paragraphs
from featurespace_widgets.widgets.lesson.progress import Given, Progress, ProgressError, read_progress

LESSON = """title: A look
lock: [model]
steps:
- text: Drag the point.
  classes: [3, 5, 8]
  lock: [classes]
- text: Look.
  sample: 12
  lock: [point]
  hide: [image, charts]
  question:
    kind: choice
    text: Which class?
    answer: {quantity: class}
    wrong: Look again.
    explain: The largest logit.
- text: Read.
  panel: Extrapolation
  question:
    kind: number
    text: How far?
    answer: {quantity: radius}
    tolerance: 1 %
    tries: 2
- text: Say.
  classes: [0, 1]
  mode: section
  question:
    kind: text
    text: What do you think?
- text: The end.
"""


@pytest.fixture(scope="module")
def digits():
    return fsw.load("mnist-2d")


@pytest.fixture
def explorer(digits):
    explorer = fsw.Explorer([digits, fsw.FeatureSpace.from_arrays(np.eye(3))], lesson=LESSON)
    assert explorer.lesson is not None, explorer.children[0].error
    yield explorer
    explorer.close()


@pytest.fixture
def lesson(explorer):
    return explorer.lesson


def card(explorer):
    return explorer.children[0]


def press(explorer, kind, value=None):
    """As the browser does."""
    card(explorer)._handle_custom_msg({"type": kind, "value": value}, [])


def test_steps_open_one_after_the_other(lesson, digits):
    assert lesson.reached == 1
    lesson.go(1)
    with pytest.raises(ValueError, match="step 3 opens once the question of step 2 is answered"):
        lesson.go(2)
    assert lesson.answer("4") is False
    assert lesson.reached == 1
    assert lesson.answer(digits.head.class_names[digits.predictions[12]]) is True
    assert lesson.reached == 2
    with pytest.raises(ValueError, match="answered already"):
        lesson.answer("3")
    for wrong in (-1, 5, "1"):
        with pytest.raises(ValueError, match="step must be from 0 to 4"):
            lesson.go(wrong)


def test_a_right_answer_is_not_in_the_browser_before_it_is_given(explorer, lesson, digits):
    lesson.go(1)
    lesson.answer(digits.head.class_names[digits.predictions[12]])
    lesson.go(2)
    radius = float(digits.radius(digits.features[12:13])[0])
    told = f"{radius:.4g}"
    assert told not in json.dumps(card(explorer).content)
    assert lesson.answer(radius * 1.02) is False
    assert told not in json.dumps(card(explorer).content)
    assert lesson.answer(0) is False  # the second and last try
    question = card(explorer).content["question"]
    assert question["settled"]
    assert told in json.dumps(question["said"])
    assert lesson.reached == 3


def test_image_and_charts_are_hidden_until_the_answer(explorer, lesson, digits):
    assert explorer.panel.curtain == ""
    lesson.go(1)
    assert explorer.panel.curtain
    assert explorer.tabs not in explorer.children
    lesson.answer(digits.head.class_names[digits.predictions[12]])
    assert explorer.panel.curtain == ""
    assert explorer.tabs in explorer.children
    assert explorer.tabs.tab.selected_index == 0
    lesson.go(2)
    assert explorer.tabs.titles[explorer.tabs.tab.selected_index] == "Extrapolation"


def test_a_step_stands_where_it_says(explorer, lesson, digits):
    lesson.go(1)
    assert explorer.view.classes == (3, 5, 8)
    np.testing.assert_allclose(explorer.view.probe.features, digits.features[12], atol=1e-5)
    lesson.answer(digits.head.class_names[digits.predictions[12]])
    lesson.go(2)  # says nothing: stays there
    np.testing.assert_allclose(explorer.view.probe.features, digits.features[12], atol=1e-5)
    lesson.answer(digits.radius(digits.features[12:13])[0])
    lesson.go(3)
    assert (explorer.view.classes, explorer.view.mode) == ((0, 1), "section")
    explorer.view.move_to([1.0, 2.0])
    lesson.go(2)  # back, and it stands there again
    assert (explorer.view.classes, explorer.view.mode) == ((3, 5, 8), "boundary")
    np.testing.assert_allclose(explorer.view.probe.features, digits.features[12], atol=1e-5)


WAYS = {
    "model": lambda explorer: setattr(explorer.toolbar, "model", "space 2"),
    "classes": lambda explorer: setattr(explorer.toolbar, "chosen", [0, 1, 2]),
    "mode": lambda explorer: setattr(explorer.toolbar, "mode", "section"),
    "point": lambda explorer: explorer.view.move_to([1.0, 2.0]),
    "dragged": lambda explorer: setattr(
        explorer.view, "pose", {**explorer.view.pose, "id": 77, "probe": [1.0, 2.0]}
    ),
    "shifted": lambda explorer: setattr(
        explorer.view, "pose", {**explorer.view.pose, "id": 79, "shift": 0.5}
    ),
    "sample": lambda explorer: explorer.view.through_sample(3, 1),
    "state": lambda explorer: explorer.restore({**explorer.state, "classes": [0, 1]}),
    "show": lambda explorer: explorer.view.show(classes=(1, 2)),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_locked_is_put_back_whichever_way_it_was_moved(explorer, lesson, way):
    lesson.go(1)
    before = explorer.state
    assert explorer.view.locked == explorer.toolbar.locked == ["classes", "mode", "model", "point"]
    WAYS[way](explorer)
    assert explorer.state == before
    assert explorer.view.pose_shown.get("shift", 0.0) == 0.0
    toolbar = explorer.toolbar
    assert (toolbar.model, toolbar.chosen, toolbar.mode) == ("space 1", [3, 5, 8], "boundary")
    explorer.view.pose = {**explorer.view.pose, "id": 78, "view": [0.0, 0.0, 50.0]}  # looking is free
    assert explorer.view.window == (0.0, 0.0, 50.0)
    lesson.answer("3" if before["point"] else "")
    explorer.undo()
    assert explorer.state["point"] == before["point"]


def test_what_is_not_locked_moves(explorer, lesson):
    for way in ("point", "mode", "dragged"):
        before = explorer.state
        WAYS[way](explorer)
        assert explorer.state != before
    WAYS["classes"](explorer)
    assert explorer.view.classes == (3, 5, 8)
    explorer.toolbar.reset += 1  # where the step began
    assert (explorer.view.mode, explorer.view.classes) == ("boundary", (3, 5, 8))


def test_the_cards_buttons(explorer, lesson):
    press(explorer, "go", 1)
    assert card(explorer).content["step"] == 1
    press(explorer, "answer", "")
    assert "Choose one of" in card(explorer).content["notice"]
    assert lesson.answers == {}
    press(explorer, "go", 4)
    assert "opens once" in card(explorer).error["received"]
    press(explorer, "answer", "3")
    assert card(explorer).error == {}
    press(explorer, "student", "  Ada  ")
    press(explorer, "file")
    file = card(explorer).file
    assert file["name"] == "A-look-Ada.json"
    assert read_progress(json.loads(file["text"])["progress"]).student == "Ada"
    press(explorer, "progress", "FSW1.abc.def")
    assert "damaged" in card(explorer).error["received"]
    for kind, value in (("go", "1"), ("answer", {}), ("progress", 3), ("nothing", None), (None, None)):
        press(explorer, kind, value)
    card(explorer)._handle_custom_msg("no dict", [])
    card(explorer).set_state({"content": {"title": "forged"}})
    assert card(explorer).content["title"] == "A look"


def test_progress_comes_back_from_its_string(explorer, lesson, digits):
    lesson.student = "Ada"
    lesson.go(1)
    lesson.answer("0")
    lesson.answer(digits.head.class_names[digits.predictions[12]])
    lesson.go(2)
    text = lesson.progress
    assert len(text) < 700
    other = fsw.Explorer(digits, lesson=LESSON)
    wrapped = "\n  ".join(text[k : k + 60] for k in range(0, len(text), 60))
    other.lesson.restore(wrapped)
    assert (other.lesson.step, other.lesson.student) == (2, "Ada")
    assert other.lesson.answers == lesson.answers
    assert other.lesson.progress == text
    np.testing.assert_allclose(other.view.probe.features, digits.features[12], atol=1e-5)
    changed = fsw.Explorer(digits, lesson=LESSON.replace("Which class?", "Which class is it?"))
    changed.lesson.restore(text)
    assert (changed.lesson.step, changed.lesson.answers) == (1, {})
    assert "question of step 2" in card(changed).content["notice"]
    another = fsw.Explorer(digits, lesson=LESSON.replace("A look", "Another"))
    with pytest.raises(ProgressError, match="belongs to the lesson 'A look', this is 'Another'"):
        another.lesson.restore(text)
    for one in (other, changed, another):
        one.close()


def some_progress():
    answers = {
        k: Given(f"Question {k}?", "01234567", "é ✓ 3", [True, False, None][k], k + 1, True) for k in range(3)
    }
    return Progress("A look", "Ada", 2, answers)


def test_every_changed_character_is_found():
    text = some_progress().to_text()
    assert read_progress(text) == some_progress()
    for k in range(len(text)):
        for wrong in ("A" if text[k] != "A" else "B", ""):
            with pytest.raises(ProgressError):
                read_progress(text[:k] + wrong + text[k + 1 :])


@given(st.text(max_size=60) | st.builds(lambda text: f"FSW1.{text}", st.text(max_size=40)) | st.integers())
def test_any_text_is_refused_with_a_sentence(text):
    with pytest.raises(ProgressError):
        read_progress(text)


def test_other_versions_bombs_and_foreign_contents_are_refused():
    def packed(data):
        body = base64.urlsafe_b64encode(zlib.compress(data)).decode().rstrip("=")
        return f"FSW1.{body}.{hashlib.sha256(body.encode()).hexdigest()[:8]}"

    with pytest.raises(ProgressError, match="version 9"):
        read_progress("FSW9.abc.def")
    deep = b"[" * 100_000
    for data in (
        b"0" * 30_000_000, deep, b"{}", b"[1,2,3,4]", b'["a","b",0,[[1]]]', b'["a","b",99,[]]',
        b'["a","b",0,[["0","q","p","t",true,1,true]]]', b'["a","b",0,[[0,"q","p","t",2,1,true]]]',
    ):  # fmt: skip
        with pytest.raises(ProgressError, match="does not hold answers"):
            read_progress(packed(data))


def test_a_wrong_lesson_is_a_card_and_the_explorer_works(digits, tmp_path):
    path = tmp_path / "lesson.yaml"
    path.write_text(LESSON.replace("text: Look.", "txt: Look."))
    explorer = fsw.Explorer(digits, lesson=path)
    error = card(explorer).error
    assert explorer.lesson is None
    assert error["title"] == "This lesson cannot be used"
    assert str(path) in error["received"]
    assert "step 2, field text, line 7: is missing" in error["received"]
    explorer.view.move_to([1.0, 2.0])
    np.testing.assert_allclose(explorer.view.probe.st, [1.0, 2.0])
    explorer.close()


def test_texts_stay_texts():
    evil = '<script>alert(1)</script> **<img src=x onerror="alert(1)">** `</p>`'
    assert paragraphs(evil) == [
        [
            ["plain", "<script>alert(1)</script> "],
            ["bold", '<img src=x onerror="alert(1)">'],
            ["plain", " "],
            ["code", "</p>"],
        ]
    ]
    assert paragraphs("one\ntwo\n\n three ") == [[["plain", "one two"]], [["plain", "three"]]]


def test_no_image_over_the_point_is_no_try():
    bank = np.abs(np.random.default_rng(0).normal(size=(50, 6)))
    space = fsw.FeatureSpace.from_arrays(
        np.random.default_rng(1).normal(size=(4, 6)), features=bank, domain=Bounds(0.0, 9.0)
    )
    plan = {
        "title": "x",
        "steps": [
            {
                "text": "y", "point": [1e6, 1e6],
                "question": {"kind": "number", "text": "?", "answer": {"quantity": "radius"}},
            },
            {"text": "z", "question": {"kind": "number", "text": "?", "answer": {"quantity": "residual"}}},
        ],
    }  # fmt: skip
    explorer = fsw.Explorer(space, lesson=plan)
    press(explorer, "answer", "1")
    assert "No feature vector lies over this point" in card(explorer).content["notice"]
    assert explorer.lesson.answers == {}
    explorer.view.show()
    explorer.lesson.answer(space.radius(explorer.view.probe.features[None])[0])
    explorer.lesson.go(1)
    press(explorer, "answer", "1")
    assert "This model cannot answer" in card(explorer).content["notice"]
    explorer.close()
