"""Closest points of the domain at which some classes tie and none is above, by the dual.

The Lagrangian of ``min |y - y0|^2 / 2`` is separable, so the box drops out: its least point is
``y = clip(y0 + sum_k l_k (w_i - w_k))``. What is left is a concave, piecewise quadratic function of few
multipliers, for which a Newton step is a small non-negative quadratic program.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, solve
from scipy.optimize import Bounds, linprog

from .arrays import Array
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
NEWTON = 60
ROUNDS = 200  # of pricing all classes
JOIN = 8  # classes that join the working set of a point at a time
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


def _clip(points: Array, domain: Bounds | None) -> Array:
    return points if domain is None else np.minimum(np.maximum(points, domain.lb), domain.ub)


def least_point(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, multipliers: Multipliers
) -> tuple[Array, float]:
    """Least point of the Lagrangian in the domain, and its value: a lower bound of ``|y' - y|^2 / 2``."""
    rows, offsets = _rows(head, reference, multipliers.classes)
    point = _clip(y + multipliers.values @ rows, domain)
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


def _nonnegative(gram: Array, right: Array, start: Array, free: int) -> Array:
    """Maximise ``right . x - x . gram x / 2`` with x[free:] >= 0, by an active set from a feasible start."""
    x, count = start.copy(), len(right)
    passive = x > 0
    passive[:free] = True
    enough = 1e-13 * (float(np.abs(right).max()) + float(np.abs(gram @ x).max()))
    for _ in range(3 * count + 10):
        chosen = np.flatnonzero(passive)
        if len(chosen):
            aim = np.zeros(count)
            aim[chosen] = _solve(gram[np.ix_(chosen, chosen)], right[chosen])
            falls = np.flatnonzero(passive & (aim <= 0))
            falls = falls[falls >= free]
            if len(falls):
                with np.errstate(divide="ignore", invalid="ignore"):
                    ratios = np.where(x[falls] > 0, x[falls] / (x[falls] - aim[falls]), 0.0)
                x = x + ratios.min() * (aim - x)
                gone = falls[ratios <= ratios.min()]
                passive[gone], x[gone] = False, 0.0
                continue
            x = aim
        gains = np.where(passive, -np.inf, right - gram @ x)
        best = int(gains.argmax())
        if gains[best] <= enough:
            break
        passive[best] = True
    return x


def _solve(matrix: Array, right: Array) -> Array:
    if len(right) == 1:
        return right / matrix[0] if matrix[0, 0] > 0 else np.zeros(1)
    ridge = 1e-14 * float(np.trace(matrix)) + 1e-300
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # dependent rows; the certificate decides what came of it
            found: Array = solve(
                matrix + ridge * np.eye(len(right)), right, assume_a="pos", check_finite=False
            )
    except LinAlgError:
        found = np.linalg.lstsq(matrix, right, rcond=1e-13)[0].astype(np.float64)
    return found


def _dual(
    rows: Array, offsets: Array, free: int, y: Array, domain: Bounds | None, start: Array, enough: float
) -> tuple[Array, Array]:
    """Multipliers and point of the projection of y for one working set."""
    rank = rows @ rows.T if domain is None else None

    def evaluate(values: Array) -> tuple[Array, Array, Array, float]:
        raw = y + values @ rows
        point = _clip(raw, domain)
        slack = rows @ point + offsets
        return raw, point, slack, 0.5 * float(np.square(point - y).sum()) - float(values @ slack)

    x = start
    raw, point, slack, value = evaluate(x)
    for _ in range(NEWTON):
        wrong = np.where(x[free:] > 0, np.abs(slack[free:]), -slack[free:]).max(initial=0.0)
        if max(float(np.abs(slack[:free]).max(initial=0.0)), wrong) <= enough:
            break
        if rank is None:
            assert domain is not None
            inside = (raw > domain.lb) & (raw < domain.ub)
            live = rows[:, inside]
            gram = live @ live.T
            # A little curvature where every feature that matters is at its bound.
            gram[np.diag_indices(len(gram))] += 1e-12 * np.einsum("kd,kd->k", rows, rows)
        else:
            gram = rank
        step = _nonnegative(gram, gram @ x - slack, x, free) - x
        slope, length = -float(slack @ step), 1.0
        for _ in range(40):  # the dual is concave: halve until it rises
            trial = evaluate(x + length * step)
            if trial[3] >= value + 1e-4 * length * slope or abs(length * slope) <= 1e-15 * abs(value):
                break
            length /= 2
        x = x + length * step
        x[free:] = np.maximum(x[free:], 0.0)
        raw, point, slack, value = trial
        if not np.isfinite(value) or slope <= 0:
            break
    return x, point


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


class _Search:
    """The working set of one projection."""

    def __init__(self, head: LinearHead, reference: int, tied: Sequence[int], point: Array) -> None:
        self.classes = np.array([k for k in tied if k != reference], dtype=np.intp)
        self.tied, self.free = self.classes, len(self.classes)
        self.values, self.point = np.zeros(self.free), point
        self.result: Projection | None = None


def closest_ties(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, ties: Sequence[Sequence[int]]
) -> list[Projection]:
    """Closest points to y at which `reference` ties with each of several sets of classes.

    All classes of all points are priced by one matrix product a round; the worst join the working sets.
    """
    searches = [_Search(head, reference, tied, _clip(y, domain)) for tied in ties]
    size = logit_size(head, float(np.linalg.norm(y)))
    left = searches
    for _ in range(ROUNDS):
        for search in left:
            _advance(head, domain, y, reference, search, 1e-13 * size)
        left = [search for search in left if search.result is None]
        if not left:
            break
        logits = np.stack([search.point for search in left]) @ head.weight.T + head.bias
        for search, row in zip(left, logits, strict=True):
            _price(head, domain, y, reference, search, row)
        left = [search for search in left if search.result is None]
    return [
        search.result or _end(head, domain, y, reference, search, head.weight @ search.point + head.bias)
        for search in searches
    ]


def _advance(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, search: _Search, enough: float
) -> None:
    """Solve for the working set; a proof that it has no point ends the search."""
    rows, offsets = _rows(head, reference, search.classes)
    search.values, search.point = _dual(
        rows, offsets, search.free, y, domain, search.values, max(enough, 1e-300)
    )
    slack = rows @ search.point + offsets
    scale = logit_size(head, max(float(np.linalg.norm(y)), float(np.linalg.norm(search.point))))
    wrong = max(
        float(np.abs(slack[: search.free]).max(initial=0.0)), float((-slack[search.free :]).max(initial=0.0))
    )
    if wrong > TOLERANCE * scale:
        found = Multipliers(search.classes, search.values)
        if not farkas_holds(head, domain, reference, search.tied.tolist(), found):
            found = _infeasible(head, domain, reference, search.classes, search.free)
        proved = farkas_holds(head, domain, reference, search.tied.tolist(), found)
        nowhere = np.full(len(y), np.nan)
        if proved:
            search.result = Projection("no", nowhere, np.inf, np.nan, found)
        else:
            search.result = Projection("undecided", nowhere, np.nan, np.inf, found)


def _price(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, search: _Search, logits: Array
) -> None:
    """Add the classes that are highest above the tie, or end the search where none is."""
    above = logits - logits[reference]
    above[search.classes] = 0.0
    scale = logit_size(head, max(float(np.linalg.norm(y)), float(np.linalg.norm(search.point))))
    worst = np.argsort(-above)[:JOIN] if len(above) > JOIN else np.arange(len(above))
    worst = worst[above[worst] > 1e-12 * scale]
    if not len(worst):
        search.result = _end(head, domain, y, reference, search, logits)
        return
    kept = np.append(np.ones(search.free, bool), search.values[search.free :] > 0)
    search.classes = np.append(search.classes[kept], worst)
    search.values = np.append(search.values[kept], np.zeros(len(worst)))


def _end(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, search: _Search, logits: Array
) -> Projection:
    """The verdict, recomputed from multipliers, point and its logits."""
    kept = search.values != 0
    found = Multipliers(search.classes[kept], search.values[kept])
    gap = relative_gap(head, domain, y, reference, search.point, found)
    reach = max(float(np.linalg.norm(y)), float(np.linalg.norm(search.point)))
    off = residual(head, logits, reference, search.tied.tolist(), reach)
    good = gap <= TOLERANCE and off <= TOLERANCE
    distance = float(np.linalg.norm(search.point - y))
    return Projection("yes" if good else "undecided", search.point, distance, gap, found)


def relative_gap(
    head: LinearHead, domain: Bounds | None, y: Array, reference: int, point: Array, found: Multipliers
) -> float:
    """``(|y' - y|^2 / 2 - bound) / (|y' - y|^2 / 2)``; distances below 1e-12 of the points' size are zero."""
    half = 0.5 * float(np.square(point - y).sum())
    reach = max(float(np.linalg.norm(y)), float(np.linalg.norm(point)))
    if half <= 0.5 * (1e-12 * reach) ** 2:
        return 0.0
    return abs(half - least_point(head, domain, y, reference, found)[1]) / half
