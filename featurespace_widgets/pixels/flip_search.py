"""Search for the nearest image at which the class changes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..geometry.arrays import Array, check_classes
from .pixel_map import PixelMap, step_in_box

__all__ = ["FlipSearch"]

CANDIDATES = 9  # classes nearest in feature space that are tried
STARTS = 3  # of these, the nearest ones found in pixels are refined
DDN_STEPS = 100
STEPS = 25  # linearisations for one class
COARSE, FINE = 20, 60  # bisections while searching and for the answer


class FlipSearch:
    """One image and the class to reach; `best` is the nearest image found beyond the boundary."""

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

    def run(self) -> None:
        """Search from the nearest images that an attack finds, then put the best one on the boundary."""
        for other, start in self.attack()[:STARTS]:
            self.keep(start, COARSE)
            self.refine(other, start)
        if self.best is not None:
            self.keep(self.best, FINE)

    def features(self, pixels: Array) -> Array:
        """Features (d,) of flat pixels."""
        return self.network.features(torch.as_tensor(pixels).view(self.image.shape))

    def logits(self, pixels: Array) -> Array:
        """Logits (K,) of flat pixels."""
        logits: Array = self.head.logits(self.features(pixels))[0]
        return logits

    def flipped(self, pixels: Array) -> bool:
        """Whether the target, or any other class where there is none, is on top."""
        top = int(self.logits(pixels).argmax())
        return top != self.own if self.target is None else top == self.target

    def slope(self, pixels: Array, other: int) -> Array:
        """Gradient (n,) of ``z_own - z_other``."""
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
            if not logits.requires_grad:
                raise ValueError("the model gives no gradients with respect to the image")
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


def _lengths(images: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(images, dim=(1, 2, 3))
    return lengths
