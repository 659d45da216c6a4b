"""Small random problems, half of them degenerate: equal and zero rows, duplicates, fixed features, ties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds

from featurespace_widgets import LinearHead


@dataclass(frozen=True)
class Problem:
    """A head, a domain, points (n, d) and a query y (d,), and random numbers for what is asked of them."""

    number: int
    head: LinearHead
    domain: Bounds | None
    points: NDArray[np.float64]
    y: NDArray[np.float64]
    rng: np.random.Generator

    @property
    def inside(self) -> NDArray[np.float64]:
        """The query moved into the domain."""
        return self.y if self.domain is None else np.clip(self.y, self.domain.lb, self.domain.ub)


def problems(count: int, seed: int) -> Iterator[Problem]:
    """The same problems for the same seed; the even ones are of small whole numbers."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        classes, d, n = int(rng.integers(2, 7)), int(rng.integers(2, 5)), int(rng.integers(1, 7))
        if number % 2:
            weight, bias = rng.normal(size=(classes, d)), rng.normal(size=classes)
            points, y = 2 * rng.normal(size=(n, d)), 2 * rng.normal(size=d)
        else:
            weight, bias = rng.integers(-2, 3, (classes, d)), rng.integers(-2, 3, classes)
            points, y = rng.integers(-3, 4, (n, d)).astype(float), rng.integers(-4, 5, d) / 2
            if rng.random() < 0.2:
                y = points[0].copy()
        yield Problem(number, LinearHead(weight, bias), _domain(rng, d), points, y, rng)


def _domain(rng: np.random.Generator, d: int) -> Bounds | None:
    kind = rng.integers(5)
    if kind == 0:
        return None
    if kind == 1:
        return Bounds(np.zeros(d), np.full(d, np.inf))
    if kind == 2:
        return Bounds(np.full(d, -1.0), np.full(d, 1.0))
    if kind == 3:  # features that cannot change
        return Bounds(np.zeros(d), (rng.random(d) < 0.5).astype(float))
    return Bounds(np.where(rng.random(d) < 0.5, 0, -np.inf), np.where(rng.random(d) < 0.5, 1, np.inf))
