"""Three images that span a plane, chosen from the samples of a space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.bank import Bank
from .base import Question

__all__ = ["CHOICES", "Trio", "choose_trio"]

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
    chosen = bank.images[rows]
    images = chosen / 255.0 if chosen.dtype == np.uint8 else chosen.astype(np.float64)
    return Trio(tuple(rows), images, tuple(_names(question, bank, rows)))


def _typical(question: Question, bank: Bank) -> list[int]:
    """Of each chosen class the rightly classified sample with an image that is nearest to their mean."""
    features = bank.features
    seen = question.space.head.predict(features)
    labels = seen if bank.labels is None else bank.labels
    rows = []
    for k in question.classes:
        own = np.flatnonzero((labels == k) & (seen == k))
        if len(own):
            away = features[own] - features[own].mean(axis=0, dtype=np.float64)
            rows.append(int(own[np.linalg.norm(away, axis=1).argmin()]))
    return rows


def _names(question: Question, bank: Bank, rows: list[int]) -> list[str]:
    """Class names, numbered where they repeat."""
    seen = question.space.head.predict(bank.features[rows].astype(np.float64))
    labels = seen if bank.labels is None else bank.labels[rows]
    names = [question.space.head.class_names[k] for k in labels]
    return [f"{name} {k + 1}" if names.count(name) > 1 else name for k, name in enumerate(names)]
