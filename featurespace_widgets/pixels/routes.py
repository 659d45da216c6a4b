"""Routes: straight legs in feature space with exact class intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry.arrays import Array, as_matrix
from ..geometry.head import LinearHead
from ..geometry.path import Path, path

__all__ = ["SAME", "Ribbon", "Route", "given_route", "route_through"]

SAME = 1e-9  # relative, for the end of a route and the features of an image


@dataclass(frozen=True, eq=False)
class Ribbon:
    """Classes along t in [0, 1]: ``classes[k]`` from ``breakpoints[k]`` to ``breakpoints[k + 1]``."""

    breakpoints: Array
    classes: NDArray[np.int64]

    @property
    def reentered(self) -> tuple[int, ...]:
        """Classes that are left and entered again; never those of a straight feature path."""
        found, counts = np.unique(self.classes, return_counts=True)
        return tuple(int(k) for k in found[counts > 1])


@dataclass(frozen=True, eq=False)
class Route:
    """Straight legs in feature space, t in [0, 1] is the share of their length."""

    legs: tuple[Path, ...]

    @property
    def ends(self) -> Array:
        """(legs + 1,) parameters at which the legs meet."""
        lengths = np.array([np.linalg.norm(leg.end - leg.start) for leg in self.legs])
        if not lengths.any():
            lengths = np.ones(len(lengths))
        ends = np.concatenate([[0.0], np.cumsum(lengths) / lengths.sum()])
        ends[-1] = 1.0
        return ends

    @property
    def length(self) -> float:
        """Length in feature space."""
        return float(sum(np.linalg.norm(leg.end - leg.start) for leg in self.legs))

    def _local(self, t: float) -> tuple[Path, float]:
        ends = self.ends
        k = min(int(np.searchsorted(ends[1:-1], t, side="right")), len(self.legs) - 1)
        width = ends[k + 1] - ends[k]
        return self.legs[k], float(np.clip((t - ends[k]) / width, 0.0, 1.0)) if width > 0 else 0.0

    def point(self, t: float) -> Array:
        """Feature vector (d,) at t."""
        leg, share = self._local(t)
        point: Array = leg.points(share)[0]
        return point

    def class_at(self, t: float) -> int:
        """Class at t, exact; at a breakpoint the later one."""
        leg, share = self._local(t)
        return int(leg.class_at(share)[0])

    @property
    def ribbon(self) -> Ribbon:
        """The exact class intervals."""
        breakpoints: list[float] = [0.0]
        classes: list[int] = []
        for leg, first, last in zip(self.legs, self.ends[:-1], self.ends[1:], strict=True):
            for end, index in zip(leg.breakpoints[1:], leg.classes, strict=True):
                place = last if end == 1.0 else first + end * (last - first)
                if place <= breakpoints[-1]:
                    continue
                if classes and classes[-1] == index:
                    breakpoints[-1] = place
                else:
                    breakpoints.append(place)
                    classes.append(index)
        return Ribbon(np.array(breakpoints), np.array(classes, dtype=np.int64))


def route_through(head: LinearHead, through: ArrayLike | None, first: Array, last: Array) -> Route:
    """Straight legs from `first` to `last` (d,) through points (m, d), if any."""
    stops = [first, last]
    if through is not None:
        stops = [first, *as_matrix("through", through, head.dimension), last]
    return Route(tuple(path(head, start, end) for start, end in pairwise(stops)))


def given_route(route: Path | Sequence[Path], dimension: int) -> Route:
    """A route of connected legs in `dimension` features.

    Raises
    ------
    ValueError
        If there are none, they are not paths, or they do not connect.
    """
    legs = (route,) if isinstance(route, Path) else tuple(route)
    if not legs or not all(isinstance(leg, Path) for leg in legs):
        raise ValueError(f"route must be a Path or a list of them, received {type(route).__name__}")
    for leg in legs:
        if leg.start.shape != (dimension,):
            raise ValueError(f"route must run through {dimension} features, received {leg.start.shape}")
    for before, after in pairwise(legs):
        size = float(np.linalg.norm(before.end))
        if np.linalg.norm(after.start - before.end) > SAME * size:
            raise ValueError("route must be connected: each leg starts where the one before ends")
    return Route(legs)
