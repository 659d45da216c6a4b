"""Search for the nearest image at which the class changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.arrays import Array, check_classes
from .pixel_map import PixelMap

__all__ = ["FlipSearch"]

Pixels = NDArray[np.float32]  # rows of flat images, and what goes with each of them

CANDIDATES = 4  # classes nearest in feature space that are aimed at
AIMED, AWAY = 30, 1000  # steps of the attack towards each of them, and away from the own class
ONLY, BRIEF = 400, 60  # steps towards the only class, and where a whole table of classes is asked for
STARTS = 2  # nearest images of the attack that are refined
SHAKE, COPIES = 0.5, 4  # size of the noise, relative to the move, and starts of the best image with it
LAST = 2  # nearest images that are refined at the end
BEYOND = 3e-4  # share of the distance by which steps aim beyond the boundary
NEWTON = 8  # steps of the box projection
EVALUATIONS = 60  # at most, for the tie


@dataclass(frozen=True, eq=False)
class _Found:
    """Nearest images (b, n) beyond the boundary, the classes they aim at, their distances; in float32."""

    pixels: Pixels
    aims: NDArray[np.intp]
    distances: Pixels

    def nearest(self, count: int) -> _Found:
        order = self.distances.argsort(kind="stable")[:count]
        order = order[np.isfinite(self.distances[order])]
        return _Found(self.pixels[order], self.aims[order], self.distances[order])

    def joined(self, other: _Found) -> _Found:
        mine, theirs = (vars(part).values() for part in (self, other))
        return _Found(*(np.concatenate(pair) for pair in zip(mine, theirs, strict=True)))


class FlipSearch:
    """One image and the class to reach.

    Decoupled direction and norm (Rony et al. 2019) in float32 picks classes and basins. Refinement
    returns to the image in each step and projects it, within the box, to where the difference of logits
    vanishes, linearised at the last point with a running mean of the slopes: the pieces of a ReLU network
    are small, and the mean is the slope of the boundary that they make up. The best image is shaken and
    refined again; its tie is found in float64 on the segment from the original.

    Attributes
    ----------
    best : (n,) array or None
        The nearest image found beyond the boundary.
    distance : float
    stopped : str
        "finished", "cancelled", "diverged" (values that are not finite) or "no flip".
    """

    def __init__(
        self,
        network: PixelMap,
        image: Tensor,
        target: int | None,
        cancelled: Callable[[], bool],
        *,
        brief: bool = False,
    ) -> None:
        self.network, self.head, self.image, self.brief = network, network.head, image, brief
        self.cancelled, self.stopped = cancelled, "finished"
        self.pixels: Array = image.flatten().numpy().copy()
        self.start = self.logits(self.pixels)
        self.own = int(self.start.argmax())
        self.target = None if target is None else check_classes([target], self.head.num_classes, (1,))[0]
        if self.target == self.own:
            raise ValueError(f"target must differ from the class of the image, which is {self.own} already")
        self.best: Array | None = None
        self.distance = np.inf
        self._model = copy.deepcopy(network.model).float().to(memory_format=torch.channels_last)
        self._weight, self._bias = (p.astype(np.float32) for p in (self.head.weight, self.head.bias))
        self._clean = self.pixels.astype(np.float32)[None]
        self._random = np.random.default_rng(0)

    def run(self) -> None:
        """Attack, refine, shake and refine again; then put the best image on the boundary."""
        with np.errstate(invalid="ignore", over="ignore"):  # such values end the search: "diverged"
            found = self._refined(self._attack().nearest(1 if self.brief else STARTS), 40, 0.2)
            if len(found.distances):
                found = found.joined(self._refined(self._shaken(found.nearest(1)), 60, 0.3))
                found = found.joined(self._refined(found.nearest(1 if self.brief else LAST), 40, 0.2))
        for pixels in found.nearest(len(found.distances)).pixels:
            if self._settle(pixels.astype(np.float64)):
                break
        else:
            self.stopped = "no flip" if self.stopped == "finished" else self.stopped

    # in float64, one image

    def features(self, pixels: Array) -> Array:
        """Features (d,) of flat pixels."""
        return self.network.features(torch.as_tensor(pixels).view(self.image.shape))

    def logits(self, pixels: Array) -> Array:
        """Logits (K,) of flat pixels."""
        logits: Array = self.head.logits(self.features(pixels))[0]
        return logits

    def slope(self, pixels: Array, other: int) -> Array:
        """Gradient (n,) of ``z_own - z_other``."""
        normal = self.head.weight[self.own] - self.head.weight[other]
        return self.network.gradient(torch.as_tensor(pixels).view(self.image.shape), normal)

    def _lead(self, pixels: Array) -> float:
        """How far the target, or any other class where there is none, is from the top; negative on it."""
        features = self.features(pixels)
        if not np.isfinite(features).all():
            return np.inf
        logits = self.head.logits(features)[0]
        rest = np.delete(logits, self.own if self.target is None else self.target).max()
        return float(logits[self.own] - rest if self.target is None else rest - logits[self.target])

    def _settle(self, pixels: Array) -> bool:
        """Find the tie on the segment from the original by regula falsi (Illinois), kept beyond it."""
        move = pixels - self.pixels

        def at(share: float) -> Array:
            return np.clip(self.pixels + share * move, 0.0, 1.0)

        low, high = 0.0, 1.0
        f_low, f_high = self._lead(self.pixels), self._lead(pixels)
        if not f_high < 0:  # float32 had it beyond the boundary
            high = 1.0 + 4 * BEYOND
            f_high = self._lead(at(high))
        if not f_high < 0:
            return False
        size, weight, side = 1.0 + float(np.abs(self.start).max()), f_high, 0
        for _ in range(EVALUATIONS):
            if f_high > -1e-14 * size:
                break
            middle = (f_low * high - weight * low) / (f_low - weight)
            if not low < middle < high:
                middle = 0.5 * (low + high)
            value = self._lead(at(middle))
            if value < 0:
                high, f_high, weight = middle, value, value
                f_low, side = (f_low / 2 if side < 0 else f_low), -1
            else:
                low, f_low = middle, value
                weight, side = (weight / 2 if side > 0 else weight), 1
        self.best = at(high)
        self.distance = float(np.linalg.norm(self.best - self.pixels))
        return True

    # in float32, several images; NumPy, whose small steps cost less than the network's

    def _candidates(self) -> list[int]:
        """The classes to try: the target, or those whose boundaries are nearest in feature space."""
        if self.target is not None:
            return [self.target]
        lengths = np.linalg.norm(self.head.weight - self.head.weight[self.own], axis=1)
        gaps = np.divide(
            self.start[self.own] - self.start, lengths, out=np.full(len(lengths), np.inf), where=lengths > 0
        )
        order = [int(k) for k in gaps.argsort(kind="stable") if k != self.own]
        return order[:CANDIDATES]

    def _evaluated(self, pixels: Pixels) -> tuple[Pixels, Callable[[Pixels], Pixels]]:
        """Logits (b, K), and what pulls directions (b, d) of feature space back to pixels (b, n)."""
        images = torch.from_numpy(pixels).view(-1, *self.image.shape).requires_grad_()
        features: Tensor = self._model.features(images)
        if not features.requires_grad:
            raise ValueError("the model gives no gradients with respect to the image")

        def pulled(directions: Pixels) -> Pixels:
            (slope,) = torch.autograd.grad(features, images, torch.from_numpy(directions).view_as(features))
            return slope.reshape(len(pixels), -1).numpy()

        logits = features.detach().reshape(len(pixels), -1).numpy() @ self._weight.T + self._bias
        if not np.isfinite(logits).all():
            self.stopped = "diverged"
        return logits, pulled

    def _flipped(self, logits: Pixels) -> NDArray[np.bool_]:
        top: NDArray[np.intp] = logits.argmax(1)
        flipped: NDArray[np.bool_] = top != self.own if self.target is None else top == self.target
        return flipped

    def _halted(self) -> bool:
        if self.stopped == "finished" and self.cancelled():
            self.stopped = "cancelled"
        return self.stopped != "finished"

    def _attack(self) -> _Found:
        """Towards each candidate for a few steps, and away from the own class for many."""
        others = np.array(self._candidates())
        if self.target is not None:
            return self._ddn(others, BRIEF if self.brief else ONLY)
        return self._ddn(others, AIMED).joined(self._ddn(np.array([self.own]), AWAY))

    def _ddn(self, aims: NDArray[np.intp], steps: int) -> _Found:
        """Decoupled direction and norm; a row that aims at the own class goes away from it."""
        rows, away = np.arange(len(aims)), aims == self.own
        x = np.repeat(self._clean, len(aims), axis=0)
        best, classes, size = x.copy(), aims.copy(), np.ones(len(aims), np.float32)
        nearest = np.full(len(aims), np.inf, np.float32)
        for step in range(steps):
            if self._halted():
                break
            logits, pulled = self._evaluated(x)
            push = np.exp(logits - logits.max(1, keepdims=True))
            push /= push.sum(1, keepdims=True)
            push[rows, aims] -= 1.0  # the gradient of the cross entropy
            push[away] *= -1.0
            slope, top, flipped = pulled(push @ self._weight), logits.argmax(1), self._flipped(logits)
            delta = x - self._clean
            length = np.linalg.norm(delta, axis=1)
            better = flipped & (length < nearest)
            nearest[better], best[better], classes[better] = length[better], x[better], top[better]
            pace = 0.01 + 0.495 * (1.0 + math.cos(math.pi * step / steps))
            delta -= pace * slope / _lengths(slope)
            size *= np.where(np.where(away, flipped, top == aims), 0.95, 1.05).astype(np.float32)
            delta *= size[:, None] / _lengths(delta)
            x = np.clip(self._clean + delta, 0.0, 1.0)
        return _Found(best, classes, nearest)

    def _refined(self, found: _Found, steps: int, pace: float) -> _Found:
        """Anchored linearisation, with the mean of the slopes; `found` where it is nearer."""
        x, best, nearest, rows = found.pixels, found.pixels.copy(), found.distances.copy(), len(found.pixels)
        mean: Pixels | None = None
        normals = self._weight[self.own] - self._weight[found.aims]
        for step in range(steps if rows else 0):
            if self._halted():
                break
            logits, pulled = self._evaluated(x)
            gap = logits[:, self.own] - logits[np.arange(rows), found.aims]
            slope, length = pulled(normals), np.linalg.norm(x - self._clean, axis=1)
            better = self._flipped(logits) & (length < nearest)
            nearest[better], best[better] = length[better], x[better]
            share = max(pace * 0.1 ** (step / steps), 1.0 / (step + 1))
            mean = slope if mean is None else mean + share * (slope - mean)
            beyond = 1e-4 * np.abs(gap) + BEYOND * np.linalg.norm(mean, axis=1) * length
            x = self._projected(mean, (mean * x).sum(1) - gap - beyond)
        return _Found(best, found.aims, nearest)

    def _projected(self, normals: Pixels, levels: Pixels) -> Pixels:
        """Nearest points (b, n) of the box with ``normals . x = levels``.

        They are ``clip(clean - multiplier * normal)``; the level is convex and falls with the multiplier, so
        Newton's steps come from below.
        """
        squares = np.square(normals)
        steep = np.maximum(squares.sum(1), 1e-20)
        slope, multiplier = steep, np.zeros(len(normals), np.float32)
        for _ in range(NEWTON):
            point = self._along(normals, multiplier)
            excess = np.maximum((normals * point).sum(1) - levels, 0.0)
            if multiplier.max() > 0:  # at zero every pixel may still move
                slope = np.maximum((squares * ((point > 0) & (point < 1))).sum(1), 1e-6 * steep)
            multiplier = multiplier + excess / slope
        return self._along(normals, multiplier)

    def _along(self, normals: Pixels, multiplier: Pixels) -> Pixels:
        return np.clip(self._clean - multiplier[:, None] * normals, 0.0, 1.0)

    def _shaken(self, found: _Found) -> _Found:
        """Copies of the nearest image with noise on the pixels that moved."""
        move = found.pixels - self._clean
        noise = self._random.standard_normal((COPIES, move.shape[1]), np.float32) * (move != 0)
        starts = np.clip(found.pixels + SHAKE * found.distances[:, None] * noise / _lengths(noise), 0.0, 1.0)
        return _Found(starts, np.repeat(found.aims, COPIES), np.full(COPIES, np.inf, np.float32))


def _lengths(rows: Pixels) -> Pixels:
    """Lengths (b, 1) of rows, positive."""
    lengths: Pixels = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return lengths
