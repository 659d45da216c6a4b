"""The convex hull of many feature vectors: projection and membership by column generation.

The hull of n points in R^d is never built. Its nearest point to a query is a blend of at most d + 1
of them: column generation finds these few among the many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from .arrays import Array, as_features, as_matrix
from .hull_projection import HullProjection
from .hull_section import HullSection, section
from .plane import Slice
from .pricing import LARGEST, PointSet, Rows

__all__ = ["FeatureHull"]

POOL = 512  # nearest points that are looked at before all are priced,
POOL_NUMBERS = 2**18  # or as many as have this many coordinates,
POOL_LEAST = 128  # but no fewer
PRICED = 256  # best points that join the pool after a pass over all
POOL_LIMIT = 2048
START = 32  # nearest points in the first blend
STEP = 16  # points that join a blend at a time
GAP = 1e-12  # relative, where a query is done
LOOSE = 1e-9  # relative, above which the normal is computed anew
PASSES = 60  # over all points
INNER = 200  # blends between two passes
ROUNDING = 1e-12  # relative to the largest coordinates, below this nothing is told apart


class FeatureHull:
    """The convex hull of feature vectors.

    Parameters
    ----------
    points : (N, d) array or PointSet
        float32 (memory-mapped too) and float64 arrays are held uncopied.
    rows : (n,) array of int, optional
        The points that span the hull; all if not given.
    tolerance : float
        Distances up to this part of the points' radius about the middle of their bounding box count
        as zero, so does what float64 cannot tell apart from it (1e-12 of the largest coordinates).

    Attributes
    ----------
    points : PointSet
        The n points that span the hull.
    tolerance : float
        The same as a distance.

    Examples
    --------
    >>> triangle = FeatureHull([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> found = triangle.project([[0.25, 0.25], [1.0, 1.0]])
    >>> found.verdicts.tolist(), found.distances.round(3).tolist(), found.points[1].round(3).tolist()
    (['inside', 'outside'], [0.0, 0.707], [0.5, 0.5])
    >>> found.verify()
    array([ True,  True])
    """

    def __init__(
        self,
        points: ArrayLike | PointSet,
        rows: Sequence[int] | Rows | None = None,
        tolerance: float = 1e-9,
    ) -> None:
        stored: ArrayLike = points.points if isinstance(points, PointSet) else points
        shape = np.shape(stored)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"points must have shape (n, d) with n >= 1 and d >= 1, received shape {shape}")
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance must be from 0 to below 1, received {tolerance}")
        ready = points if isinstance(points, PointSet) and rows is None else None
        self.features = as_features("points", stored, shape[1]) if ready is None else ready.points
        self.rows = None if rows is None else _as_rows(rows, shape[0])
        if ready is None:
            ready = PointSet(self.features if self.rows is None else self.features[self.rows])
        self.points = ready
        size = self.points.radius + float(np.linalg.norm(self.points.centre))
        self.tolerance = max(tolerance * self.points.radius, ROUNDING * size)

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"FeatureHull({len(self)} points, {self.points.dimension} features)"

    def project(self, queries: ArrayLike) -> HullProjection:
        """Nearest points of the hull: ``min |p - q|`` over ``p = sum a_i y_i, a >= 0, sum a = 1``.

        Few points are blended exactly (a non-negative least-squares problem), all n are priced for all
        queries by one matrix product, the best join, until the lower bound over all n points meets the
        distance (relative gap 1e-12) or the distance is zero within the tolerance.

        Parameters
        ----------
        queries : (q, d) or (d,) array

        Raises
        ------
        ValueError
            If the shape does not fit, a number is not finite, or is above 1e120.
        """
        wanted = as_matrix("queries", queries, self.points.dimension)
        if np.abs(wanted).max(initial=0.0) > LARGEST:
            raise ValueError(
                f"queries must be within {LARGEST:g} of the origin, received {np.abs(wanted).max():g}"
            )
        searches = [_Search(self.points, q, self.tolerance) for q in wanted]
        size = max(POOL_LEAST, min(POOL, POOL_NUMBERS // self.points.dimension))
        for search, rows in zip(searches, self.points.nearest(wanted, size), strict=True):
            search.advance(rows)
        busy = searches
        for _ in range(PASSES):
            for search, rows in zip(busy, self._price(busy, PRICED), strict=True):
                search.price(rows)
            busy = [search for search in busy if not search.done]
            if not busy:
                break
        loose = [search for search in searches if search.loose]
        for search in loose:
            search.straighten()
        for search, rows in zip(loose, self._price(loose, 1), strict=True):
            search.bind(rows[0])
        return self._collect(wanted, searches)

    def _price(self, searches: Sequence[_Search], count: int) -> Rows:
        """Points that lie lowest along the residuals, the lowest first."""
        directions = np.zeros((len(searches), self.points.dimension))
        for direction, search in zip(directions, searches, strict=True):
            direction[self.points.live] = -search.residual
        return self.points.best(directions, count)

    def section(self, plane: Slice, directions: int = 64) -> HullSection:
        """Part of a slice that lies in the hull, from inside and outside; see `hull_section.section`."""
        return section(self.points, plane, directions)

    def _collect(self, queries: Array, searches: Sequence[_Search]) -> HullProjection:
        """Decide from what is recomputed in float64."""
        distances, bounds, points, normals, weights, support = [], [], [], [], [], []
        for search in searches:
            rows, part = search.blend()
            points.append(part @ self.points.rows(rows))
            distances.append(np.linalg.norm(points[-1] - search.query))
            bounds.append(min(max(search.bound, 0.0), distances[-1]))
            normals.append(search.normal)
            weights.append(part)
            support.append(rows if self.rows is None else self.rows[rows])
        upper, lower = np.array(distances), np.array(bounds)
        inside, outside = upper <= self.tolerance, lower > self.tolerance
        with np.errstate(invalid="ignore"):
            gaps = np.where(inside, 0.0, (upper - lower) / upper)
        return HullProjection(
            self.features, self.rows, queries, np.reshape(points, queries.shape), upper, lower,
            np.reshape(normals, queries.shape), tuple(weights), tuple(support), gaps, self.tolerance,
            np.where(inside, "inside", np.where(outside, "outside", "undecided")),
        )  # fmt: skip


def _as_rows(rows: Sequence[int] | Rows, count: int) -> Rows:
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ValueError(f"rows must be a list of row numbers, at least one, received {chosen!r}")
    if chosen.min() < 0 or chosen.max() >= count:
        raise ValueError(f"rows must be from 0 to {count - 1}, received {chosen.min()} to {chosen.max()}")
    return chosen.astype(np.intp)


class _Search:
    """The column generation of one query, in the live columns; dead ones add a constant offset."""

    def __init__(self, points: PointSet, query: Array, tolerance: float) -> None:
        self.points, self.query, self.tolerance = points, query, tolerance
        self.live = points.live
        self.target = query[self.live]
        offset = points.centre - query
        offset[self.live] = 0.0
        self.offset, self.square = offset, float(offset @ offset)
        self.pool: Rows = np.empty(0, np.intp)
        self.active: Rows = np.empty(0, np.intp)  # rows in the quadratic program
        self.weights: Array = np.empty(0)
        self.residual: Array = np.zeros(len(self.live))  # p - q in the live columns
        self.distance = np.inf
        self.bound = -np.inf
        self.normal: Array = np.zeros(len(query))
        self.done = False

    def advance(self, rows: Rows) -> None:
        """Minimise over the pool: the points so far and new ones."""
        pool = np.concatenate([self.active, self.pool, rows])
        pool = pool[np.sort(np.unique(pool, return_index=True)[1])][:POOL_LIMIT]
        vectors = self.points.from_live(pool, self.target)
        count = len(self.active)
        inner, best = np.arange(count), float(self.residual @ self.residual) if count else np.inf
        if not count:
            inner = np.arange(min(START, len(pool)))
            self.weights, self.residual = _least_blend(vectors[inner], self._scale(np.inf))
            best = float(self.residual @ self.residual)
        before = np.inf if not count else best
        for _ in range(INNER):
            if np.sqrt(best) <= 1e-4 * self.tolerance:
                break
            reach = vectors @ self.residual
            reach[inner] = np.inf
            better = np.flatnonzero(reach < best * (1.0 - 0.1 * GAP))
            if not len(better):
                break
            if len(better) > STEP:
                better = better[np.argpartition(reach[better], STEP)[:STEP]]
            tried = np.concatenate([inner[self.weights > 0], better])
            weights, residual = _least_blend(vectors[tried], self._scale(best))
            square = float(residual @ residual)
            if not square < best:
                break
            inner, self.weights, self.residual, best = tried, weights, residual, square
        self.pool, self.active = pool, pool[inner]
        self.distance = float(np.sqrt(best + self.square))
        self.done = not best < before

    def _scale(self, best: float) -> float:
        """Unit of length in which the quadratic program is well conditioned."""
        radius = self.points.radius or 1.0
        return float(np.clip(np.sqrt(best), 1e-6 * radius, radius))

    def price(self, rows: Rows) -> None:
        """Go on with the best of all points unless the gap is closed."""
        self.bind(rows[0])
        closed = self.distance - self.bound <= GAP * self.distance
        self.done = bool(closed or self.distance <= self.tolerance or rows[0] in self.active)
        if not self.done:
            self.advance(rows)

    def bind(self, lowest: np.intp) -> None:
        """Bound the distance by the point, lowest of all, in the direction of the residual."""
        full = self.offset.copy()
        full[self.live] = self.residual
        length = float(np.linalg.norm(full))
        if length > 0:
            bound = float((self.points.rows([lowest])[0] - self.query) @ full) / length
            if bound > self.bound:
                self.bound, self.normal = bound, full / length

    @property
    def loose(self) -> bool:
        """Whether rounding of the blend may have spoiled the bound."""
        return self.tolerance < self.distance and self.distance - self.bound > LOOSE * self.distance

    def straighten(self) -> None:
        """Replace the residual by the foot on the flat through the support.

        The blend's residual is a small difference of large numbers where the query is near the hull; a
        projection orthogonal to the support's differences keeps its direction accurate.
        """
        vectors = self.points.from_live(self.blend()[0], self.target)
        basis, sizes, _ = np.linalg.svd((vectors[1:] - vectors[0]).T, full_matrices=False)
        basis = basis[:, sizes > 1e-12 * sizes.max(initial=0.0)]
        foot = vectors[0]
        for _ in range(2):
            foot = foot - basis @ (basis.T @ foot)
        self.residual = foot

    def blend(self) -> tuple[Rows, Array]:
        """Rows and positive weights that sum to 1."""
        used = self.weights > 0
        return self.active[used], self.weights[used] / self.weights[used].sum()


def _least_blend(vectors: Array, scale: float) -> tuple[Array, Array]:
    """Convex weights of the least blend of some vectors, and this blend.

    The solver may stop early where columns tie; another unit of length then breaks the tie.
    """
    best = _try_blend(vectors, scale)
    for factor in (0.37, 2.9, 0.11, 13.0):
        square = float(best[1] @ best[1])
        if square <= 1e-12 * scale**2 or (vectors @ best[1]).min() >= square * (1.0 - 1e-9):
            break
        other = _try_blend(vectors, factor * scale)
        if float(other[1] @ other[1]) < square:
            best = other
    return best


def _try_blend(vectors: Array, scale: float) -> tuple[Array, Array]:
    """``min |V' a|^2 : a >= 0, sum a = 1``.

    Up to a factor of a, the non-negative least-squares problem ``[V'; 1'] a = [0; 1]``.
    """
    system = np.vstack([vectors.T / scale, np.ones(len(vectors))])
    goal = np.zeros(len(system))
    goal[-1] = 1.0
    try:
        found = nnls(system, goal)[0]
    except RuntimeError:  # out of iterations: the nearest alone is a blend, too
        found = np.zeros(len(vectors))
    if not found.sum() > 0:
        found[np.square(vectors).sum(axis=1).argmin()] = 1.0
    weights = found / found.sum()
    return weights, weights @ vectors
