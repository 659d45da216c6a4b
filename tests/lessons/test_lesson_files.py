"""Lesson files: what is wrong is named with file, step and field, and no file can do harm."""

from __future__ import annotations

import contextlib
import copy
import re
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import featurespace_widgets as fsw
from featurespace_widgets.lessons import example
from featurespace_widgets.widgets.lesson.binding import NONE_OF_THESE, bind
from featurespace_widgets.widgets.lesson.judging import NotAnAnswer, judge
from featurespace_widgets.widgets.lesson.plan import Question, read_lesson
from featurespace_widgets.widgets.lesson.source import MOST_BYTES, LessonError

EXAMPLES = sorted(Path(fsw.lessons.__file__).parent.glob("*.yaml"))

GOOD = """title: A look
steps:
- text: Drag the point.
- title: A number
  text: Now think.
  question:
    kind: number
    text: How many features?
    answer: 2
    tolerance: 5 %
- title: A choice
  text: Now choose.
  question:
    kind: choice
    text: Which digit?
    choices: [3, 5, "8"]
    answer: 5
"""


def wrong(text, *parts):
    with pytest.raises(LessonError) as caught:
        read_lesson(text)
    said = str(caught.value)
    for part in parts:
        assert part in said, said
    return caught.value


def test_a_good_lesson_says_what_it_says():
    plan = read_lesson(GOOD)
    assert [step.title for step in plan.steps] == ["Step 1", "A number", "A choice"]
    number, choice = plan.steps[1].question, plan.steps[2].question
    assert (number.answer, number.tolerance, number.relative) == (2.0, 0.05, True)
    assert (choice.choices, choice.answer) == (("3", "5", "8"), "5")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("text: Drag the point.", "txt: Drag the point.", "step 1, field text, line 3: is missing"),
        (
            "text: Drag the point.",
            "txt: Drag the point.",
            "step 1, field txt, line 3: unknown field; allowed",
        ),
        ("answer: 5", "answer: 4", "step 3, field question.answer, line 17: must be one of 3, 5, 8"),
        ("answer: 2", "answer: two", "step 2, field question.answer, line 9: must be a finite number"),
        ("answer: 2", "answer: .nan", "must be a finite number"),
        (
            "answer: 2",
            "answer: {quantity: size}",
            "field question.answer.quantity, line 9: must be one of class",
        ),
        ("answer: 2", "answer: {quantity: class}", "belongs to a question of kind choice or text"),
        ("tolerance: 5 %", "tolerance: -1", "field question.tolerance, line 10: must be 0.1, or 5 %"),
        ("tolerance: 5 %", "tolerance: wide", "must be 0.1, or 5 %"),
        ("kind: number", "kind: riddle", "field question.kind, line 7: must be one of choice, number, text"),
        ('[3, 5, "8"]', "[yes, no]", "put them in quotes"),
        ('[3, 5, "8"]', "[5, 5]", "must all be different"),
        ('[3, 5, "8"]', "[5]", "must be a list of 2 to 12 texts"),
        ("title: A look", "title: [1]", "field title, line 1: must be a text, received a list"),
        ("title: A look", "titel: A look", "field title"),
        ("  text: Now think.", "  text: Now think.\n  lock: [image]", "must be a list of model, classes"),
        ("  text: Now think.", "  text: Now think.\n  point: [1]", "must be two plane coordinates"),
        ("  text: Now think.", "  text: Now think.\n  point: [1, .inf]", "must be two plane coordinates"),
        ("  text: Now think.", "  text: Now think.\n  classes: [3]", "must be 2 or 3 class names"),
        ("  text: Now think.", "  text: Now think.\n  sample: -1", "must be a whole number of 0 and more"),
        (
            "  text: Now think.",
            "  text: Now think.\n  text: Twice.",
            "field text, line 6: this stands here twice",
        ),
        ("- text: Drag the point.", "- Drag the point.", "step 1, line 3: must have fields"),
        ("- text: Drag the point.", "- text: ' '", "step 1, field text, line 3: must not be empty"),
        ("- text: Drag the point.", "- text: |\n    " + "x" * 5000, "must have at most 4000 characters"),
        ("- text: Drag the point.", "- {text: Drag., hide: [image]}", "this step has none"),
        ("title: A look", "title: A look: no", "line 1: this is not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, said):
    path = tmp_path / "my-lesson.yaml"
    assert GOOD.count(old) >= 1
    path.write_text(GOOD.replace(old, new, 1))
    error = wrong(path, "my-lesson.yaml", said)
    assert error.source == str(path)


def test_all_that_is_wrong_is_named_at_once():
    error = wrong(GOOD.replace("answer: 5", "answer: 4").replace("tolerance: 5 %", "tolerance: x"))
    assert [problem.line for problem in error.problems] == [10, 17]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [1]\nb: *a\n", "aliases"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "aliases"),
        ("[" * 3000 + "\n", "levels"),
        ("a:\n" + "".join(" " * (k + 1) + "a:\n" for k in range(30)), "levels"),
        ("steps:\n" + "- 1\n" * 24_000, "more than 20,000 values"),
        ("title: " + "x" * MOST_BYTES + "\n", "at most 100,000 bytes"),
        ("title: !!python/object/apply:os.system ['true']\nsteps: []\n", "not YAML"),
        ("title: x\nsteps: [{text: " + "9" * 6000 + "}]\n", "cannot be read"),
        ("title: 2020-13-45\nsteps: []\n", "cannot be read"),
        ("title: x\n---\ntitle: y\n", "not YAML"),
        ("title: \x00\nx: y", "not YAML"),
        ("? [a]\n: b\n", "not YAML"),
        ("\n", "must have fields"),
    ],
)
def test_a_hostile_file_is_refused_at_once(text, said):
    begun = time.monotonic()
    wrong(text, said)
    assert time.monotonic() - begun < 5


def test_what_is_no_file_is_refused(tmp_path):
    wrong(tmp_path / "absent.yaml", "absent.yaml", "cannot be read")
    wrong(tmp_path, "cannot be read")
    (tmp_path / "latin.yaml").write_bytes(b"title: \xe9\n")
    wrong(tmp_path / "latin.yaml", "UTF-8")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MOST_BYTES + 1))
    wrong(tmp_path / "huge.yaml", "bytes")
    wrong(42, "must be a file, YAML text or a dict, received int")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    ("title",), ("steps",), ("steps", 0), ("steps", 0, "text"), ("steps", 0, "classes"), ("steps", 0, "lock"),
    ("steps", 0, "hide"), ("steps", 0, "point"), ("steps", 0, "question"), ("steps", 0, "question", "answer"),
    ("steps", 0, "question", "choices"), ("steps", 0, "question", "kind"),
    ("steps", 0, "question", "tolerance"),
]  # fmt: skip


@given(st.sampled_from(PLACES), values)
def test_any_value_anywhere_is_read_or_refused(place, value):
    question = {"kind": "choice", "text": "?", "choices": ["a", "b"], "answer": "a"}
    lesson = {"title": "x", "steps": [{"text": "y", "classes": [1, 2], "question": question}]}
    lesson = copy.deepcopy(lesson)
    node = lesson
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    with contextlib.suppress(LessonError):  # nothing else may be raised
        assert read_lesson(lesson).steps


@pytest.fixture(scope="module")
def digits():
    return fsw.load("mnist-2d")


def bound(digits, step, question=None):
    content = {"title": "x", "steps": [{"text": "y", **step, **({"question": question} if question else {})}]}
    return bind(read_lesson(content), ["space 1"], lambda _: digits, ["Margins"])


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"model": "mnist"}, "field model: must be one of space 1, received 'mnist'"),
        ({"classes": [3, 10]}, "field classes: must be names (0, 1"),
        ({"classes": ["three", 5]}, "received 'three'"),
        ({"classes": [3, "3"]}, "must be different"),
        ({"sample": 4000}, "the model has 4000 samples, received 4000"),
        ({"panel": "Charts"}, "field panel: must be one of Margins"),
    ],
)
def test_what_the_models_do_not_have_is_named(digits, step, said):
    with pytest.raises(LessonError) as caught:
        bound(digits, step)
    assert f"step 1, {said}" in str(caught.value) or said in str(caught.value)


def test_choices_of_a_computed_answer_always_hold_it(digits):
    ask = {"kind": "choice", "text": "?", "answer": {"quantity": "class"}}
    (all_of_them,) = bound(digits, {"classes": [3, 5, 8]}, ask)
    assert all_of_them.choices == tuple("0123456789")
    (some,) = bound(digits, {}, {**ask, "choices": ["3", "5"]})
    assert some.choices == ("3", "5", NONE_OF_THESE)
    with pytest.raises(LessonError, match="which 'cat' is not"):
        bound(digits, {}, {**ask, "choices": ["3", "cat"]})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_fit_their_models(path):
    assert example(path.stem) == path
    explorer = fsw.Explorer(lesson=path)
    assert explorer.lesson is not None, explorer.children[0].error
    assert len(explorer.lesson.plan.steps) >= 4
    explorer.close()


def test_the_file_in_the_documentation_is_a_lesson():
    (block,) = re.findall(r"A lesson file::\n\n(.*?)\n\n[^ ]", fsw.lessons.__doc__, re.DOTALL)
    explorer = fsw.Explorer(lesson=textwrap.dedent(block))
    assert explorer.lesson is not None, explorer.children[0].error
    assert explorer.lesson.plan.steps[1].question.choices == ("3", "5", "8")
    explorer.close()


def test_there_are_examples_and_others_are_named():
    assert len(EXAMPLES) >= 2
    with pytest.raises(ValueError, match="how-sure, predict-then-look"):
        example("nothing")


NUMBER = Question("number", "?", 2.0, tolerance=0.05, relative=True)


@pytest.mark.parametrize(
    ("text", "right"),
    [("2", True), ("2.1", True), ("2,1", True), ("+2.0e0", True), (2, True), ("2.11", False), ("-2", False)],
)
def test_numbers_are_judged_by_their_tolerance(text, right):
    assert judge(NUMBER, text, 2.0)[1] is right


@pytest.mark.parametrize(
    "text", ["", " ", "two", "1e999", "2 m", "nan", "inf", "__import__('os')", None, [2]]
)
def test_what_is_no_number_is_asked_again(text):
    with pytest.raises(NotAnAnswer):
        judge(NUMBER, text, 2.0)


def test_absolute_tolerances_and_texts():
    assert judge(Question("number", "?", 0.3, tolerance=0.1), "0.4", 0.3)[1] is True
    assert judge(Question("number", "?", 0.3, tolerance=0.1), "0.41", 0.3)[1] is False
    accepted = ("convex hull", "the hull")
    assert judge(Question("text", "?", accepted), "The  Hull", accepted)[1] is True
    assert judge(Question("text", "?", accepted), "hull", accepted)[1] is False
    assert judge(Question("text", "?", None), "anything", None) == ("anything", None)
