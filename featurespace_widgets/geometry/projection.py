"""Closest points of the domain at which some classes tie and none is above, by working sets of classes.

Each is a projection onto a few half-spaces ``z_i >= z_k`` in the domain, certified by its multipliers:
``y = clip(y0 + sum_k l_k (w_i - w_k))`` is the least point of their Lagrangian.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, linprog

from .arrays import Array
from .dual_newton import clip, maximise_duals
from .farkas import largest_value, logit_size
from .head import LinearHead

__all__ = [
    "TOLERANCE",
    "Multipliers",
    "Projection",
    "closest_ties",
    "farkas_holds",
    "least_point",
    "relative_gap",
    "residual",
]

TOLERANCE = 1e-9  # ties relative to what logits are sums of, gaps relative to the squared distance
ZERO = 1e-12  # distances below this share of the points' size are none
ROUNDS = 200  # of pricing all classes
JOIN = 8  # classes that join the working set of a point at a time
PRICED = 256  # points that are priced at a time
BLOCK = 2**17  # numbers in the rows of the projections that are solved at a time
SECONDS = 20.0  # for a linear program


@dataclass(frozen=True, eq=False)
class Multipliers:
    """The combination ``sum_k values[k] (z_i - z_classes[k])`` of logit differences.

    Values are of any sign for the classes that tie with i, and not negative for others.
    """

    classes: NDArray[np.intp]
    values: Array


@dataclass(frozen=True, eq=False)
class Projection:
    """Where a projection ended: verdict, point, lower bound of the distance, and the multipliers."""

    verdict: str
    point: Array
    distance: float
    gap: float
    multipliers: Multipliers


def _rows(head: LinearHead, reference: int, classes: NDArray[np.intp]) -> tuple[Array, Array]:
    return head.weight[reference] - head.weight[classes], head.bias[reference] - head.bias[classes]


def least_point(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, multipliers: Multipliers
) -> tuple[Array, float]:
    """Least point of the Lagrangian in the domain, and its value: a lower bound of ``|y' - y|^2 / 2``."""
    rows, offsets = _rows(head, reference, multipliers.classes)
    point = clip(y + multipliers.values @ rows, domain)
    slope = float(multipliers.values @ (rows @ point + offsets))
    return point, 0.5 * float(np.square(point - y).sum()) - slope


def residual(head: LinearHead, logits: Array, reference: int, tied: Sequence[int], reach: float) -> float:
    """How far chosen classes are from a tie that none is above, relative to what logits are sums of."""
    apart = float(np.abs(logits[list(tied)] - logits[reference]).max(initial=0.0))
    above = float((logits - logits[reference]).max())
    scale = logit_size(head, reach)
    worst = max(apart, above)
    return worst / scale if scale > 0 else worst


def farkas_holds(
    head: LinearHead, domain: Bounds | None, reference: int, tied: Sequence[int], multipliers: Multipliers
) -> bool:
    """Whether a combination that is >= 0 at every tie is negative in the whole domain.

    Its largest value has to be below zero by 1e-9 of what it is a sum of.
    """
    classes, values = multipliers.classes, multipliers.values
    if not len(classes) or not np.isfinite(values).all() or (values[~np.isin(classes, tied)] < 0).any():
        return False
    rows, offsets = _rows(head, reference, classes)
    slopes, sizes = values @ rows, np.abs(values) @ np.abs(rows)
    size = float(np.abs(values) @ np.abs(offsets))
    if domain is not None:
        ends = np.where(slopes > 0, domain.ub, domain.lb)
        finite = np.isfinite(ends)
        size += float(np.abs(ends[finite]) @ sizes[finite])
    value = largest_value(slopes, sizes, domain) + float(values @ offsets)
    return size > 0 and value < -TOLERANCE * size


def _infeasible(
    head: LinearHead, domain: Bounds | None, reference: int, classes: NDArray[np.intp], free: int
) -> Multipliers:
    """Multipliers that may prove that a working set has no point, from the least violation (HiGHS)."""
    rows, offsets = _rows(head, reference, classes)
    lengths = np.linalg.norm(rows, axis=1)
    lengths[lengths == 0] = 1.0
    unit = float(np.abs(offsets / lengths).max()) or 1.0
    a, c = rows / lengths[:, None], offsets / lengths / unit
    d, ones = rows.shape[1], np.ones((len(rows), 1))
    above = np.vstack([np.column_stack([-a, -ones]), np.column_stack([a[:free], -ones[:free]])])
    low, up = (np.full(d, -np.inf),) * 2 if domain is None else (domain.lb / unit, domain.ub / unit)
    up = -low if domain is None else up
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = linprog(
            np.append(np.zeros(d), 1.0),
            A_ub=above,
            b_ub=np.concatenate([c, -c[:free]]),
            bounds=np.column_stack([np.append(low, 0.0), np.append(up, np.inf)]),
            method="highs-ds",
            options={"time_limit": SECONDS},
        )
    if found.status != 0:
        return Multipliers(classes, np.zeros(len(classes)))
    forces = -found.ineqlin.marginals
    values = np.maximum(forces[: len(rows)], 0.0)
    values[:free] -= forces[len(rows) :]
    return Multipliers(classes, values / lengths)


class _Searches:
    """Several projections and their working sets: (F, m) classes, filled up with the reference itself."""

    def __init__(
        self, head: LinearHead, domain: Bounds | None, y: Array, reference: int, ties: Sequence[Sequence[int]]
    ) -> None:
        self.head, self.domain, self.y, self.reference = head, domain, y, reference
        self.tied: NDArray[np.intp] = np.array(ties, dtype=np.intp).reshape(len(ties), -1)
        self.free = self.tied.shape[1]
        self.classes, self.values = self.tied.copy(), np.zeros(self.tied.shape)
        self.points = np.broadcast_to(y, (len(ties), len(y))).copy()
        self.gaps, self.residuals = np.full((2, len(ties)), np.inf)
        self.nowhere: dict[int, Projection] = {}

    def solve(self, left: NDArray[np.intp]) -> NDArray[np.intp]:
        """Project onto the working sets, block by block of like size; those that have a point go on."""
        head, free = self.head, self.free
        size = logit_size(head, float(np.linalg.norm(self.y))) or 1.0
        sizes = (self.classes[left] != self.reference).sum(axis=1)
        left, sizes = left[np.argsort(sizes, kind="stable")], np.sort(sizes)
        start = 0
        while start < len(left):
            fit = np.arange(1, len(left) - start + 1) * sizes[start:] * head.dimension <= BLOCK
            end = start + max(1, int(fit.sum()))
            width = int(sizes[end - 1])
            some = left[start:end]
            classes = self.classes[some, :width]
            rows = head.weight[self.reference] - head.weight[classes]
            offsets = head.bias[self.reference] - head.bias[classes]
            start_values = self.values[some, :width]
            found = maximise_duals(rows, offsets, free, self.y, self.domain, start_values, size)
            self.values[some, :width], self.points[some] = found.multipliers, found.point
            reach, scale = self.sizes(found.point)
            with np.errstate(divide="ignore", invalid="ignore"):
                gaps = np.abs(found.half - found.value) / found.half
            self.gaps[some] = np.where(found.half <= 0.5 * (ZERO * reach) ** 2, 0.0, gaps)
            wrong = np.maximum(-found.slack, 0.0)
            wrong[:, :free] = np.abs(found.slack[:, :free])
            for f in some[~(wrong.max(axis=1, initial=0.0) <= TOLERANCE * scale)].tolist():
                self.nowhere[f] = self.prove(f)
            start = end
        return left[[f not in self.nowhere for f in left.tolist()]]

    def sizes(self, points: Array) -> tuple[Array, Array]:
        """Norms of points, no less than of y, and what logits are sums of there."""
        reach = np.maximum(np.linalg.norm(points, axis=1), np.linalg.norm(self.y))
        return reach, (reach[:, None] * self.head.row_lengths + np.abs(self.head.bias)).max(axis=1)

    def prove(self, f: int) -> Projection:
        """Why a working set has no point, or an undecided answer."""
        head, domain, reference, tied = self.head, self.domain, self.reference, self.tied[f].tolist()
        found = self.multipliers(f)
        proved = farkas_holds(head, domain, reference, tied, found)
        if not proved:
            classes = self.classes[f][self.classes[f] != reference]
            found = _infeasible(head, domain, reference, classes, self.free)
            proved = farkas_holds(head, domain, reference, tied, found)
        point = np.full(len(self.y), np.nan)
        if proved:
            return Projection("no", point, np.inf, np.nan, found)
        return Projection("undecided", point, np.nan, np.inf, found)

    def price(self, left: NDArray[np.intp]) -> NDArray[np.intp]:
        """Let the classes that are highest above the tie join; searches where there are some go on."""
        busy = []
        for some in np.array_split(left, -(-len(left) // PRICED)):
            points = self.points[some]
            above = points @ self.head.weight.T + self.head.bias
            above -= above[:, [self.reference]]
            scale = self.sizes(points)[1]
            apart = np.abs(np.take_along_axis(above, self.tied[some], axis=1)).max(axis=1, initial=0.0)
            worst = np.maximum(apart, above.max(axis=1))
            self.residuals[some] = np.divide(worst, scale, out=worst, where=scale > 0)
            np.put_along_axis(above, self.classes[some], 0.0, axis=1)
            count = min(JOIN, above.shape[1])
            best = np.argpartition(above, -count, axis=1)[:, -count:]
            joins = np.take_along_axis(above, best, axis=1) > 1e-12 * scale[:, None]
            goes_on = joins.any(axis=1)
            self.join(some[goes_on], best[goes_on], joins[goes_on])
            busy.append(some[goes_on])
        return np.concatenate(busy)

    def join(self, some: NDArray[np.intp], classes: NDArray[np.intp], joins: NDArray[np.bool_]) -> None:
        """Add classes to the working sets; those without a multiplier leave."""
        values = np.hstack([self.values[some], np.zeros(classes.shape)])
        kept = np.hstack([self.values[some] > 0, joins])
        kept[:, : self.free] = True
        order = np.argsort(~kept, axis=1, kind="stable")[:, : kept.sum(axis=1).max(initial=0)]
        classes = np.where(kept, np.hstack([self.classes[some], classes]), self.reference)
        more = max(0, order.shape[1] - self.classes.shape[1])
        self.classes = np.pad(self.classes, ((0, 0), (0, more)), constant_values=self.reference)
        self.values = np.pad(self.values, ((0, 0), (0, more)))
        self.classes[some], self.values[some] = self.reference, 0.0
        self.classes[some, : order.shape[1]] = np.take_along_axis(classes, order, axis=1)
        self.values[some, : order.shape[1]] = np.take_along_axis(np.where(kept, values, 0.0), order, axis=1)

    def multipliers(self, f: int) -> Multipliers:
        used = self.values[f] != 0
        return Multipliers(self.classes[f, used], self.values[f, used])

    def result(self, f: int) -> Projection:
        """The verdict on one projection."""
        if f in self.nowhere:
            return self.nowhere[f]
        good = self.gaps[f] <= TOLERANCE and self.residuals[f] <= TOLERANCE
        distance = float(np.linalg.norm(self.points[f] - self.y))
        verdict = "yes" if good else "undecided"
        return Projection(verdict, self.points[f], distance, float(self.gaps[f]), self.multipliers(f))


def closest_ties(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, ties: Sequence[Sequence[int]]
) -> list[Projection]:
    """Closest points to y at which `reference` ties with each of several sets of classes, of equal size.

    The Newton steps of many points are taken at once, and all classes of all points are priced by one
    matrix product a round; the worst join the working sets.
    """
    searches = _Searches(head, domain, y, reference, ties)
    left = np.arange(len(ties))
    for _ in range(ROUNDS):
        left = searches.solve(left)
        left = searches.price(left) if len(left) else left
        if not len(left):
            break
    return [searches.result(f) for f in range(len(ties))]


def relative_gap(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, point: Array, found: Multipliers
) -> float:
    """``(|y' - y|^2 / 2 - bound) / (|y' - y|^2 / 2)``; distances below 1e-12 of the points' size are zero."""
    half = 0.5 * float(np.square(point - y).sum())
    reach = max(float(np.linalg.norm(y)), float(np.linalg.norm(point)))
    if half <= 0.5 * (ZERO * reach) ** 2:
        return 0.0
    return abs(half - least_point(head, domain, y, reference, found)[1]) / half
