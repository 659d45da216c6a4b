"""Blends of training points at which chosen classes tie: ambiguity that never leaves the hull."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array, Features, as_vector, blocks, check_classes
from .farkas import logit_size
from .head import LinearHead
from .master import Master
from .pricing import LARGEST, PointSet, Rows

__all__ = ["AmbiguousBlend", "ambiguous_blend"]

TOLERANCE = 1e-9  # of ties, relative to what logits are sums of
GAP = 1e-12  # relative, where the blend is the nearest one
ROUNDING = 1e-13  # relative to the numbers that are subtracted
NEAREST = 128  # points around y in the first program
EXTREME = 4  # and for each chosen class, where it is highest above the others
PRICED = 64  # best points that join after a pass over all
PASSES = 200
NOTHING = 1e-13  # weights below this are rounding


@dataclass(frozen=True, eq=False)
class AmbiguousBlend:
    """A convex blend of few points at which the chosen classes tie and no other is above.

    Of all such blends ``p = sum_i a_i y_i`` (a >= 0, sum a = 1) it has the least mean squared distance
    of the blended points from y, ``sum_i a_i |y_i - y|^2 = |p - y|^2 + sum_i a_i |y_i - p|^2``: p is near
    y, and what is blended is near p. This is a linear program, so that K points suffice for K classes.

    Both proofs are coefficients c of logits that sum to zero, with ``c_k <= 0`` for classes that are not
    chosen: then ``c . z >= 0`` at every tie of the chosen classes that none is above. Where ``c . z_i``
    is negative for all n points there is no such tie in their hull; and always
    ``sum_i a_i |y_i - y|^2 >= min_i (|y_i - y|^2 - c . z_i)``.

    Attributes
    ----------
    head : LinearHead
    features : (n, d) array
    y : (d,) array
    classes : tuple of int
    verdict : str
        "yes": the weights are the witness; "no": `proof` shows that there is no such blend; else
        "undecided".
    indices, weights : (m,) arrays
        Rows of `features`, at most K, and their positive weights, which sum to 1; empty unless "yes".
    point, logits : (d,), (K,) arrays
        The blend; NaN unless "yes".
    spread : float
        Mean squared distance ``sum_i a_i |y_i - y|^2``; infinite where "no", NaN where undecided.
    bound : float
        What `proof` shows of it, a lower bound for all such blends; infinite where "no".
    gap : float
        ``(spread - bound) / spread``: zero, up to rounding, where no blend is nearer; NaN unless "yes".
    proof : (K,) array
        The coefficients c; of "no", their absolute values sum to 1.
    residual : float
        By how much the logits of the best blend found miss the tie.
    tolerance : float
        Differences of logits up to it count as zero: 1e-9 of what logits are sums of.
    """

    head: LinearHead
    features: Features
    y: Array
    classes: tuple[int, ...]
    verdict: str
    indices: Rows
    weights: Array
    point: Array
    logits: Array
    spread: float
    bound: float
    gap: float
    proof: Array
    residual: float
    tolerance: float

    @property
    def distance(self) -> float:
        """``|p - y|``; at most the root of `spread`, NaN unless "yes"."""
        return float(np.linalg.norm(self.point - self.y))

    def verify(self) -> bool:
        """Check the witness, and the proof over all n points, again in float64; undecided is False.

        Ties to the tolerance; the bound up to rounding.
        """
        size = float(np.abs(self.proof).sum())
        others = np.delete(self.proof, self.classes)
        if not np.isfinite(size) or (others > 0).any() or abs(self.proof.sum()) > ROUNDING * size:
            return False
        if self.verdict == "no":
            return size > 0 and self._highest() < -self.tolerance * size
        return self.verdict == "yes" and self._is_blend() and self._is_bound()

    def _is_blend(self) -> bool:
        weights, rows = self.weights, self.indices
        if not 0 < len(rows) == len(np.unique(rows)) <= self.head.num_classes or len(weights) != len(rows):
            return False
        vectors = self.features[rows].astype(np.float64)
        point = weights @ vectors
        logits = self.head.logits(point)[0]
        spread = float(weights @ np.square(vectors - self.y).sum(axis=1))
        slack = ROUNDING * float(np.abs(vectors).max() + np.abs(self.y).max()) * np.sqrt(len(self.y))
        return bool(
            (weights > 0).all()
            and abs(weights.sum() - 1.0) <= 1e-12
            and np.linalg.norm(point - self.point) <= slack
            and np.abs(logits - self.logits).max() <= 1e-3 * self.tolerance
            and _off(logits, self.classes) <= 1.001 * self.tolerance
            and abs(spread - self.spread) <= 1e-12 * self.spread + slack**2
            and self.bound <= self.spread * (1.0 + 1e-9) + slack**2
            and abs(self.spread - self.bound - self.gap * self.spread) <= 1e-9 * self.spread + slack**2
        )

    def _highest(self) -> float:
        """``max_i c . z_i``."""
        slopes, constant = self.proof @ self.head.weight, float(self.proof @ self.head.bias)
        parts = [(self.features[rows].astype(np.float64) @ slopes).max() for rows in blocks(self.features)]
        return float(max(parts)) + constant

    def _is_bound(self) -> bool:
        slopes, constant = self.proof @ self.head.weight, float(self.proof @ self.head.bias)
        for rows in blocks(self.features):
            block = self.features[rows].astype(np.float64)
            squares, rises = np.square(block - self.y).sum(axis=1), block @ slopes + constant
            slack = 1e-11 * (
                squares + np.abs(block) @ np.abs(slopes) + np.abs(self.proof) @ np.abs(self.head.bias)
            )
            if (squares - rises < self.bound - slack).any():
                return False
        return True


def ambiguous_blend(
    head: LinearHead, features: ArrayLike | PointSet, y: ArrayLike, classes: Sequence[int]
) -> AmbiguousBlend:
    """The convex blend of few points, nearest to y, at which 2 to K classes tie and no other is above.

    Minimises ``sum_i a_i |y_i - y|^2`` over convex weights a whose blend ties: a linear program with one
    unknown for each of the n points, solved by column generation. A point that joins minimises
    ``|y_i - y|^2 - c . z_i`` for the program's multipliers c, so it is the nearest one to ``y + W' c / 2``.
    The blend is in every convex domain that holds the points.

    Parameters
    ----------
    head : LinearHead
    features : (n, d) array or PointSet
        float32 arrays, memory-mapped too, are not copied.
    y : (d,) array_like
    classes : sequence of int

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite or above 1e120, or there are no such classes.

    Examples
    --------
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> points = [[4.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 5.0]]
    >>> found = ambiguous_blend(head, points, [2.0, 1.0], [0, 1])
    >>> found.verdict, found.indices.tolist(), found.weights.round(3).tolist(), found.point.round(3).tolist()
    ('yes', [1, 2], [0.6, 0.4], [1.2, 1.2])
    >>> found.verify(), ambiguous_blend(head, points, [2.0, 1.0], [1, 2]).verdict
    (True, 'no')
    """
    points = features if isinstance(features, PointSet) else PointSet(features)
    if points.dimension != head.dimension:
        raise ValueError(f"features must have {head.dimension} columns, received {points.dimension}")
    vector = as_vector("y", y, head.dimension)
    if np.abs(vector).max() > LARGEST:
        raise ValueError(f"y must be within {LARGEST:g} of the origin, received {np.abs(vector).max():g}")
    if not 2 <= len(classes) <= head.num_classes:
        raise ValueError(
            f"classes must be 2 to {head.num_classes} different indices, received {len(classes)}"
        )
    search = _Search(head, points, vector, check_classes(classes, head.num_classes, (len(classes),)))
    if search.reach_tie():
        search.approach()
    return search.result()


def _off(logits: Array, classes: Sequence[int]) -> float:
    """By how much logits miss a tie of classes that none is above."""
    return float(logits.max() - logits[list(classes)].min())


class _Search:
    """One warm linear program: first the least miss of the tie, then the least spread.

    Rows: ``z_r - z_k = 0`` for chosen k, ``z_r - z_k >= 0`` for others, with r the first chosen class, and
    ``sum a = 1``. Unknowns: what is missing of each row, both ways, the excess of the others, the weights.
    """

    def __init__(self, head: LinearHead, points: PointSet, y: Array, classes: tuple[int, ...]) -> None:
        self.head, self.points, self.y, self.classes = head, points, y, classes
        size = logit_size(head, points.radius + float(np.linalg.norm(points.centre))) or 1.0
        self.tolerance, self.size = TOLERANCE * size, size
        self.unit = (points.radius + float(np.linalg.norm(points.centre - y))) ** 2 or 1.0
        self.rivals = np.delete(np.arange(head.num_classes), classes[0])
        self.free = np.isin(self.rivals, classes)
        count = len(self.rivals)
        eye = np.eye(count, count + 1)
        self.master = Master(np.append(np.zeros(count), 1.0))
        self.missing = 2 * count
        self.master.add(np.vstack([eye, -eye, -eye[~self.free]]))
        self.fixed = self.master.count
        self.pool: Rows = np.empty(0, np.intp)
        self.squares = np.empty(0)
        self.weights = np.empty(0)
        self.proof, self.bound, self.verdict = np.zeros(head.num_classes), -np.inf, "undecided"

    def join(self, rows: Rows) -> bool:
        """Add points to the program; whether any is new."""
        fresh = np.setdiff1d(rows, self.pool)
        if not len(fresh):
            return False
        vectors = self.points.rows(fresh)
        logits = self.head.logits(vectors) / self.size
        self.master.add(
            np.column_stack([logits[:, [self.classes[0]]] - logits[:, self.rivals], np.ones(len(fresh))])
        )
        self.pool = np.concatenate([self.pool, fresh])
        self.squares = np.append(self.squares, np.square(vectors - self.y).sum(axis=1))
        return True

    def coefficients(self, duals: Array) -> Array:
        """Coefficients of the logits that sum to zero, not positive for classes that are not chosen."""
        values = np.zeros(self.head.num_classes)
        values[self.rivals] = np.where(self.free, duals[:-1], np.minimum(duals[:-1], 0.0))
        values[self.classes[0]] = -values.sum()
        return values

    def reach_tie(self) -> bool:
        """Make the program feasible; or prove that it is not, or give up."""
        chosen = self.head.weight[list(self.classes)]
        self.join(self.points.nearest(self.y[None], NEAREST)[0])
        self.join(self.points.best(chosen - chosen.mean(axis=0), EXTREME).ravel())
        for _ in range(PASSES):
            costs = np.zeros(self.master.count)
            costs[: self.missing] = -1.0
            found = self.master.maximise(costs)
            if found is None:
                return False
            self.weights = found[0][self.fixed :]
            missing = found[0][: self.missing]
            if missing.sum() <= 1e-11:
                # What is left, all rounding, may stay: the program is feasible as it is.
                self.master.limit(np.maximum(missing, 0.0))
                return True
            proof = self.coefficients(found[1])
            length = float(np.abs(proof).sum())
            if length == 0:
                return False
            proof /= length
            rows = self.points.best((proof @ self.head.weight)[None], PRICED)[0]
            highest = float(self.head.logits(self.points.rows(rows[:1]))[0] @ proof)
            if highest < -1.01 * self.tolerance:
                self.proof, self.verdict = proof, "no"
                return False
            if not self.join(rows):
                break
        return False

    def approach(self) -> None:
        """Minimise the spread; multipliers bound it from below."""
        for _ in range(PASSES):
            costs = np.concatenate([np.zeros(self.fixed), -self.squares / self.unit])
            found = self.master.maximise(costs)
            if found is None:
                return
            self.weights = np.maximum(found[0][self.fixed :], 0.0)
            proof = self.coefficients(found[1]) * (self.unit / self.size)
            aim = self.y + 0.5 * (proof @ self.head.weight)
            if not np.abs(aim).max() <= LARGEST:
                return
            rows = self.points.nearest(aim[None], PRICED)[0]
            vector = self.points.rows(rows[:1])
            bound = float(np.square(vector - self.y).sum() - self.head.logits(vector)[0] @ proof)
            if bound > self.bound:
                self.bound, self.proof = bound, proof
            spread = float(self.weights @ self.squares)
            if spread - self.bound <= GAP * spread or not self.join(rows):
                return

    def result(self) -> AmbiguousBlend:
        """Decide from what is recomputed in float64."""
        d, count = self.head.dimension, self.head.num_classes
        rows, weights, point = np.empty(0, np.intp), np.empty(0), np.full(d, np.nan)
        logits, residual = np.full(count, np.nan), np.inf
        spread = bound = np.inf if self.verdict == "no" else np.nan
        used = np.flatnonzero(self.weights > NOTHING)
        if len(used):
            part = self.weights[used] / self.weights[used].sum()
            vectors = self.points.rows(self.pool[used])
            blend = part @ vectors
            values = self.head.logits(blend)[0]
            residual = _off(values, self.classes)
            if self.verdict != "no" and residual <= self.tolerance and len(used) <= count:
                self.verdict = "yes"
                rows, weights, point, logits = self.pool[used], part, blend, values
                spread = float(part @ np.square(vectors - self.y).sum(axis=1))
                if not self.bound > 0:  # the spread is no less than the nearest point's
                    self.bound, self.proof = 0.0, np.zeros(count)
                bound = min(self.bound, spread)
        gap = (spread - bound) / spread if self.verdict == "yes" and spread > 0 else 0.0
        return AmbiguousBlend(
            self.head, self.points.points, self.y, self.classes, self.verdict, rows, weights, point, logits,
            spread, bound, gap if self.verdict == "yes" else np.nan, self.proof, residual, self.tolerance,
        )  # fmt: skip
