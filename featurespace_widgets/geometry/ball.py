"""The largest ball of a polytope, its radius bounded from both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .linear_program import Optimum, Program, attempts

__all__ = ["Ball", "largest_ball"]

CANCELLED = 1e-11  # what is left of normals whose weights sum to 1
EMPTY = 1e-9  # a radius below this share of the data is none
WORKING = 32  # half-spaces of the first program, and the least that join it at a time
GAP = 2e-9  # relative gap at which a ball counts as the largest


@dataclass(frozen=True, eq=False)
class Ball:
    """The largest ball inside half-spaces and a box; unpacks as ``centre, radius = ball``.

    Attributes
    ----------
    centre : (d,) array
    radius : float
        Recomputed from the distances of the centre to all sides, so a certified lower bound. Negative
        where the centre is outside, with verdict "no"; it is not optimised then.
    upper_bound : float
        No ball is larger, by the multipliers.
    verdict : str
        "yes": the largest ball, the gap is at most 2e-9 of the radius; "no": the region has no inner
        point, the upper bound is not above rounding; "undecided": neither is proven.
    normals, offsets : (m, d), (m,) arrays
        Unit half-spaces ``normals @ y + offsets >= 0``.
    lower, upper : (d,) arrays
        The box.
    multipliers, lower_multipliers, upper_multipliers : (m,), (d,), (d,) arrays
        Non-negative, they sum to 1, and weighted by them the normals of all sides cancel.
    """

    centre: Array
    radius: float
    upper_bound: float
    verdict: str
    normals: Array
    offsets: Array
    lower: Array
    upper: Array
    multipliers: Array
    lower_multipliers: Array
    upper_multipliers: Array

    def __iter__(self) -> Iterator[Array | float]:
        return iter((self.centre, self.radius))

    @property
    def gap(self) -> float:
        """Distance of the two bounds, relative to the radius."""
        return (self.upper_bound - self.radius) / max(abs(self.radius), 1e-300)

    def verify(self) -> bool:
        """Recompute radius and upper bound in float64; False where nothing is claimed."""
        size = _size(self.offsets, self.lower, self.upper)
        radius = _radius(self.normals, self.offsets, self.lower, self.upper, self.centre)
        weights = (self.multipliers, self.lower_multipliers, self.upper_multipliers)
        if min(float(weight.min(initial=0.0)) for weight in weights) < 0:
            return False
        pull = self.multipliers @ self.normals + self.lower_multipliers - self.upper_multipliers
        bound = _dual_value(self.offsets, self.lower, self.upper, *weights)
        total = sum(float(weight.sum()) for weight in weights)
        right = np.abs(pull).max() <= CANCELLED and abs(total - 1.0) <= 1e-12
        right &= max(abs(radius - self.radius), bound - self.upper_bound) <= 1e-12 * size
        return bool(right and _verdict(self.radius, self.upper_bound, size) == self.verdict != "undecided")


def largest_ball(rows: Array, offsets: Array, lower: Array, upper: Array) -> Ball:
    """Largest ball in ``{y : rows @ y + offsets >= 0, lower <= y <= upper}``, its radius bounded.

    The linear program ``max r : a_j . y + c_j >= r |a_j|, lower + r <= y <= upper - r``. In a box few of
    many half-spaces touch the ball: those nearest to its middle come first, others as they are violated.

    Parameters
    ----------
    rows, offsets : (m, d), (m,) arrays
        A zero row is a condition without a point: it holds or nothing fits.
    lower, upper : (d,) arrays
        Infinite where a feature has no bound.

    Examples
    --------
    >>> ball = largest_ball(np.array([[-1.0, -1.0]]), np.array([1.0]), np.zeros(2), np.ones(2))
    >>> centre, radius = ball
    >>> round(radius, 6), ball.verdict, ball.verify()
    (0.292893, 'yes', True)
    """
    lengths = np.linalg.norm(rows, axis=1)
    kept = (lengths > 0) | (offsets < 0)
    lengths = np.where(lengths > 0, lengths, 1.0)[kept]
    normals, shifts = rows[kept] / lengths[:, None], offsets[kept] / lengths
    unit = _size(shifts, lower, upper)
    chosen = _nearest(normals, shifts, lower, upper)
    while True:
        balls: list[Ball] = []
        beyond = np.empty(0, np.intp)
        program = Program(normals[chosen], shifts[chosen], np.ones(len(chosen)), lower, upper, shrink=True)
        for found in attempts(program, unit):
            weights = np.zeros(len(shifts))
            weights[chosen] = found.multipliers
            balls.append(_certified(normals, shifts, lower, upper, replace(found, multipliers=weights)))
            if balls[-1].verdict != "undecided":
                return balls[-1]
            room = normals @ found.point + shifts - found.level
            room[chosen] = np.inf
            beyond = np.argsort(room)[: max(WORKING, len(chosen))]
            beyond = beyond[room[beyond] < 0]
            if len(beyond):
                break
        if not len(beyond):
            return min(balls, key=lambda ball: ball.upper_bound - ball.radius)
        chosen = np.concatenate([chosen, beyond])


def _nearest(normals: Array, offsets: Array, lower: Array, upper: Array) -> NDArray[np.intp]:
    """The rows to begin with: those nearest to the middle of the box; all where it has no middle."""
    if not (np.isfinite(lower) & np.isfinite(upper)).all():
        return np.arange(len(offsets))
    return np.argsort(normals @ (0.5 * lower + 0.5 * upper) + offsets)[:WORKING]


def _certified(normals: Array, offsets: Array, lower: Array, upper: Array, found: Optimum) -> Ball:
    """Bounds from both sides, whatever the solver says of itself."""
    weights = np.maximum(found.multipliers, 0.0)
    low = np.where(np.isfinite(lower), np.maximum(found.lower, 0.0), 0.0)
    up = np.where(np.isfinite(upper), np.maximum(found.upper, 0.0), 0.0)
    pull = weights @ normals + low - up
    low = low + np.where(np.isfinite(lower), np.maximum(-pull, 0.0), 0.0)
    up = up + np.where(np.isfinite(upper), np.maximum(pull, 0.0), 0.0)
    total = weights.sum() + low.sum() + up.sum()
    weights, low, up = (part / max(total, 1e-300) for part in (weights, low, up))
    pull = weights @ normals + low - up
    bound = _dual_value(offsets, lower, upper, weights, low, up)
    bound = bound if np.abs(pull).max() <= CANCELLED and total > 0 else np.inf
    radius = _radius(normals, offsets, lower, upper, found.point)
    verdict = _verdict(radius, bound, _size(offsets, lower, upper))
    return Ball(found.point, radius, bound, verdict, normals, offsets, lower, upper, weights, low, up)


def _verdict(radius: float, bound: float, size: float) -> str:
    if radius > 0 and bound - radius <= GAP * radius:
        return "yes"
    return "no" if bound <= EMPTY * size else "undecided"


def _size(offsets: Array, lower: Array, upper: Array) -> float:
    """Scale of the data: distances of the sides from zero."""
    finite = [np.abs(side[np.isfinite(side)]) for side in (lower, upper)]
    size = float(np.concatenate([np.abs(offsets), *finite]).max(initial=0.0))
    return size if size > 0 else 1.0


def _radius(normals: Array, offsets: Array, lower: Array, upper: Array, centre: Array) -> float:
    inner = min(float((centre - lower).min()), float((upper - centre).min()))
    return min(inner, float((normals @ centre + offsets).min(initial=np.inf)))


def _dual_value(offsets: Array, lower: Array, upper: Array, weights: Array, low: Array, up: Array) -> float:
    """``c . l - lower . l_low + upper . l_up``: at least the radius of every ball that fits."""
    at_low, at_up = low > 0, up > 0
    return float(weights @ offsets - low[at_low] @ lower[at_low] + up[at_up] @ upper[at_up])
