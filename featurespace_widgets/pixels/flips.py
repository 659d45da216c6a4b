"""Pixel flip points: the nearest image found at which the class changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..geometry.arrays import Array, check_classes
from ..geometry.head import LinearHead
from .pixel_map import PixelMap, step_in_box
from .relu_network import as_image

__all__ = ["PixelFlip", "flip_image"]

CANDIDATES = 9  # classes nearest in feature space that are tried
STARTS = 3  # of these, the nearest ones found in pixels are refined
DDN_STEPS = 100
STEPS = 25  # linearisations for one class
COARSE, FINE = 20, 60  # bisections while searching and for the answer
TIE = 1e-10  # relative to the size of the logits


@dataclass(frozen=True, eq=False)
class PixelFlip:
    """The best found image on a decision boundary: its distance is an upper bound, not proven minimal.

    Attributes
    ----------
    image, original : (C, H, W) arrays in [0, 1]
    class_index, target : int
        Class of the original, and the class that reaches the top at the image; -1 where none was found.
    distance : float
        L2 distance in pixels; infinite where no flip was found.
    tie : float
        ``|z_target - max_k z_k|`` over the other classes k, at the image.
    landing : (d,) array
        Features of the image; NaN where none was found.
    feature_move : float
        ``|phi(x') - phi(x)|``.
    amplification : float
        Feature move for each unit of pixel distance.
    alignment : float
        Cosine of the feature move with ``w_target - w_i``, the normal of the boundary.
    null_share : float
        Share of the squared feature move along which no difference of logits changes.
    linearised_distance : float
        ``(z_i - z_target) / |J' (w_i - w_target)|`` at the original: what a linear network would need.
    verdict : "found" or "undecided"
        "undecided" does not say that there is no flip.
    """

    image: Array
    original: Array
    class_index: int
    target: int
    distance: float
    tie: float
    landing: Array
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
        return (
            first == self.class_index != self.target
            and _tie(logits, self.target) <= TIE * (1.0 + float(np.abs(logits).max()))
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
    """Search the nearest image, in the box [0, 1], at which the class changes.

    The decoupled-direction-and-norm attack (Rony et al. 2019) towards several classes at once picks
    classes and basins. From there each step returns to the original and moves to where the linearised
    difference of logits vanishes within the box. Bisection on the segment from the original finds the tie.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    image : (C, H, W) in [0, 1]
    target : int, optional
        The class to reach; where None, any, and the nearest found.
    cancelled : callable, optional
        Asked between steps; True ends the search with the best flip so far.

    Raises
    ------
    ValueError
        For an image outside [0, 1] or of a shape that the classifier does not take, a model that gives no
        gradients, or a target that is no class or the image's own.

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
    pixels = as_image(image)
    search = _Search(PixelMap(classifier, head, pixels), pixels, target, cancelled or (lambda: False))
    for other, start in search.attack()[:STARTS]:
        search.keep(start, COARSE)
        search.refine(other, start)
    return search.answer()


def _tie(logits: Array, target: int) -> float:
    return float(abs(logits[target] - np.delete(logits, target).max()))


class _Search:
    def __init__(
        self, network: PixelMap, image: Tensor, target: int | None, stopped: Callable[[], bool]
    ) -> None:
        self.network, self.head, self.image, self.stopped = network, network.head, image, stopped
        self.pixels: Array = image.flatten().numpy().copy()
        self.start = self.logits(self.pixels)
        self.own = int(self.start.argmax())
        self.target = None if target is None else check_classes([target], self.head.num_classes, (1,))[0]
        if self.target == self.own:
            raise ValueError(f"target must differ from the class of the image, which is {self.own} already")
        self.best: Array | None = None  # the nearest image found beyond the boundary
        self.distance = np.inf

    def features(self, pixels: Array) -> Array:
        return self.network.features(torch.as_tensor(pixels).view(self.image.shape))

    def logits(self, pixels: Array) -> Array:
        logits: Array = self.head.logits(self.features(pixels))[0]
        return logits

    def flipped(self, pixels: Array) -> bool:
        top = int(self.logits(pixels).argmax())
        return top != self.own if self.target is None else top == self.target

    def slope(self, pixels: Array, other: int) -> Array:
        normal = self.head.weight[self.own] - self.head.weight[other]
        return self.network.gradient(torch.as_tensor(pixels).view(self.image.shape), normal)

    def candidates(self) -> list[int]:
        """The classes to try: the target, or those whose boundaries are nearest in feature space."""
        if self.target is not None:
            return [self.target]
        lengths = np.linalg.norm(self.head.weight - self.head.weight[self.own], axis=1)
        gaps = np.divide(
            self.start[self.own] - self.start, lengths, out=np.full(len(lengths), np.inf), where=lengths > 0
        )
        order = [int(k) for k in gaps.argsort(kind="stable") if k != self.own]
        return order[:CANDIDATES]

    def attack(self) -> list[tuple[int, Array]]:
        """Images of other classes, nearest first, by decoupled direction and norm in float32."""
        others = self.candidates()
        model = copy.deepcopy(self.network.model).float()
        weight, bias = (torch.as_tensor(part).float() for part in (self.head.weight, self.head.bias))
        aims = torch.tensor(others)
        clean = self.image.float().expand(len(others), *self.image.shape)
        delta, best = torch.zeros_like(clean), clean.clone()
        size, nearest = torch.ones(len(others)), torch.full((len(others),), torch.inf)
        for step in range(DDN_STEPS):
            if self.stopped():
                break
            trial = (clean + delta).requires_grad_()
            logits = model.features(trial) @ weight.T + bias
            (slope,) = torch.autograd.grad(functional.cross_entropy(logits, aims, reduction="sum"), trial)
            hit, length = logits.argmax(1) == aims, _lengths(delta)
            better = hit & (length < nearest)
            nearest, best[better] = torch.where(better, length, nearest), trial.detach()[better]
            pace = 0.01 + 0.495 * (1.0 + math.cos(math.pi * step / DDN_STEPS))
            delta = delta - pace * slope / _lengths(slope).clamp_min(1e-12)[:, None, None, None]
            size = size * torch.where(hit, 0.95, 1.05)
            delta = delta * (size / _lengths(delta).clamp_min(1e-12))[:, None, None, None]
            delta = (clean + delta).clamp(0, 1) - clean
        found = [int(k) for k in nearest.argsort() if torch.isfinite(nearest[k])]
        return [(others[k], best[k].double().flatten().numpy()) for k in found]

    def refine(self, other: int, x: Array) -> None:
        """Anchored linearisation from x, with shorter steps towards the end."""
        for count in range(STEPS):
            if self.stopped():
                return
            logits, slope = self.logits(x), self.slope(x, other)
            wanted = -(logits[self.own] - logits[other]) + slope @ (x - self.pixels)
            aim = self.pixels + step_in_box(slope[None], np.array([wanted]), self.pixels, 0.0)
            x = np.clip(x + min(1.0, 8.0 / (count + 1)) * (aim - x), 0.0, 1.0)
            beyond = np.clip(self.pixels + 1.02 * (x - self.pixels), 0.0, 1.0)
            if self.flipped(beyond):
                self.keep(beyond, COARSE)

    def keep(self, x: Array, halvings: int) -> None:
        """Walk back on the segment from the original to x; keep the flip where it is the nearest so far."""
        length = float(np.linalg.norm(x - self.pixels))
        low, high = 0.0, 1.0
        for _ in range(halvings):
            middle = 0.5 * (low + high)
            if self.flipped(self.pixels + middle * (x - self.pixels)):
                high = middle
            else:
                low = middle
            if low * length >= self.distance:
                return
        if high * length <= self.distance and self.flipped(self.pixels + high * (x - self.pixels)):
            self.best = np.clip(self.pixels + high * (x - self.pixels), 0.0, 1.0)
            self.distance = float(np.linalg.norm(self.best - self.pixels))

    def answer(self) -> PixelFlip:
        original, nan = self.image.numpy().copy(), np.nan
        if self.best is not None:
            self.keep(self.best, FINE)
        if self.best is None:
            nowhere = np.full(self.head.dimension, nan)
            return PixelFlip(
                original,
                original,
                self.own,
                -1,
                np.inf,
                np.inf,
                nowhere,
                nan,
                nan,
                nan,
                nan,
                nan,
                "undecided",
            )
        logits = self.logits(self.best)
        rivals = logits.copy()
        rivals[self.own] = -np.inf
        target = int(rivals.argmax()) if self.target is None else self.target
        tie, landing = _tie(logits, target), self.features(self.best)
        move = landing - self.features(self.pixels)
        length, normal = float(np.linalg.norm(move)), self.head.weight[target] - self.head.weight[self.own]
        steep = float(np.linalg.norm(self.slope(self.pixels, target)))
        moved = length > 0
        return PixelFlip(
            self.best.reshape(original.shape), original, self.own, target, self.distance, tie, landing,
            length,
            length / self.distance if self.distance > 0 else nan,
            float(move @ normal / (length * np.linalg.norm(normal))) if moved else nan,
            float(np.linalg.norm(self.head.null_basis @ move) / length) ** 2 if moved else nan,
            float(self.start[self.own] - self.start[target]) / steep if steep > 0 else np.inf,
            "found" if tie <= TIE * (1.0 + float(np.abs(logits).max())) else "undecided",
        )  # fmt: skip


def _lengths(images: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(images, dim=(1, 2, 3))
    return lengths
