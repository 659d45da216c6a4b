"""Flip points: the nearest point of each boundary in feature space, the nearest image found in pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ...geometry.faces import Faces
from ..png import picture
from .base import Question, facts
from .charts import side_by_side, table
from .image_search import ImageSearch
from .starts import CHOICES, Start, nearest_flip, start
from .work import Work, Worker

if TYPE_CHECKING:
    from ...pixels.flips import PixelFlip

__all__ = ["ANY", "ONE", "Flips", "FlipsPanel", "flip_pictures"]

MOST = 12  # classes that fit; the nearest are shown
ANY, ONE = 1170, 540  # steps of a search in pixels, towards any class and towards one
VERDICTS = {"yes": "exact", "no": "none: proof that they do not meet", "undecided": "undecided"}


@dataclass(frozen=True, eq=False)
class Flips:
    """Flip points of a point and of the image shown for it.

    Attributes
    ----------
    faces : Faces
        Closest point on the boundary with every other class, from the point.
    pixels : tuple of PixelFlip
        Found from the image, nearest first: the nearest of any class, or one towards each.
    start : Start or None
        The image; None where there is none.
    missing : str
        Why nothing was searched in pixels; else empty.
    """

    faces: Faces
    pixels: tuple[PixelFlip, ...]
    start: Start | None
    missing: str

    @property
    def order(self) -> NDArray[np.intp]:
        """The other classes: nearest boundary first, then undecided ones, then those without a boundary."""
        faces = self.faces
        rank = np.select([faces.verdicts == "yes", faces.verdicts == "no"], [0, 2], 1)
        order: NDArray[np.intp] = np.lexsort((np.nan_to_num(faces.distance), rank))
        return np.delete(order, np.flatnonzero(order == faces.class_index))

    def pixel(self, target: int) -> PixelFlip | None:
        """The flip in pixels towards a class, if it was found."""
        return next((flip for flip in self.found if flip.target == target), None)

    @property
    def found(self) -> tuple[PixelFlip, ...]:
        """Those of `pixels` that were found."""
        return tuple(flip for flip in self.pixels if np.isfinite(flip.distance))


class FlipsPanel(ImageSearch):
    """Two ranked tables, and one flip with its images."""

    title = "Flips"
    overlays = ("flip", "pixel flip")

    def __init__(self, worker: Worker) -> None:
        self._picked: int | None = None  # by the person
        self._drawing = False
        self._every: Question | None = None  # for which all classes are searched
        self.features, self.pixels, self.facts, self.pictures = (ipywidgets.HTML() for _ in range(4))
        self.target = ipywidgets.Dropdown(description="Flip to")
        self.place, self.land, self.every = (
            ipywidgets.Button(description=text, layout={"width": "auto"})
            for text in ("Flip point on slice", "Its image on slice", "Search all classes in pixels")
        )
        self.image = ipywidgets.Dropdown(description="Image", options=CHOICES)
        self.image.observe(self.ask_again, "value")
        self.target.observe(self._pick, "value")
        self.place.on_click(lambda _: self._place())
        self.land.on_click(lambda _: self._land())
        self.every.on_click(lambda _: self._search())
        self.controls = side_by_side(self.image, self.target, self.place, self.land, self.every)
        super().__init__(
            worker, [side_by_side(self.features, self.pixels), self.controls, self.facts, self.pictures]
        )

    def compute(self, question: Question, work: Work) -> Flips:
        """Exact flips in features, then those found in pixels."""
        faces = question.space.faces(question.y)
        missing = self.lacks_images(question) or self.too_large(question)
        if missing:
            return Flips(faces, (), None, missing)
        begin = start(question, self.image.value)
        found = Flips(faces, self._known(question, begin), begin, "")
        self.show_part(work, question, found)
        flip, image = question.space.flip_image, begin.image
        if self._every is not question:
            return replace(found, pixels=(nearest_flip(question.space, image, work.counter(ANY)),))
        others = [int(k) for k in found.order if k != begin.class_index][:MOST]
        targets = [k for k in others if found.pixel(k) is None]
        asked = work.counter(ONE * len(targets))
        for target in targets:
            flips = [*found.pixels, flip(image, target, cancelled=asked)]
            found = replace(found, pixels=tuple(sorted(flips, key=lambda made: made.distance)))
            self.show_part(work, question, found)
        return found

    def _known(self, question: Question, begin: Start) -> tuple[PixelFlip, ...]:
        """What was found before all classes are searched: not searched again."""
        before = self.answer
        same = self._every is question and before is not None and before.start is not None
        return before.found if same and before.start.source == begin.source else ()

    def draw(self, question: Question, answer: Flips) -> None:
        """Both tables, and the flip that is picked."""
        names = question.space.head.class_names
        self.features.value = _feature_table(answer, names)
        self.pixels.value = _pixel_table(question, answer)
        self.every.layout.display = None if answer.pixels else "none"
        whole = len(names) <= MOST + 1
        self.every.description = f"Search {'all' if whole else f'the nearest {MOST}'} classes in pixels"
        targets = [int(k) for k in answer.order[:MOST] if answer.faces.feasible[k]]
        targets += [flip.target for flip in answer.found if flip.target not in targets]
        first = [flip.target for flip in answer.found[:1]] + targets
        self._drawing = True
        self.target.options = [(names[k], k) for k in targets]
        self.target.value = self._picked if self._picked in targets else first[0] if first else None
        self._drawing = False
        self._show_target()
        self.hold(question, answer.missing)

    def _pick(self, change: dict[str, Any]) -> None:
        if not self._drawing:
            self._picked = change["new"]
            self._show_target()

    def _show_target(self) -> None:
        """One flip: numbers, images, and both moves on the slice."""
        question, answer, target = self._question, self.answer, self.target.value
        assert question is not None
        flip = None if target is None else answer.pixel(target)
        feasible = target is not None and bool(answer.faces.feasible[target])
        self.place.disabled, self.land.disabled = not feasible, flip is None
        self.facts.value = facts(_lines(question, answer, target, flip)) if feasible or flip else ""
        self.pictures.value = "" if flip is None else flip_pictures(question, flip)
        moves = {
            "flip": [question.y, answer.faces.points[target]] if feasible else [],
            "pixel flip": [answer.start.landed, flip.landing] if flip else [],
        }
        for name, points in moves.items():
            if points:
                question.view.draw(name, np.array(points))
            else:
                question.view.erase(name)

    def _place(self) -> None:
        question, target = self._question, self.target.value
        assert question is not None
        name = f"flip to {question.space.head.class_names[target]}"
        self.put_on_slice(question, self.answer.faces.points[target], name)

    def _land(self) -> None:
        question, target = self._question, self.target.value
        assert question is not None
        name = f"pixel flip to {question.space.head.class_names[target]}"
        self.put_on_slice(question, self.answer.pixel(target).landing, name)

    def _search(self) -> None:
        self._every = self._question
        self.ask_again()


def _feature_table(answer: Flips, names: tuple[str, ...]) -> str:
    faces, order = answer.faces, answer.order
    rows = [
        (names[k], f"{faces.distance[k]:.3g}" if faces.feasible[k] else "–", VERDICTS[str(faces.verdicts[k])])
        for k in order[:MOST]
    ]
    title = f"Feature space, from the point ({names[faces.class_index]})"
    rest = faces.verdicts[order[MOST:]]
    note = ""
    if len(rest):
        count = {kind: int((rest == kind).sum()) for kind in VERDICTS}
        note = (
            f"Not shown: {count['yes']} farther away, {count['no']} that do not meet, "
            f"{count['undecided']} undecided."
        )
    return table(title, ("boundary with", "distance", "how sure"), rows, note)


def _pixel_table(question: Question, answer: Flips) -> str:
    names = question.space.head.class_names
    if not answer.pixels:
        note = answer.missing or "The nearest image of another class is being searched."
        return table("Pixels", (), (), note)
    rows = [
        (
            names[flip.target], f"{flip.distance:.3g}", f"{flip.linearised_distance:.3g}",
            f"{flip.amplification:.3g}", f"{flip.alignment:.2f}", f"{100 * flip.null_share:.0f} %",
        )
        if np.isfinite(flip.distance)
        else ("any" if flip.target < 0 else names[flip.target], "none found", *["–"] * 4)
        for flip in answer.pixels
    ]  # fmt: skip
    source = "image" if answer.start is None else answer.start.source
    title = f"Pixels, from the {source} ({names[answer.pixels[0].class_index]})"
    columns = ("flip to", "found at", "linearised", "amplified", "aligned", "null share")
    note = "Distances found are upper bounds; the tab Adversarial has the certified one."
    return table(title, columns, rows, note)


def _lines(question: Question, answer: Flips, target: int, flip: PixelFlip | None) -> list[tuple[str, str]]:
    names, faces = question.space.head.class_names, answer.faces
    lines: list[tuple[str, str]] = []
    if faces.feasible[target]:
        lines += [
            ("in features", f"{faces.distance[target]:.3g}"),
            ("duality gap", f"{faces.gaps[target]:.0e}"),
        ]
    if flip is not None:
        logits = np.sort(question.space.head.logits(flip.landing[None])[0])
        seen = names[int(question.space.head.predict(flip.landing[None])[0])]
        lines += [
            ("in pixels", f"{flip.distance:.3g}"),
            ("moves features by", f"{flip.feature_move:.3g}"),
            ("of it changes no logit", f"{100 * flip.null_share:.0f} %"),
            ("training hull", f"{flip.hull_verdict}, {flip.hull_distance:.2g} away"),
            ("evaluated again as", f"{seen} ahead by {logits[-1] - logits[-2]:.0e}"),
        ]
    return lines


def flip_pictures(question: Question, flip: PixelFlip) -> str:
    """The original, the flip and their difference, as HTML."""
    first, other = (question.space.head.class_names[k] for k in (flip.class_index, flip.target))
    change = flip.image - flip.original
    largest = float(np.abs(change).max())
    made = (
        picture(flip.original, f"Original, {first}", f"original: {first}"),
        picture(flip.image, f"Flip of {first} to {other}", f"flip: {first} and {other} tie"),
        picture(
            0.5 + change / (2 * largest or 1.0), "Difference of the two",
            f"difference: white +{largest:.2g}, grey none, black −{largest:.2g}",
        ),
    )  # fmt: skip
    return f'<div class="fsw-stills">{"".join(made)}</div>'
