"""Two convex hulls against each other, and class hulls against their cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from .arrays import Array, Features, as_features, blocks, check_classes
from .head import LinearHead
from .pricing import PointSet, Rows

__all__ = ["HullPair", "Spoilers", "separate", "spoilers"]

TOLERANCE = 1e-9  # relative to the size of the points, or of the logits
GAP = 1e-12  # relative, where two hulls are done
PRICED = 32  # best points of a hull that join after a pass over all
PASSES = 60
INNER = 60  # quadratic programs between two passes
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class HullPair:
    """How two convex hulls lie to each other, with a proof.

    Attributes
    ----------
    first, second : (n, d), (m, d) arrays
        The points that span the hulls.
    verdict : str
        "apart": the plane ``normal . y = offset`` separates them by `gap`; "meet": the two nearest
        points coincide within the tolerance; else "undecided".
    points : (2, d) array
        Nearest points of the first and of the second hull.
    distance : float
        Between these points: an upper bound of the distance of the hulls.
    gap : float
        Width of the strip between the hulls, a lower bound of their distance: ``min normal . y`` over
        the first less ``max normal . y`` over the second; equal to the distance up to rounding where
        the plane has the largest margin. Zero where they meet.
    normal : (d,) array
        Unit vector, towards the first hull.
    offset : float
        Of the plane in the middle of the strip.
    weights : tuple of two arrays
        Positive, each sums to 1.
    support : tuple of two arrays of int
        Rows of `first` and of `second` that carry the weights.
    tolerance : float
        Distances up to it count as zero.
    """

    first: Features
    second: Features
    verdict: str
    points: Array
    distance: float
    gap: float
    normal: Array
    offset: float
    weights: tuple[Array, Array]
    support: tuple[Rows, Rows]
    tolerance: float

    @property
    def point(self) -> Array:
        """Where they meet: the middle of the two nearest points, (d,)."""
        middle: Array = self.points.mean(axis=0)
        return middle

    def verify(self) -> bool:
        """Check the witness or the plane again over all points in float64; undecided ones are False."""
        slack = 1e-3 * self.tolerance + ROUNDING * float(np.abs(self.points).max())
        for side, weights, rows, point in zip(
            (self.first, self.second), self.weights, self.support, self.points, strict=True
        ):
            convex = (weights >= 0).all() and abs(weights.sum() - 1.0) <= 1e-12
            if not convex or np.linalg.norm(weights @ side[rows].astype(np.float64) - point) > slack:
                return False
        if abs(np.linalg.norm(self.points[0] - self.points[1]) - self.distance) > slack:
            return False
        if self.verdict == "meet":
            return self.distance <= self.tolerance + slack
        if self.verdict != "apart" or abs(np.linalg.norm(self.normal) - 1.0) > 1e-12:
            return False
        lower = min(float((self.first[r].astype(float) @ self.normal).min()) for r in blocks(self.first))
        upper = max(float((self.second[r].astype(float) @ self.normal).max()) for r in blocks(self.second))
        half = 0.5 * self.gap
        return bool(
            self.gap > self.tolerance
            and lower - self.offset >= half - slack
            and self.offset - upper >= half - slack
        )


def separate(first: ArrayLike | PointSet, second: ArrayLike | PointSet) -> HullPair:
    """Distance of two convex hulls: the plane of largest margin between them, or a common point.

    Finds the shortest vector of ``{a - b}``, the difference of the hulls, as a blend of few pairs of
    points; the pairs that reach farthest against it, over all points of both, join until none reaches
    farther (relative gap 1e-12).

    Parameters
    ----------
    first, second : (n, d), (m, d) arrays or PointSet

    Raises
    ------
    ValueError
        If there are no points, the dimensions differ or a number is not finite.

    Examples
    --------
    >>> pair = separate([[2.0, 0.0], [2.0, 2.0]], [[0.0, 1.0], [-1.0, 0.0]])
    >>> pair.verdict, pair.gap, pair.normal.tolist(), pair.offset, pair.verify()
    ('apart', 2.0, [1.0, 0.0], 1.0, True)
    """
    a, b = (cloud if isinstance(cloud, PointSet) else PointSet(cloud) for cloud in (first, second))
    if a.dimension != b.dimension:
        raise ValueError(
            f"both hulls must be in the same space, received points in {a.dimension} and {b.dimension} "
            "dimensions"
        )
    size = max(float(np.linalg.norm(c.centre)) + c.radius for c in (a, b))
    tolerance = max(TOLERANCE * max(a.radius, b.radius), 1e-14 * size)
    pairs = np.column_stack([a.nearest(b.centre[None], 1)[0], b.nearest(a.centre[None], 1)[0]])
    weights = np.ones(1)
    bound, normal, offset = -np.inf, np.zeros(a.dimension), 0.0
    pools = [pairs[:, 0], pairs[:, 1]]
    for _ in range(PASSES):
        pairs, weights = _shortest(a, b, pools, pairs, weights, tolerance)
        shortest = weights @ (a.rows(pairs[:, 0]) - b.rows(pairs[:, 1]))
        length = float(np.linalg.norm(shortest))
        if length <= 1e-3 * tolerance:
            break
        unit = shortest / length
        near = [a.best(-unit[None], PRICED)[0], b.best(unit[None], PRICED)[0]]
        lower, upper = float(a.rows(near[0][:1])[0] @ unit), float(b.rows(near[1][:1])[0] @ unit)
        if lower - upper > bound:
            bound, normal, offset = lower - upper, unit, 0.5 * (lower + upper)
        known = near[0][0] in pools[0] and near[1][0] in pools[1]
        if length - bound <= GAP * length or known:
            break
        pools = [np.union1d(old, new) for old, new in zip(pools, near, strict=True)]
    return _pair(a, b, pairs, weights, bound, normal, offset, tolerance)


def _shortest(
    a: PointSet, b: PointSet, pools: list[Rows], pairs: Rows, weights: Array, tolerance: float
) -> tuple[Rows, Array]:
    """Shortest blend of differences between two pools, from the best so far."""
    left, right = a.rows(pools[0]), b.rows(pools[1])
    vectors = a.rows(pairs[:, 0]) - b.rows(pairs[:, 1])
    shortest = weights @ vectors
    for _ in range(INNER):
        square = float(shortest @ shortest)
        if np.sqrt(square) <= 1e-4 * tolerance:
            break
        low, high = np.argsort(left @ shortest)[:8], np.argsort(-(right @ shortest))[:8]
        count = max(len(low), len(high))
        rows = np.vstack(
            [
                np.column_stack([np.resize(low, count), np.resize(high, count)]),
                np.column_stack([np.full(len(high), low[0]), high]),
                np.column_stack([low, np.full(len(low), high[0])]),
            ]
        )
        fresh = left[rows[:, 0]] - right[rows[:, 1]]
        better = fresh @ shortest < square * (1.0 - 0.1 * GAP)
        if not better.any():
            break
        every = np.vstack([vectors, fresh[better]])
        names = np.vstack([pairs, np.column_stack([pools[0][rows[better, 0]], pools[1][rows[better, 1]]])])
        found = _least(every, max(np.sqrt(square), tolerance))
        moved = found @ every
        if not float(moved @ moved) < square:
            break
        used = found > 0
        vectors, pairs, weights, shortest = every[used], names[used], found[used], moved
    return pairs, weights


def _least(vectors: Array, scale: float) -> Array:
    """Convex weights of the shortest blend: ``[V'; 1'] a = [0; 1]`` in non-negative least squares."""
    system = np.vstack([vectors.T / scale, np.ones(len(vectors))])
    goal = np.append(np.zeros(vectors.shape[1]), 1.0)
    try:
        found: Array = nnls(system, goal)[0]
    except RuntimeError:  # out of iterations: the first vector alone is a blend, too
        found = np.zeros(len(vectors))
    if not found.sum() > 0:
        found[0] = 1.0
    weights: Array = found / found.sum()
    return weights


def _pair(
    a: PointSet, b: PointSet, pairs: Rows, weights: Array, bound: float, normal: Array, offset: float,
    tolerance: float,
) -> HullPair:  # fmt: skip
    """Decide from what is recomputed in float64."""
    support, parts, points = [], [], []
    for cloud, column in ((a, pairs[:, 0]), (b, pairs[:, 1])):
        rows, owner = np.unique(column, return_inverse=True)
        part = np.bincount(owner, weights)
        support.append(rows)
        parts.append(part / part.sum())
        points.append(parts[-1] @ cloud.rows(rows))
    distance = float(np.linalg.norm(points[0] - points[1]))
    verdict = "meet" if distance <= tolerance else "apart" if bound > 2 * tolerance else "undecided"
    gap = bound if verdict == "apart" else 0.0
    return HullPair(
        a.points, b.points, verdict, np.array(points), distance, gap, normal, offset,
        (parts[0], parts[1]), (support[0], support[1]), tolerance,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Spoilers:
    """Which samples of a class keep its hull from being inside its cell.

    Cells are convex: the hull of the samples that the head itself gives class i is in the cell of i, each
    blend of them too. One sample outside breaks this for the hull of all.

    Attributes
    ----------
    rows : (m,) array of int
        Samples of the class inside its cell, ties within rounding included: their hull is inside.
    spoilers : (s,) array of int
        Samples of the class outside its cell.
    predicted : (s,) array of int
        The classes the head gives these.
    margins : (s,) array
        ``z_i - max_j z_j`` of these, negative.
    verdict : str
        "yes": all samples are inside, and so is their hull; "no": each spoiler is a witness;
        "undecided" without samples.
    """

    head: LinearHead
    features: Features
    labels: NDArray[np.int64]
    class_index: int
    rows: Rows
    spoilers: Rows
    predicted: NDArray[np.int64]
    margins: Array
    verdict: str

    def verify(self) -> bool:
        """Compute the margins of all samples of the class again."""
        rows = np.flatnonzero(self.labels == self.class_index)
        if self.verdict == "undecided" or not np.array_equal(rows, np.union1d(self.rows, self.spoilers)):
            return False
        margins, predicted, slack = _margins(self.head, self.features, rows, self.class_index)
        out = margins < -slack
        return bool(
            (self.verdict == "no") == out.any()
            and np.array_equal(rows[out], self.spoilers)
            and np.array_equal(predicted[out], self.predicted)
            and np.abs(margins[out] - self.margins).max(initial=0.0) <= slack.max(initial=0.0)
        )


def spoilers(head: LinearHead, features: ArrayLike, labels: ArrayLike, class_index: int) -> Spoilers:
    """The samples of a class outside its cell, and the others, whose hull is certified to be inside.

    Examples
    --------
    >>> found = spoilers(LinearHead(np.eye(2)), [[2.0, 1.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 0], 0)
    >>> found.verdict, found.rows.tolist(), found.spoilers.tolist(), found.margins.tolist()
    ('no', [0, 1], [2], [-1.0])
    """
    (index,) = check_classes([class_index], head.num_classes, (1,))
    samples = as_features("features", features, head.dimension)
    names = np.asarray(labels)
    if names.shape != (len(samples),) or names.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {len(samples)} class indices, received {names.dtype} of shape {names.shape}"
        )
    rows = np.flatnonzero(names == index)
    margins, predicted, slack = _margins(head, samples, rows, index)
    out = margins < -slack
    verdict = "undecided" if not len(rows) else "no" if out.any() else "yes"
    return Spoilers(
        head, samples, names.astype(np.int64), index, rows[~out], rows[out], predicted[out],
        margins[out], verdict,
    )  # fmt: skip


def _margins(
    head: LinearHead, features: Features, rows: Rows, index: int
) -> tuple[Array, NDArray[np.int64], Array]:
    """Margins over the best other class, predicted classes, and the margins' rounding."""
    margins, slack = np.empty(len(rows)), np.empty(len(rows))
    predicted = np.empty(len(rows), np.int64)
    size = head.row_lengths.max()
    step = max(1, 2**22 // max(head.num_classes, head.dimension))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        vectors = features[rows[part]].astype(np.float64)
        logits = vectors @ head.weight.T + head.bias
        slack[part] = ROUNDING * (np.linalg.norm(vectors, axis=1) * size + np.abs(head.bias).max())
        predicted[part] = logits.argmax(axis=1)
        own = logits[:, index].copy()
        logits[:, index] = -np.inf
        margins[part] = own - logits.max(axis=1)
    return margins, predicted, slack
