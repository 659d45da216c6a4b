"""Pixel flip points: the nearest image found at which the class changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ..geometry.arrays import Array, check_classes
from ..geometry.head import LinearHead
from .inversion import PixelMap, step_in_box
from .relu_network import as_image

__all__ = ["PixelFlip", "flip_image"]

STEPS = 40  # linearisations for one class
TIE = 1e-10  # relative to the size of the logits


@dataclass(frozen=True, eq=False)
class PixelFlip:
    """The best found image on a decision boundary: its distance is an upper bound, not proven minimal.

    Attributes
    ----------
    image : (C, H, W) array in [0, 1]
    original : (C, H, W) array
    class_index, target : int
        Class of the original and the class that ties with it; target -1 where none was found.
    distance : float
        L2 distance in pixels; infinite where no flip was found.
    tie : float
        ``|z_i - z_j|`` at the image.
    box_residual : float
        How far the image leaves the box [0, 1].
    feature_move : float
        ``|phi(x') - phi(x)|``.
    amplification : float
        Feature move for each unit of pixel distance.
    alignment : float
        Cosine of the feature move with ``-v_ij``, ``v_ij = w_i - w_j``.
    null_share : float
        Share of the squared feature move along which no logit difference changes.
    linearised_distance : float
        ``(z_i - z_j) / |J' v_ij|`` at the original.
    verdict : "found" or "undecided"
    """

    image: Array
    original: Array
    class_index: int
    target: int
    distance: float
    tie: float
    box_residual: float
    feature_move: float
    amplification: float
    alignment: float
    null_share: float
    linearised_distance: float
    verdict: Literal["found", "undecided"]

    def verify(self, classifier: Any, head: LinearHead) -> bool:
        """Evaluate a float64 copy of the classifier again: tie within 1e-10 (1 + max |z|), box, distance."""
        if self.verdict != "found" or not (self.image.min() >= 0 and self.image.max() <= 1):
            return False
        image, original = torch.as_tensor(self.image), torch.as_tensor(self.original)
        network = PixelMap(classifier, head, image)
        logits = head.logits(network.features(image))[0]
        first = int(head.predict(network.features(original))[0])
        distance = float(np.linalg.norm(self.image - self.original))
        slack = TIE * (1.0 + float(np.abs(logits).max()))
        return (
            first == self.class_index != self.target
            and abs(logits[first] - logits[self.target]) <= slack
            and min(logits[first], logits[self.target]) >= logits.max() - slack
            and abs(distance - self.distance) <= 1e-10 * (1.0 + distance)
        )


def flip_image(
    classifier: Any,
    head: LinearHead,
    image: Any,
    target: int | None = None,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> PixelFlip:
    """Search the nearest image at which the class changes, in the box [0, 1].

    Anchored linearisation: each step returns to the original and moves to where the linearised
    difference of logits vanishes; the tie is then found by bisection on the segment from the original.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    image : (C, H, W) in [0, 1]
    target : int, optional
        The other class; the nearest found of all where None.
    cancelled : callable, optional
        Asked between steps; True ends the search with the best flip so far.

    Examples
    --------
    >>> class Identity(torch.nn.Module):
    ...     def features(self, x):
    ...         return x.flatten(1)
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> flip = flip_image(Identity(), head, torch.tensor([[[0.75, 0.25]]]))
    >>> flip.verdict, round(flip.distance, 3), flip.verify(Identity(), head)
    ('found', 0.354, True)
    """
    search = _Search(PixelMap(classifier, head, as_image(image)), as_image(image), cancelled)
    if target is None:
        order = search.nearest_first()
    else:
        order = list(check_classes([target], head.num_classes, (1,)))
        if order[0] == search.own:
            raise ValueError(f"target must differ from the class of the image, received {target} for both")
    for other in order:
        if search.stopped():
            break
        search.towards(other)
    return search.answer(target)


class _Search:
    def __init__(self, network: PixelMap, image: torch.Tensor, cancelled: Callable[[], bool] | None) -> None:
        self.network, self.head, self.image = network, network.head, image
        self.stopped = cancelled or (lambda: False)
        self.pixels: Array = image.flatten().numpy().copy()
        self.start = self.logits(self.pixels)
        self.own = int(self.start.argmax())
        self.best: Array | None = None
        self.distance = np.inf

    def features(self, pixels: Array) -> Array:
        return self.network.features(torch.as_tensor(pixels).view(self.image.shape))

    def logits(self, pixels: Array) -> Array:
        logits: Array = self.head.logits(self.features(pixels))[0]
        return logits

    def slope(self, pixels: Array, other: int) -> Array:
        normal = self.head.weight[self.own] - self.head.weight[other]
        return self.network.gradient(torch.as_tensor(pixels).view(self.image.shape), normal)

    def linearised(self, other: int) -> float:
        length = float(np.linalg.norm(self.slope(self.pixels, other)))
        return float(self.start[self.own] - self.start[other]) / length if length > 0 else np.inf

    def nearest_first(self) -> list[int]:
        others = [k for k in range(self.head.num_classes) if k != self.own]
        return sorted(others, key=self.linearised)

    def towards(self, other: int) -> None:
        x, decay = self.pixels, 1.0
        for count in range(STEPS):
            if self.stopped():
                return
            z, slope = self.logits(x), self.slope(x, other)
            wanted = -(z[self.own] - z[other]) + slope @ (x - self.pixels)
            moved = step_in_box(slope[None], np.array([wanted]), self.pixels, 0.0)
            x = np.clip(x + decay * (self.pixels + moved - x), 0.0, 1.0)
            beyond = np.clip(self.pixels + 1.02 * (x - self.pixels), 0.0, 1.0)
            if self.logits(beyond).argmax() != self.own:
                self.bisect(beyond)
            decay = 1.0 if count < 8 else 0.95 * decay

    def bisect(self, x: Array) -> None:
        """The tie on the segment from the original to x, kept where it is the nearest one so far."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            same = self.logits(self.pixels + middle * (x - self.pixels)).argmax() == self.own
            low, high = (middle, high) if same else (low, middle)
            if low * np.linalg.norm(x - self.pixels) >= self.distance:
                return
        tie = np.clip(self.pixels + high * (x - self.pixels), 0.0, 1.0)
        distance = float(np.linalg.norm(tie - self.pixels))
        if distance < self.distance:
            self.best, self.distance = tie, distance

    def answer(self, target: int | None) -> PixelFlip:
        original = self.image.numpy().copy()
        nothing = np.nan
        if self.best is None:
            return PixelFlip(
                original, original, self.own, -1, np.inf, np.inf, 0.0,
                nothing, nothing, nothing, nothing, nothing, "undecided",
            )  # fmt: skip
        logits = self.logits(self.best)
        rivals = logits.copy()
        rivals[self.own] = -np.inf
        other = int(rivals.argmax())
        tie = float(abs(logits[self.own] - logits[other]))
        good = tie <= TIE * (1.0 + float(np.abs(logits).max())) and target in (None, other)
        move = self.features(self.best) - self.features(self.pixels)
        size, normal = float(np.linalg.norm(move)), self.head.weight[other] - self.head.weight[self.own]
        null = float(np.linalg.norm(self.head.null_basis @ move))
        return PixelFlip(
            self.best.reshape(original.shape), original, self.own, other, self.distance, tie,
            float(max(0.0, -self.best.min(), self.best.max() - 1.0)), size,
            size / self.distance if self.distance > 0 else nothing,
            float(move @ normal / (size * np.linalg.norm(normal))) if size > 0 else nothing,
            (null / size) ** 2 if size > 0 else nothing, self.linearised(other),
            "found" if good else "undecided",
        )  # fmt: skip
