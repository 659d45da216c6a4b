"""The image that a search starts from, shown or of the nearest sample, and the nearest flip from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from ...geometry.arrays import Array
from ...models.bank import in_unit
from ...space import FeatureSpace
from .base import Question

if TYPE_CHECKING:
    from ...pixels.flips import PixelFlip

__all__ = ["CHOICES", "SHOWN", "Start", "nearest_flip", "start"]

SHOWN, NEAREST = CHOICES = "the image shown", "the nearest sample"


@dataclass(frozen=True, eq=False)
class Start:
    """An image with what the model makes of it.

    Attributes
    ----------
    image : (C, H, W) array in [0, 1]
    landed : (d,) array
        Its features.
    class_index : int
    source : str
        What it is: "decoded image", "nearest training image" or "nearest example image".
    """

    image: Array
    landed: Array
    class_index: int
    source: str


def start(question: Question, choice: str) -> Start:
    """The image of a choice in `CHOICES`; both are the same where there is no decoder."""
    space, found = question.space, question.preview
    if choice == SHOWN or found.source != "decoder" or space.pictured is None:
        source = "decoded image" if found.source == "decoder" else found.source
        return _start(space, found.images[0], found.landed[0], source)
    samples, (_, rows) = space.pictured, space.nearest_images(question.y[None], 1)
    assert samples.images is not None
    kind = "training" if samples is space.bank else "example"
    landed = samples.features[rows[0, 0]].astype(np.float64)
    return _start(space, samples.images[rows[0, 0]], landed, f"nearest {kind} image")


def _start(space: FeatureSpace, pixels: Array, landed: Array, source: str) -> Start:
    return Start(in_unit(pixels), landed, int(space.head.predict(landed[None])[0]), source)


_LAST: WeakKeyDictionary[FeatureSpace, PixelFlip] = WeakKeyDictionary()


def nearest_flip(space: FeatureSpace, image: Array, cancelled: Callable[[], bool]) -> PixelFlip:
    """The nearest flip to any class; the last one of a space is kept, so two tabs search it once."""
    last = _LAST.get(space)
    if last is None or not np.array_equal(last.original, image):
        last = space.flip_image(image, cancelled=cancelled)
        _LAST[space] = last
    return last
