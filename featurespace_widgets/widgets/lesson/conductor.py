"""A lesson as it goes: steps open one after the other, controls are locked, answers are kept."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...models.store import write_atomically
from ..cards import error_card
from ..history import Standing
from .binding import NONE_OF_THESE, Setting, bind
from .card import LessonCard, paragraphs
from .judging import NotAnAnswer, judge, shown
from .plan import Computed, Plan, Question, Step, read_lesson
from .progress import KEPT, Given, Progress, ProgressError, fingerprint, read_progress
from .quantities import Unanswerable, measure
from .source import LessonError

if TYPE_CHECKING:
    from ..explorer import Explorer

__all__ = ["Conductor", "begin_lesson"]

CURTAIN = "Hidden until you have answered."
SHOWN_PROBLEMS = 6


def begin_lesson(explorer: Explorer, given: str | PathLike[str] | dict[str, Any]) -> Conductor | None:
    """Put a lesson on top of an explorer; None where its file is wrong, which the card then says."""
    card = LessonCard()
    explorer.children = [card, *explorer.children]
    try:
        plan = read_lesson(given)
        settings = bind(plan, explorer.models, explorer.space_of, explorer.tabs.titles)
    except LessonError as error:
        some = "\n".join(str(problem) for problem in error.problems[:SHOWN_PROBLEMS])
        more = len(error.problems) - SHOWN_PROBLEMS
        card.error = {
            "title": "This lesson cannot be used",
            "received": f"{error.source}\n{some}" + (f"\nand {more} more" if more > 0 else ""),
            "allowed": "",
            "todo": "Mend the file and run the cell again. Without the lesson the explorer works as usual.",
        }
        return None
    return Conductor(explorer, card, plan, settings)


class Conductor:
    """The lesson of an explorer, as ``explorer.lesson``.

    Attributes
    ----------
    plan : Plan
    step : int
        The step on screen, from 0.
    answers : dict of int to Given
        What was answered, by step.
    student : str
        Name or number that stands in the progress string and in the file of answers.
    """

    def __init__(
        self, explorer: Explorer, card: LessonCard, plan: Plan, settings: tuple[Setting, ...]
    ) -> None:
        self.plan, self.step, self.student = plan, 0, ""
        self.answers: dict[int, Given] = {}
        self._explorer, self._card, self._settings = explorer, card, settings
        self._truths: dict[int, str] = {}
        self._notice = ""
        self._moving = False
        self._kept = Standing(explorer.view.built, explorer.view.pose_shown)
        card.on_msg(self._asked)
        explorer.view.observe(self._keep, "answer")
        self._enter(0, arrange=True)

    # steps

    @property
    def reached(self) -> int:
        """The last step that is open: the first one whose question is not answered, or the last of all."""
        for index, step in enumerate(self.plan.steps):
            if step.question is not None and not self._answered(index):
                return index
        return len(self.plan.steps) - 1

    def go(self, step: int) -> None:
        """Show an open step, counted from 0.

        Raises
        ------
        ValueError
            If there is no such step, or a question before it is not answered yet.
        """
        if not isinstance(step, int) or not 0 <= step < len(self.plan.steps):
            raise ValueError(f"step must be from 0 to {len(self.plan.steps) - 1}, received {step!r}")
        if step > self.reached:
            raise ValueError(
                f"step {step + 1} opens once the question of step {self.reached + 1} is answered"
            )
        follows = step == self.step + 1 and not self._settings[step].said
        self._enter(step, arrange=not follows)

    def start_over(self) -> None:
        """Go back to where the step on screen began; answers are kept."""
        self._enter(self.step, arrange=True)

    def _enter(self, index: int, arrange: bool) -> None:
        self.step, self._notice = index, ""
        view = self._explorer.view
        self._moving = True
        try:
            if arrange:
                self._arrange(self._settings[index])
        finally:
            self._moving = False
        self._kept = Standing(view.built, view.pose_shown)
        self._explorer.forget()
        locks = sorted(self._now.locks)
        view.locked = self._explorer.toolbar.locked = locks
        if self._now.panel is not None:
            self._explorer.tabs.select(self._now.panel)
        self._tell()

    def _arrange(self, setting: Setting) -> None:
        explorer, view = self._explorer, self._explorer.view
        view.show(explorer.space_of(setting.model), classes=setting.classes)
        view.mode = setting.mode
        if setting.sample is not None:
            view.move_to(view.plane.to_plane(view.space.features[[setting.sample]])[0])
        elif setting.point is not None:
            view.move_to(setting.point)
        explorer.follow_view()

    @property
    def _now(self) -> Step:
        return self.plan.steps[self.step]

    # locks

    def _keep(self, _change: Any) -> None:
        """Put back what is locked, whichever way it was moved."""
        if self._moving:
            return
        view = self._explorer.view
        if self._allowed():
            self._kept = Standing(view.built, view.pose_shown)
            return
        kept = {key: value for key, value in self._kept.pose.items() if key not in ("id", "version")}
        self._moving = True
        try:
            view.restore(self._kept.scene, kept["mode"], kept)
            self._explorer.follow_view()
        finally:
            self._moving = False
        self._kept = Standing(view.built, view.pose_shown)

    def _allowed(self) -> bool:
        view, kept, locks = self._explorer.view, self._kept, self._now.locks
        pose = view.pose_shown
        same_space = view.space is kept.scene.space
        same_plane = view.built is kept.scene and _close(pose["frame"], kept.pose["frame"])
        where, stood = ([*each["probe"], each.get("shift", 0.0)] for each in (pose, kept.pose))
        return (
            ("model" not in locks or same_space)
            and ("classes" not in locks or (same_space and view.classes == kept.scene.chosen))
            and ("mode" not in locks or pose["mode"] == kept.pose["mode"])
            and ("point" not in locks or (same_plane and _close(where, stood)))
        )

    # answers

    def answer(self, given: str | float) -> bool | None:
        """Answer the question of the step on screen.

        Returns whether it is right; None for an open question.

        Raises
        ------
        ValueError
            If there is no question, the answer is settled, or it cannot be judged.
        """
        question, before = self._now.question, self.answers.get(self.step)
        if question is None:
            raise ValueError(f"step {self.step + 1} asks nothing")
        if before is not None and before.settled:
            raise ValueError(f"the question of step {self.step + 1} is answered already")
        truth = self._truth(question)
        choices = self._settings[self.step].choices
        if choices and given not in choices:
            raise NotAnAnswer(f"Choose one of {', '.join(choices)}.")
        if choices and isinstance(truth, str) and truth not in choices:
            truth = NONE_OF_THESE
        text, right = judge(question, given, truth)
        tries = (before.tries if before else 0) + 1
        settled = bool(right) or (right is False and tries >= question.tries)
        if settled and truth is not None:
            self._truths[self.step] = shown(truth)
        self.answers[self.step] = Given(
            question.text[:KEPT], fingerprint(question), text, right, tries, settled
        )
        self._notice = ""
        self._tell()
        return right

    def _truth(self, question: Question) -> str | float | tuple[str, ...] | None:
        if not isinstance(question.answer, Computed):
            return question.answer
        return measure(question.answer.name, self._explorer.space, self._explorer.view.probe.features)

    def _answered(self, index: int) -> bool:
        given = self.answers.get(index)
        return given is not None and (given.settled or given.right is None)

    # progress

    @property
    def progress(self) -> str:
        """All answers and the step on screen as one string; `restore` brings them back."""
        return self._progress().to_text()

    def _progress(self) -> Progress:
        return Progress(self.plan.title, self.student, self.step, dict(self.answers))

    def restore(self, progress: str) -> None:
        """Go on where a progress string was made.

        Answers to questions that the lecturer has changed since are left out, and the card says so.

        Raises
        ------
        ProgressError
            If the string is damaged, of another version or of another lesson; nothing changes then.
        """
        read = read_progress(progress)
        if read.lesson != self.plan.title:
            raise ProgressError(
                f"this progress string belongs to the lesson {read.lesson!r}, this is {self.plan.title!r}"
            )
        kept = {k: given for k, given in read.answers.items() if self._fits(k, given)}
        left = sorted(k + 1 for k in set(read.answers) - set(kept))
        self.answers, self.student = kept, read.student
        self._truths.clear()
        self._enter(min(read.step, self.reached), arrange=True)
        if left:
            steps = ", ".join(map(str, left))
            self._notice = f"The lesson was changed: the question of step {steps} is to be answered again."
            self._tell()

    def _fits(self, index: int, given: Given) -> bool:
        question = self.plan.steps[index].question if index < len(self.plan.steps) else None
        return question is not None and fingerprint(question) == given.print

    def save_answers(self, path: str | PathLike[str]) -> Path:
        """Save the answers as a JSON file, which `lessons.collect` reads; returns the path."""
        target = Path(path)
        if target.suffix.lower() != ".json" or not target.parent.is_dir():
            raise ValueError(f"path must be a .json file in a folder that exists, received {str(path)!r}")
        write_atomically(target, self._progress().to_json().encode())
        return target

    # the card

    def _tell(self) -> None:
        """Bring card, locks and curtains to where the lesson stands."""
        hidden = frozenset() if self._answered(self.step) else self._now.hidden
        self._explorer.panel.curtain = CURTAIN if "image" in hidden else ""
        self._show_charts("charts" not in hidden)
        reached = self.reached
        self._card.error = {}
        self._card.content = {
            "title": self.plan.title,
            "steps": [
                {"title": step.title, "state": self._state(k, reached)}
                for k, step in enumerate(self.plan.steps)
            ],
            "step": self.step,
            "paragraphs": paragraphs(self._now.text),
            "locked": sorted(self._now.locks),
            "question": self._question(),
            "open": reached,
            "notice": self._notice,
            "student": self.student,
            "progress": self.progress,
        }

    def _show_charts(self, shown: bool) -> None:
        """Taken out, not made invisible: a chart that is drawn in a hidden place has no size."""
        explorer = self._explorer
        others = [part for part in explorer.children if part is not explorer.tabs]
        explorer.children = [*others, explorer.tabs] if shown else others

    def _state(self, index: int, reached: int) -> str:
        if index > reached:
            return "locked"
        seen = max([self.step, *self.answers])
        done = self._answered(index) or (self.plan.steps[index].question is None and index < seen)
        return "done" if done else "open"

    def _question(self) -> dict[str, Any] | None:
        question, given = self._now.question, self.answers.get(self.step)
        if question is None:
            return None
        return {
            "kind": question.kind,
            "paragraphs": paragraphs(question.text),
            "choices": list(self._settings[self.step].choices),
            "unit": question.unit,
            "given": given.text if given else "",
            "settled": bool(given and given.settled),
            "verdict": "" if given is None else {True: "right", False: "wrong", None: "kept"}[given.right],
            "said": self._said(question, given),
        }

    def _said(self, question: Question, given: Given | None) -> list[list[list[str]]]:
        """What is said to an answer; the right one only once it is settled."""
        if given is None:
            return []
        if given.right is None:
            first = "Your answer is kept; you can still change it."
        elif given.right:
            first = question.right or "Right."
        elif given.settled:
            truth = self._truths.get(self.step)
            if truth is None and question.answer is not None and not isinstance(question.answer, Computed):
                truth = shown(question.answer)
            first = f"Not right. The answer is **{truth}**." if truth else "Not right."
        else:
            left = question.tries - given.tries
            tries = "one more try" if left == 1 else f"{left} more tries"
            first = f"{question.wrong or 'Not yet.'} You have {tries}."
        done = given.settled or given.right is None
        return paragraphs(first) + (paragraphs(question.explain) if done else [])

    def _asked(self, _card: Any, content: Any, _buffers: Any) -> None:
        """What somebody pressed on the card."""
        if not isinstance(content, dict):
            return
        value = content.get("value")
        try:
            self._do(content.get("type"), value)
        except (NotAnAnswer, Unanswerable) as error:
            self._notice = str(error)
            self._tell()
        except Exception as error:  # whatever the browser sent, or the model raised
            self._card.error = {**error_card("The lesson stays where it is", error), "todo": ""}

    def _do(self, kind: Any, value: Any) -> None:
        if kind == "answer" and isinstance(value, str | int | float):
            self.answer(value)
        elif kind == "go" and isinstance(value, int):
            self.go(value)
        elif kind == "progress" and isinstance(value, str):
            self.restore(value)
        elif kind == "student" and isinstance(value, str):
            self.student = value.strip()[:100]
            self._tell()
        elif kind == "file":
            name = "".join(c if c.isalnum() else "-" for c in f"{self.plan.title} {self.student}".strip())
            self._card.file = {"name": f"{name[:80]}.json", "text": self._progress().to_json()}


def _close(a: Any, b: Any) -> bool:
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-9, atol=1e-9))
