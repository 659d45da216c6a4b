"""What a lesson says: steps with a text, a place, locks and at most one question each.

`featurespace_widgets.lessons` describes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

from .fields import Fields
from .quantities import QUANTITIES
from .source import LessonError, Place, Problem, Source, read_source

__all__ = ["Computed", "Plan", "Question", "Step", "read_lesson"]

MOST_STEPS = 60
LOCKS = ("model", "classes", "mode", "point")
HIDDEN = ("image", "charts")
KINDS = ("choice", "number", "text")
LONG, SHORT = 4000, 200  # characters of a text, of a title or a choice


@dataclass(frozen=True)
class Computed:
    """An answer that is computed from the model at the point; `name` is one of `QUANTITIES`."""

    name: str


@dataclass(frozen=True)
class Question:
    """A question and how to judge an answer.

    Attributes
    ----------
    kind : {"choice", "number", "text"}
    text : str
    answer : str, float, tuple of str, Computed or None
        A tuple of accepted texts; None for an open question.
    choices : tuple of str
        Empty where the model's class names, or the three verdicts, are meant.
    tolerance : float
    relative : bool
        Whether the tolerance is a share of the answer.
    unit, right, wrong, explain : str
        What is said beside the input, after a right and a wrong answer, and once it is settled.
    tries : int
        Wrong answers after which the right one is shown.
    """

    kind: str
    text: str
    answer: str | float | tuple[str, ...] | Computed | None
    choices: tuple[str, ...] = ()
    tolerance: float = 0.0
    relative: bool = False
    unit: str = ""
    right: str = ""
    wrong: str = ""
    explain: str = ""
    tries: int = 3


@dataclass(frozen=True)
class Step:
    """One page of a lesson; what is None stays as it was.

    Attributes
    ----------
    title, text : str
    model : str or None
    classes : tuple of int or str, or None
    mode : {"boundary", "section"} or None
    point : (s, t) in plane coordinates, or None
    sample : int or None
        The point stands over this row of the training features.
    panel : str or None
    locks, hidden : frozenset of str
    question : Question or None
    place : tuple
        Where it stands in its file.
    """

    title: str
    text: str
    model: str | None
    classes: tuple[int | str, ...] | None
    mode: str | None
    point: tuple[float, float] | None
    sample: int | None
    panel: str | None
    locks: frozenset[str]
    hidden: frozenset[str]
    question: Question | None
    place: Place


@dataclass(frozen=True)
class Plan:
    """A lesson as it was read; `bind` checks it against the models that are there."""

    title: str
    steps: tuple[Step, ...]
    source: Source

    def error(self, problems: list[Problem]) -> LessonError:
        """Problems with the lines of this file."""
        return LessonError(
            self.source.name,
            [Problem(p.message, p.place, p.line or self.source.line(p.place)) for p in problems],
        )


def read_lesson(given: str | PathLike[str] | dict[str, Any]) -> Plan:
    """Read a lesson from a file, from YAML text of several lines, or from a dict.

    Raises
    ------
    LessonError
        Names the file and, for everything that is wrong, step, field and line.

    Examples
    --------
    >>> plan = read_lesson({"title": "A look", "steps": [{"text": "Drag the point."}]})
    >>> plan.title, plan.steps[0].title
    ('A look', 'Step 1')
    >>> read_lesson({"title": "A look", "steps": [{"txt": "Drag the point."}]})
    Traceback (most recent call last):
    featurespace_widgets.widgets.lesson.source.LessonError: the lesson: step 1, field text: is missing; \
step 1, field txt: unknown field; allowed are title, text, model, classes, mode, point, sample, panel, lock, \
hide, question
    """
    source = read_source(given)
    problems: list[Problem] = []
    root = Fields(source.content, (), problems)
    title = root.text("title", SHORT, required=True)
    model = root.text("model", SHORT) or None
    locks = root.words("lock", LOCKS)
    steps = tuple(
        _step(Fields(content, ("steps", k), problems), k, model, locks)
        for k, content in enumerate(root.items("steps", MOST_STEPS))
    )
    root.refuse_others()
    plan = Plan(title, steps, source)
    if problems:
        raise plan.error(problems)
    return plan


def _step(fields: Fields, index: int, model: str | None, locks: frozenset[str]) -> Step:
    title = fields.text("title", SHORT) or f"Step {index + 1}"
    text = fields.text("text", LONG, required=True)
    own_model = fields.text("model", SHORT) or model
    classes = fields.classes("classes")
    mode = fields.one_of("mode", ("boundary", "section"))
    point = fields.point("point")
    sample = fields.integer("sample", 0, None)
    panel = fields.text("panel", SHORT) or None
    locks = locks | fields.words("lock", LOCKS)
    hidden = fields.words("hide", HIDDEN)
    question = _question(fields.inner("question"))
    fields.refuse_others()
    if point is not None and sample is not None:
        fields.problem("sample", "a step has a point or a sample, not both")
    if hidden and question is None:
        fields.problem("hide", "hides until the question is answered, and this step has none")
    return Step(
        title, text, own_model, classes, mode, point, sample, panel, _closed(locks), hidden, question,
        fields.place,
    )  # fmt: skip


def _closed(locks: frozenset[str]) -> frozenset[str]:
    """Locks with all that they depend on: other classes make another plane, and a point stands in a plane."""
    if "point" in locks:
        return frozenset(LOCKS)
    return locks | {"model"} if "classes" in locks else locks


def _question(fields: Fields | None) -> Question | None:
    if fields is None:
        return None
    kind = fields.one_of("kind", KINDS, required=True) or ""
    text = fields.text("text", LONG, required=True)
    said = {name: fields.text(name, LONG) for name in ("right", "wrong", "explain")}
    tries = fields.integer("tries", 1, 20) or 3
    computed = _computed(fields)
    answer: str | float | tuple[str, ...] | Computed | None = computed
    choices: tuple[str, ...] = ()
    tolerance, relative, unit = 0.0, False, ""
    if kind == "choice":
        choices = fields.choices("choices", SHORT, required=computed is None)
        if computed is None:
            answer = fields.plain_text("answer", SHORT, required=True)
            if choices and answer and answer not in choices:
                fields.problem("answer", f"must be one of {', '.join(choices)}, received {answer!r}")
    elif kind == "number":
        if computed is None:
            answer = fields.number("answer", required=True)
        tolerance, relative = fields.tolerance("tolerance")
        unit = fields.text("unit", 20)
    elif kind == "text" and computed is None:
        answer = fields.texts("answer", SHORT) or None
    if kind:
        _check_kind(fields, kind, computed)
        fields.refuse_others()
    return Question(kind, text, answer, choices, tolerance, relative, unit, tries=tries, **said)


def _computed(fields: Fields) -> Computed | None:
    """The quantity that an answer ``{quantity: NAME}`` names."""
    inner = fields.inner("answer", optional_kind=True)
    if inner is None:
        return None
    name = inner.one_of("quantity", tuple(QUANTITIES), required=True)
    inner.refuse_others()
    return Computed(name or "")


def _check_kind(fields: Fields, kind: str, computed: Computed | None) -> None:
    if computed is None or computed.name not in QUANTITIES:
        return
    number = QUANTITIES[computed.name].kind == "number"
    if number != (kind == "number"):
        wanted = "number" if number else "choice or text"
        fields.problem("answer", f"the quantity {computed.name} belongs to a question of kind {wanted}")
