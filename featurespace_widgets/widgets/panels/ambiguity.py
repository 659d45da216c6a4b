"""Ambiguity: the nearest feature vectors at which chosen classes tie, and their images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from ...geometry.arrays import Array
from ...geometry.blend_ties import AmbiguousBlend
from ...geometry.ties import Ambiguity
from ..png import picture
from .base import Panel, Question, facts
from .charts import side_by_side
from .chips import ClassChips
from .work import Work, Worker

if TYPE_CHECKING:
    from ...pixels.inversion import InversionResult
    from ...pixels.preview import Preview

__all__ = ["AmbiguityPanel", "Ties"]

THUMBS = 12  # blended images that fit
MARK = "ambiguity"  # of what is drawn on the slice
STEPS = 600  # of an inversion


@dataclass(frozen=True, eq=False)
class Ties:
    """Where chosen classes tie, nearest to a point.

    Attributes
    ----------
    classes : tuple of int
    tie : Ambiguity
        The closest such point in the domain.
    blend : AmbiguousBlend or None
        The closest blend of training features; None where there are none.
    tie_view, blend_view : Preview or None
        Their images; None where there is no point or nothing to make images from.
    """

    classes: tuple[int, ...]
    tie: Ambiguity
    blend: AmbiguousBlend | None
    tie_view: Preview | None
    blend_view: Preview | None


class _Card(ipywidgets.VBox):
    """One of the two points: image, facts, and what can be done with it."""

    def __init__(self, title: str, put: Callable[[], None], optimise: Callable[[], None]) -> None:
        self.heading = ipywidgets.HTML(f"<h4>{escape(title)}</h4>")
        self.image, self.facts, self.more = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.put = ipywidgets.Button(description="Put on slice", tooltip="Pull a corner of the section here")
        self.optimise = ipywidgets.Button(
            description="Optimise image", tooltip="Search an image whose features are this point"
        )
        self.put.on_click(lambda _: put())
        self.optimise.on_click(lambda _: optimise())
        beside = ipywidgets.VBox([self.facts, ipywidgets.HBox([self.put, self.optimise])])
        row = ipywidgets.HBox([self.image, beside])
        row.add_class("fsw-tie-row")
        super().__init__([self.heading, row, self.more])
        self.add_class("fsw-tie")


class AmbiguityPanel(Panel):
    """The closest tie of chosen classes, in the domain and in the training hull."""

    title = "Ambiguity"

    def __init__(self, worker: Worker) -> None:
        self.chips = ClassChips(self.ask_again)
        self._followed: tuple[Any, tuple[int, ...]] | None = None
        self.optimised: dict[str, InversionResult] = {}
        self.cards = {
            name: _Card(title, partial(self._put, name), partial(self._optimise, name))
            for name, title in (
                ("tie", "Closest tie in the domain"),
                ("blend", "Closest tie that is a blend of training images"),
            )
        }
        super().__init__(worker, [self.chips, side_by_side(*self.cards.values())])

    def missing(self, question: Question) -> str:
        """The classes follow those of the slice until others are chosen here."""
        followed = (question.space, question.classes)
        if followed != self._followed:
            self._followed = followed
            self.chips.offer(question.space.head.class_names, question.classes)
        return super().missing(question)

    def compute(self, question: Question, work: Work) -> Ties:
        """Both ties, with a proof where there is none, and their images."""
        space, classes = question.space, tuple(sorted(self.chips.chosen))
        tie = space.ambiguous(question.y, classes)
        work.progress(0.3)
        blend = None if space.bank is None else space.ambiguous_blend(question.y, classes)
        work.progress(0.7)
        views = [_view(question, found) for found in (tie, blend)]
        return Ties(classes, tie, blend, *views)

    def draw(self, question: Question, answer: Ties) -> None:
        """Both cards, and both points on the slice."""
        self.optimised = {}
        names = question.space.head.class_names
        self._card(question, "tie", answer.tie_view, _tie_facts(question, answer.tie), answer.tie.point)
        blend = answer.blend
        card = self.cards["blend"]
        if blend is None:
            self._card(question, "blend", None, [("training features", "this space has none")], None)
            card.more.value = ""
        else:
            point = blend.point if blend.verdict == "yes" else None
            self._card(question, "blend", answer.blend_view, _blend_facts(question, blend), point)
            card.more.value = _blended(question, blend)
        text = "" if answer.tie.verdict != "no" else _none(names, answer.classes)
        self.cards["tie"].more.value = text
        self._mark(question, answer)

    def leave(self) -> None:
        """Take the marks off the slice."""
        super().leave()
        if self._question is not None:
            self._question.view.erase(MARK)

    def _mark(self, question: Question, answer: Ties) -> None:
        found = [answer.tie.point] if answer.tie.verdict == "yes" else []
        if answer.blend is not None and answer.blend.verdict == "yes":
            found.append(answer.blend.point)
        if found:
            question.view.draw(MARK, np.array(found), kind="points", label="tie")
        else:
            question.view.erase(MARK)

    def _card(
        self,
        question: Question,
        name: str,
        view: Preview | None,
        lines: list[tuple[str, str]],
        point: Array | None,
    ) -> None:
        card, names = self.cards[name], question.space.head.class_names
        there = point is not None and bool(np.isfinite(point).all())
        card.put.layout.display = None if there else "none"
        can = there and question.space.classifier is not None and question.space.pictured is not None
        card.optimise.layout.display = None if can else "none"
        if view is not None:
            seen = names[int(view.seen[0])]
            card.image.value = picture(view.images[0], f"Image of the tie, seen as {seen}")
            lines = [
                *lines,
                ("image from", view.source),
                ("image seen as", seen),
                ("image's residual", f"{view.residuals[0]:.2f} (typical {view.yardstick:.2f})"),
            ]
        else:
            card.image.value = '<div class="fsw-still fsw-none">no image</div>' if there else ""
        card.facts.value = facts(lines)

    def _point(self, name: str) -> Array:
        answer: Ties = self.answer
        found = answer.tie if name == "tie" else answer.blend
        assert found is not None
        return found.point

    def _put(self, name: str) -> None:
        question = self._question
        if question is None or self.answer is None:
            return
        names = [question.space.head.class_names[k] for k in self.answer.classes]
        kind = "tie" if name == "tie" else "blend"
        question.view.through_point(self._point(name), f"{kind} of {', '.join(names)}"[:60])

    def _optimise(self, name: str) -> None:
        question = self._question
        if question is None or self.answer is None:
            return
        point, card, names = self._point(name), self.cards[name], question.space.head.class_names

        def show(image: Array, residual: float, predicted: int, state: str) -> None:
            card.image.value = picture(
                image, f"Optimised image of the tie, seen as {names[predicted]}", state
            )

        def compute(work: Work) -> InversionResult:
            def frame(found: Any) -> None:
                if found.step % 10 == 0:
                    work.deliver(partial(show, found.image, found.residual, found.predicted, "optimising"))
                    work.progress(found.step / STEPS)

            return question.space.invert(point, progress=frame, cancelled=work.stopped, max_steps=STEPS)

        def done(found: InversionResult) -> None:
            self._reveal(self.busy, False)
            self.optimised[name] = found
            show(found.image, found.residual, found.predicted, "optimised")
            lines = (
                _tie_facts(question, self.answer.tie)
                if name == "tie"
                else _blend_facts(question, self.answer.blend)
            )
            card.facts.value = facts(
                [
                    *lines,
                    ("image from", f"optimised, {found.verdict}"),
                    ("image seen as", names[found.predicted]),
                    ("image's residual", f"{found.residual:.2g} (typical {found.yardstick:.2f})"),
                ]
            )

        self._worker.ask(
            compute, done, lambda error: self._say(f"No image could be made: {error}"), self._progress
        )


def _view(question: Question, found: Ambiguity | AmbiguousBlend | None) -> Preview | None:
    space = question.space
    if found is None or not np.isfinite(found.point).all():
        return None
    if space.pictured is None and space.decoder is None:
        return None
    return space.preview(found.point[None])


def _tie_facts(question: Question, tie: Ambiguity) -> list[tuple[str, str]]:
    checked = "" if tie.verdict == "undecided" else (", checked again" if tie.verify() else ", check failed")
    lines = [("there is one", tie.verdict + checked)]
    if np.isfinite(tie.point).all():
        lines += [("distance", f"{tie.distance:.3g}"), *_scores(question, tie.classes, tie.point)]
    return lines


def _blend_facts(question: Question, blend: AmbiguousBlend) -> list[tuple[str, str]]:
    checked = (
        "" if blend.verdict == "undecided" else (", checked again" if blend.verify() else ", check failed")
    )
    lines = [("there is one", blend.verdict + checked)]
    if blend.verdict == "yes":
        lines += [("distance", f"{blend.distance:.3g}"), *_scores(question, blend.classes, blend.point)]
    return lines


def _scores(question: Question, classes: tuple[int, ...], point: Array) -> list[tuple[str, str]]:
    """By how much the tie is missed, and what each of the classes gets."""
    logits = question.space.head.logits(point[None])[0]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    chosen = list(classes)
    miss = float(logits.max() - logits[chosen].min())
    return [
        ("softmax of each", f"{100 * shares[chosen].mean():.1f} %"),
        ("tie missed by", f"{miss:.1e} logits"),
    ]


def _none(names: tuple[str, ...], classes: tuple[int, ...]) -> str:
    text = ", ".join(names[k] for k in classes)
    return (
        f"<p>Nowhere in the domain do {escape(text)} tie with no other class above: multipliers add up to a "
        "contradiction. Choose fewer or other classes.</p>"
    )


def _blended(question: Question, blend: AmbiguousBlend) -> str:
    """The training images that are blended, heaviest first."""
    names, space = question.space.head.class_names, question.space
    if blend.verdict == "no":
        text = ", ".join(names[k] for k in blend.classes)
        return (
            f"<p>No blend of the {len(space.features)} training features is such a tie of {escape(text)}: "
            "one direction of the scores is negative for all of them.</p>"
        )
    if blend.verdict != "yes":
        return "<p>The search ended without a blend and without a proof that there is none.</p>"
    order = blend.weights.argsort()[::-1][:THUMBS]
    bank = space.bank
    assert bank is not None
    parts = []
    for k in order:
        row, weight = int(blend.indices[k]), f"{100 * blend.weights[k]:.0f} %"
        label = names[space.labels[row]]
        if bank.images is None:
            parts.append(f"<span>{weight} {escape(label)} (sample {row})</span>")
        else:
            parts.append(
                picture(bank.images[row], f"Training image {row}: {label}", f"{weight} {label}", small=True)
            )
    return f'<div class="fsw-stills">{"".join(parts)}</div>'
