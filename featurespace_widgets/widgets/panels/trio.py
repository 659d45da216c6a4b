"""Three images that span a plane, chosen from the samples of a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ...models.bank import Bank, in_unit
from .base import Panel, Question
from .plans import Planes
from .work import Worker

__all__ = ["CHOICES", "Trio", "TrioPanel", "choose_trio"]

CHOICES = (
    ("typical of the chosen classes", "typical"),
    ("nearest to the point", "point"),
    ("nearest to the section's corners", "corners"),
)
NEAR = 12  # samples among which three are looked for that differ


@dataclass(frozen=True, eq=False)
class Trio:
    """Three samples with images.

    Attributes
    ----------
    rows : tuple of int
        Their rows in the space's `pictured`.
    images : (3, C, H, W) array in [0, 1]
    labels : three texts
    """

    rows: tuple[int, ...]
    images: NDArray[np.float64]
    labels: tuple[str, ...]


def choose_trio(question: Question, choice: str) -> Trio:
    """Three samples with images for a question; with fewer than three, a ValueError says so.

    "typical": for each chosen class the rightly classified sample nearest to the mean of all of them, for two
    classes the sample nearest to the point besides. "point": the three nearest. "corners": for each corner
    of the section the nearest.
    """
    space, bank = question.space, question.space.pictured
    assert bank is not None
    assert bank.images is not None
    if len(bank) < 3:
        raise ValueError(f"a plane needs three images, {space.title!r} has {len(bank)}")
    rows: list[int] = []
    if choice == "corners":
        for near in space.nearest_images(question.view.built.corners, min(NEAR, len(bank)))[1]:
            rows.append(next(int(row) for row in near if row not in rows))
    elif choice == "typical":
        rows = _typical(question, bank)
    near = space.nearest_images(question.y[None], min(NEAR, len(bank)))[1][0]
    rows = [*rows, *(int(row) for row in near if row not in rows)][:3]
    return Trio(tuple(rows), in_unit(bank.images[rows]), tuple(_names(question, bank, rows)))


def _typical(question: Question, bank: Bank) -> list[int]:
    """Of each chosen class the rightly classified sample with an image that is nearest to their mean."""
    from ...pixels.morph import representative

    head = question.space.head
    labels = head.predict(bank.features) if bank.labels is None else bank.labels
    rows = []
    for k in question.classes:
        with suppress(ValueError):  # a class without such a sample
            rows.append(representative(head, bank.features, labels, k))
    return rows


def _names(question: Question, bank: Bank, rows: list[int]) -> list[str]:
    """Class names, numbered where they repeat."""
    seen = question.space.head.predict(bank.features[rows].astype(np.float64))
    labels = seen if bank.labels is None else bank.labels[rows]
    names = [question.space.head.class_names[k] for k in labels]
    counted = [names[: k + 1].count(name) for k, name in enumerate(names)]
    return [
        f"{name} ({number})" if names.count(name) > 1 else name
        for name, number in zip(names, counted, strict=True)
    ]


class TrioPanel(Panel):
    """A panel about the planes through three images: the point matters only where it chooses them.

    Parameters
    ----------
    worker : Worker
    controls : sequence of widgets
        Beside the choice of images.
    answers : callable
        For the cursor of `Planes`.
    """

    def __init__(
        self, worker: Worker, controls: Sequence[Any], answers: Callable[[int, Any], dict[str, Any]]
    ) -> None:
        self.choice = ipywidgets.Dropdown(options=CHOICES, description="Images")
        self.choice.layout.width = "330px"
        self.choice.observe(self.ask_again, "value")
        self.facts = ipywidgets.HTML()
        self.planes = Planes(answers, self.look)
        self._key: tuple[Any, ...] = ()
        self._trio: Trio | None = None
        self._turn = 0  # another number for other images
        row = ipywidgets.HBox([self.choice, *controls])
        row.add_class("fsw-chart-row")
        self.shown = ipywidgets.VBox([self.facts, self.planes])
        super().__init__(worker, [row, self.shown])

    def look(self) -> None:
        """A person moved a window."""

    def renew(self) -> None:
        """Other images span the planes."""

    def follow(self, question: Question) -> None:
        """The point moved, the images are the same."""

    def missing(self, question: Question) -> str:
        """Three images are needed."""
        if question.space.pictured is None:
            return f"{question.space.title!r} has no images to span a plane; pass images= with its features."
        return super().missing(question) or self._choose(question)

    def _say(self, sentence: str) -> None:
        super()._say(sentence)
        if self._trio is not None:  # another choice may have an answer
            self.children = [self.text, self.busy, self.content]
            self._reveal(self.content, True)
            self._reveal(self.shown, False)

    def _choose(self, question: Question) -> str:
        key = self._about(question)
        if key == self._key and self._trio is not None:
            return ""
        try:
            trio = choose_trio(question, self.choice.value)
        except ValueError as error:
            return f"There is no plane of images: {error}."
        if self._trio is None or key[0] is not self._key[0] or trio.rows != self._trio.rows:
            self._trio = trio
            self._turn += 1
            self.planes.views = []
            self.renew()
        self._key = key
        return ""

    def _about(self, question: Question) -> tuple[Any, ...]:
        """What the choice of images depends on."""
        choice = self.choice.value
        if choice == "point":
            return question.space, choice, question.y.tobytes()
        if choice == "corners":
            return question.space, choice, question.view.built.corners.tobytes()
        return question.space, choice, question.classes

    def ask(self, question: Question) -> None:
        """Compute for other images; for the same ones the panel follows the point."""
        same = self._trio is not None and question.features is not None and self._about(question) == self._key
        under_way = not self._settled and self._work is not None and not self._work.stopped()
        if not same or not (under_way or (self._settled and self.answer is not None)):
            super().ask(question)
            return
        self._question, self._away = question, False
        if not under_way:
            self.follow(question)
