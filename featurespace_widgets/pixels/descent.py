"""Descent in the box of images: limited-memory BFGS, and the total variation of an image."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..geometry.arrays import Array

__all__ = ["Descent", "total_variation"]

MEMORY = 20  # pairs of steps and gradient changes
SMOOTH = 1e-3  # total variation is smoothed below differences of this size


def total_variation(pixels: Array, shape: tuple[int, ...]) -> tuple[float, Array]:
    """``sum sqrt(dx^2 + dy^2 + e^2) - e`` over all pixels and channels, e = 1e-3, and its gradient (n,)."""
    image = pixels.reshape(shape)
    across, down = np.zeros(shape), np.zeros(shape)
    across[..., :-1] = np.diff(image, axis=-1)
    down[..., :-1, :] = np.diff(image, axis=-2)
    size = np.sqrt(across**2 + down**2 + SMOOTH**2)
    across, down = across / size, down / size
    gradient = -across - down
    gradient[..., 1:] += across[..., :-1]
    gradient[..., 1:, :] += down[..., :-1, :]
    return float((size - SMOOTH).sum()), gradient.ravel()


@dataclass(eq=False)
class Descent:
    """Limited-memory BFGS on the pixels that no bound holds (two-metric projection, Bertsekas 1982)."""

    pairs: deque[tuple[Array, Array]] = field(default_factory=lambda: deque(maxlen=MEMORY))

    def step(
        self, value: Callable[[Array], tuple[float, Array]], x: Array, f: float, g: Array
    ) -> tuple[Array, float, Array] | None:
        """A point of [0, 1]^n with a smaller value, its value and gradient; None where there is none near."""
        free = ~(((x <= 0) & (g > 0)) | ((x >= 1) & (g < 0)))
        while True:
            way = self._direction(np.where(free, g, 0.0), free)
            length = 1.0 if self.pairs else min(1.0, 0.5 / max(float(np.abs(way).max()), 1e-300))
            for _ in range(30):
                trial = np.clip(x + length * way, 0.0, 1.0)
                slope = float(g @ (trial - x))
                if slope >= 0:
                    break
                value_there, gradient = value(trial)
                if np.isfinite(value_there) and value_there <= f + 1e-4 * slope:
                    move, change = trial - x, gradient - g
                    if move @ change > 1e-12 * np.linalg.norm(move) * np.linalg.norm(change):
                        self.pairs.append((move, change))
                    return trial, value_there, gradient
                bend = value_there - f - length * float(g @ way)
                part = -0.5 * length * float(g @ way) / bend if np.isfinite(bend) and bend > 0 else 0.1
                length *= float(np.clip(part, 0.1, 0.5))
            if not self.pairs:
                return None
            self.pairs.clear()

    def _direction(self, g: Array, free: NDArray[np.bool_]) -> Array:
        """``-H g`` on the free pixels, by the two-loop recursion."""
        way, scale = -g, 1.0
        used: list[tuple[Array, Array, float, float]] = []
        for move, change in reversed(self.pairs):
            s, y = np.where(free, move, 0.0), np.where(free, change, 0.0)
            curvature = float(s @ y)
            if curvature <= 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
                continue
            if not used:
                scale = curvature / float(y @ y)
            share = float(s @ way) / curvature
            way = way - share * y
            used.append((s, y, share, curvature))
        way = scale * way
        for s, y, share, curvature in reversed(used):
            way = way + (share - float(y @ way) / curvature) * s
        result: Array = np.where(free, way, 0.0)
        return result
