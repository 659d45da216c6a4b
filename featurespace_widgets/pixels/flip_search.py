"""Search for the nearest image at which the class changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..geometry.arrays import Array, check_classes
from .pixel_map import PixelMap

__all__ = ["FlipSearch"]

CANDIDATES = 9  # classes nearest in feature space that are tried
AIMED, FREE = 30, 200  # steps of the attack towards one of several classes, and towards the only one
BRIEF = 60  # the same where a whole table of classes is asked for
STARTS = 4  # nearest images of the attack that are refined
SHAKES = (0.3, 0.6, 1.0)  # sizes of the noise, relative to the move, with which the best one starts again
COPIES = 4  # starts with each of them
LAST = 3  # nearest images that are refined at the end
BEYOND = 3e-4  # share of the distance by which steps aim beyond the boundary
NEWTON = 8  # steps of the box projection
EVALUATIONS = 60  # at most, for the tie


@dataclass(frozen=True, eq=False)
class _Found:
    """Nearest images (b, n) beyond the boundary, the classes they aim at, their distances; in float32."""

    pixels: Tensor
    aims: Tensor
    distances: Tensor

    def nearest(self, count: int) -> _Found:
        order = self.distances.argsort()[:count]
        order = order[torch.isfinite(self.distances[order])]
        return _Found(self.pixels[order], self.aims[order], self.distances[order])

    def joined(self, other: _Found) -> _Found:
        mine, theirs = (vars(part).values() for part in (self, other))
        return _Found(*(torch.cat(pair) for pair in zip(mine, theirs, strict=True)))


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
        self._model = copy.deepcopy(network.model).float()
        self._weight, self._bias = (torch.as_tensor(p).float() for p in (self.head.weight, self.head.bias))
        self._clean = image.float().flatten()[None]
        self._random = torch.Generator().manual_seed(0)

    def run(self) -> None:
        """Attack, refine, shake and refine again; then put the best image on the boundary."""
        found = self._refined(self._attack().nearest(1 if self.brief else STARTS), 40, 0.2)
        if len(found.distances):
            for size in SHAKES[:1] if self.brief else SHAKES:
                found = found.joined(self._refined(self._shaken(found.nearest(1), size), 60, 0.3))
            found = found.joined(self._refined(found.nearest(1 if self.brief else LAST), 60, 0.2))
        for pixels in found.nearest(len(found.distances)).pixels:
            if self._settle(pixels.double().numpy()):
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

    # in float32, several images

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

    def _evaluated(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Images (b, C, H, W) that ask for gradients, and their logits (b, K)."""
        images = pixels.view(-1, *self.image.shape).requires_grad_()
        logits: Tensor = self._model.features(images) @ self._weight.T + self._bias
        if not logits.requires_grad:
            raise ValueError("the model gives no gradients with respect to the image")
        if not bool(torch.isfinite(logits.detach()).all()):
            self.stopped = "diverged"
        return images, logits

    def _flipped(self, logits: Tensor) -> Tensor:
        top = logits.argmax(1)
        return top != self.own if self.target is None else top == self.target

    def _halted(self) -> bool:
        if self.stopped == "finished" and self.cancelled():
            self.stopped = "cancelled"
        return self.stopped != "finished"

    def _attack(self) -> _Found:
        """Towards each candidate for a few steps, and away from the own class for more."""
        others = self._candidates()
        if self.target is not None:
            return self._ddn(torch.tensor(others), BRIEF if self.brief else FREE)
        aimed = self._ddn(torch.tensor(others), AIMED)
        return aimed.joined(self._ddn(torch.tensor([self.own]), FREE))

    def _ddn(self, aims: Tensor, steps: int) -> _Found:
        """Decoupled direction and norm; a row that aims at the own class goes away from it."""
        clean, sign = self._clean.expand(len(aims), -1), torch.where(aims == self.own, -1.0, 1.0)
        delta, best, classes = torch.zeros_like(clean), clean.clone(), aims.clone()
        size, nearest = torch.ones(len(aims)), torch.full((len(aims),), torch.inf)
        for step in range(steps):
            if self._halted():
                break
            images, logits = self._evaluated(clean + delta)
            loss = (sign * functional.cross_entropy(logits, aims, reduction="none")).sum()
            (slope,) = torch.autograd.grad(loss, images)
            slope, top = slope.flatten(1), logits.detach().argmax(1)
            flipped, length = self._flipped(logits.detach()), delta.norm(dim=1)
            better = flipped & (length < nearest)
            nearest, best[better] = torch.where(better, length, nearest), (clean + delta)[better]
            classes = torch.where(better, top, classes)
            pace = 0.01 + 0.495 * (1.0 + math.cos(math.pi * step / steps))
            delta = delta - pace * slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-12)
            there = torch.where(aims == self.own, flipped, top == aims)
            size = size * torch.where(there, 0.95, 1.05)
            delta = delta * (size / delta.norm(dim=1).clamp_min(1e-12))[:, None]
            delta = (clean + delta).clamp(0, 1) - clean
        return _Found(best, classes, nearest)

    def _refined(self, found: _Found, steps: int, pace: float) -> _Found:
        """Anchored linearisation, with the mean of the slopes; `found` where it is nearer."""
        x, mean, best, nearest = found.pixels, None, found.pixels.clone(), found.distances
        for step in range(steps if len(x) else 0):
            if self._halted():
                break
            images, logits = self._evaluated(x)
            gap = logits[:, self.own] - logits.gather(1, found.aims[:, None])[:, 0]
            (slope,) = torch.autograd.grad(gap.sum(), images)
            slope, gap, length = slope.flatten(1), gap.detach(), (x - self._clean).norm(dim=1)
            better = self._flipped(logits.detach()) & (length < nearest)
            nearest, best[better] = torch.where(better, length, nearest), x.detach()[better]
            share = max(pace * 0.1 ** (step / steps), 1.0 / (step + 1))
            mean = slope if mean is None else mean + share * (slope - mean)
            beyond = 1e-4 * gap.abs() + BEYOND * mean.norm(dim=1) * length
            x = self._projected(mean, (mean * x.detach()).sum(1) - gap - beyond)
        return _Found(best, found.aims, nearest)

    def _projected(self, normals: Tensor, levels: Tensor) -> Tensor:
        """Nearest points (b, n) of the box with ``normals . x = levels``.

        They are ``clip(clean - multiplier * normal)``; the level is convex and falls with the multiplier, so
        Newton's steps come from below.
        """
        squares = normals.square()
        steep = squares.sum(1).clamp_min(1e-20)
        slope, multiplier = steep, torch.zeros(len(normals))
        for _ in range(NEWTON):
            point = self._along(normals, multiplier)
            excess = ((normals * point).sum(1) - levels).clamp_min(0)
            if float(multiplier.max()) > 0:  # at zero every pixel may still move
                slope = (squares * ((point > 0) & (point < 1))).sum(1).maximum(1e-6 * steep)
            multiplier = multiplier + excess / slope
        return self._along(normals, multiplier)

    def _along(self, normals: Tensor, multiplier: Tensor) -> Tensor:
        return (self._clean - multiplier[:, None] * normals).clamp(0, 1)

    def _shaken(self, found: _Found, size: float) -> _Found:
        """Copies of the nearest image with noise on the pixels that moved."""
        move = found.pixels - self._clean
        noise = torch.randn(COPIES, move.shape[1], generator=self._random) * (move != 0)
        noise = noise * (size * found.distances[:, None] / noise.norm(dim=1, keepdim=True).clamp_min(1e-12))
        starts = (found.pixels + noise).clamp(0, 1)
        return _Found(starts, found.aims.expand(COPIES), torch.full((COPIES,), torch.inf))
