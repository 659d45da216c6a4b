"""A lesson against the models that are there: names become indices, and what does not fit is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...space import FeatureSpace
from .plan import Computed, Plan, Question, Step
from .quantities import QUANTITIES
from .source import Problem

__all__ = ["NONE_OF_THESE", "Setting", "bind"]

NONE_OF_THESE = "none of these"
MOST_CHOICES = 12


@dataclass(frozen=True)
class Setting:
    """Where a step stands, with what it keeps from the steps before.

    Attributes
    ----------
    model : str
    classes : tuple of int, or None for the model's usual ones
    mode : {"boundary", "section"}
    point, sample
        As in `Step`; both None for the usual start.
    choices : tuple of str
        Of the step's question.
    said : bool
        Whether the step itself says where it stands.
    """

    model: str
    classes: tuple[int, ...] | None = None
    mode: str = "boundary"
    point: tuple[float, float] | None = None
    sample: int | None = None
    choices: tuple[str, ...] = ()
    said: bool = False


def bind(
    plan: Plan,
    models: Sequence[str],
    space_of: Callable[[str], FeatureSpace],
    panels: Sequence[str],
) -> tuple[Setting, ...]:
    """Where each step of a lesson stands.

    Raises
    ------
    LessonError
        For models, classes, samples, tabs and choices that are not there.
    """
    problems: list[Problem] = []
    settings: list[Setting] = []
    before = Setting(models[0])
    for step in plan.steps:
        before = _Binder(step, problems).bind(before, models, space_of, panels)
        settings.append(before)
    if problems:
        raise plan.error(problems)
    return tuple(settings)


class _Binder:
    def __init__(self, step: Step, problems: list[Problem]) -> None:
        self._step, self._problems = step, problems

    def _problem(self, message: str, *fields: str) -> None:
        self._problems.append(Problem(message, (*self._step.place, *fields)))

    def bind(
        self,
        before: Setting,
        models: Sequence[str],
        space_of: Callable[[str], FeatureSpace],
        panels: Sequence[str],
    ) -> Setting:
        step = self._step
        model = step.model or before.model
        if model not in models:
            self._problem(
                f"must be one of {', '.join(models)}, received {model!r}; leave it out where the explorer is "
                "given its model, or give it none: Explorer(lesson=...) has all that come with the package",
                "model",
            )
            return before
        try:
            space = space_of(model)
        except (ValueError, ImportError) as error:
            self._problem(f"this model cannot be loaded: {error}", "model")
            return before
        if step.panel is not None and step.panel not in panels:
            self._problem(f"must be one of {', '.join(panels)}, received {step.panel!r}", "panel")
        if step.sample is not None and (space.bank is None or step.sample >= len(space.bank)):
            count = 0 if space.bank is None else len(space.bank)
            self._problem(f"the model has {count} samples, received {step.sample}", "sample")
        classes = self._classes(space)
        other_model = model != before.model
        if step.classes is None and not other_model:
            classes = before.classes
        mode = step.mode or before.mode
        same_plane = not other_model and classes == before.classes and mode == before.mode
        point, sample = step.point, step.sample
        if point is None and sample is None and same_plane:
            point, sample = before.point, before.sample
        said = other_model or any(x is not None for x in (step.classes, step.mode, step.point, step.sample))
        return Setting(model, classes, mode, point, sample, self._choices(space, classes), said)

    def _classes(self, space: FeatureSpace) -> tuple[int, ...] | None:
        if self._step.classes is None:
            return None
        names, indices = space.head.class_names, []
        for given in self._step.classes:
            if isinstance(given, str) and given in names:
                indices.append(names.index(given))
            elif isinstance(given, int) and 0 <= given < len(names):
                indices.append(given)
            else:
                some = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
                self._problem(
                    f"must be names ({some}) or indices from 0 to {len(names) - 1}, received {given!r}",
                    "classes",
                )
                return None
        if len(set(indices)) < len(indices):
            self._problem("must be different classes", "classes")
            return None
        return tuple(indices)

    def _choices(self, space: FeatureSpace, classes: tuple[int, ...] | None) -> tuple[str, ...]:
        question = self._step.question
        if question is None or question.kind != "choice":
            return ()
        if not isinstance(question.answer, Computed):
            return question.choices
        return self._computed_choices(question, question.answer, space, classes)

    def _computed_choices(
        self, question: Question, answer: Computed, space: FeatureSpace, classes: tuple[int, ...] | None
    ) -> tuple[str, ...]:
        """The choices given, or all values, or the chosen classes; where some are left out, that as well."""
        values = QUANTITIES[answer.name].values(space)
        unknown = [choice for choice in question.choices if choice not in values]
        if unknown:
            some = ", ".join(values[:12]) + (", ..." if len(values) > 12 else "")
            self._problem(
                f"{answer.name} is one of {some}, which {unknown[0]!r} is not", "question", "choices"
            )
        choices = question.choices
        if not choices:
            few = len(values) <= MOST_CHOICES
            choices = values if few else tuple(values[k] for k in classes or (0, 1, 2))
        return choices if set(values) <= set(choices) else (*choices, NONE_OF_THESE)
