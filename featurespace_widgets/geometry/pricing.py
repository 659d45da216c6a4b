"""Pricing: which of many points reach farthest in a direction, exactly, at the price of a float32 product."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, Features, as_features, as_matrix, blocks

__all__ = ["LARGEST", "PointSet", "Rows"]

WORKING_BYTES = 2 * 2**30  # float64 points are kept a second time as float32 up to this size
SCORE_BYTES = 64 * 2**20  # of float32 scores that are held at a time
GROUP = 32  # rows that share one maximum in the search for the best
EPS32 = float(np.finfo(np.float32).eps)
TINY32 = float(np.finfo(np.float32).tiny)
LARGEST = 1e120  # so that squares stay within float64

Rows = NDArray[np.intp]


class PointSet:
    """Many points, and the maximum over all of them of a linear function, exact in float64.

    Scores are computed in float32, block by block, by one matrix product for all directions. The
    error of such a product is bounded, so only the rows whose score comes within twice the bound of
    the best can hold the maximum; these are scored again in float64. The maximum is that over all n
    rows of the points as they are stored, whatever their type, and bounds built on it are sound.

    Parameters
    ----------
    points : (n, d) array, n >= 1
        float32 (memory-mapped or not) and float64 arrays are held as they are, uncopied. Only
        float64 points get a second, float32 form (centred and scaled, without dead columns), and
        only where it takes no more than 2 GiB; else it is made anew block by block.

    Attributes
    ----------
    points : (n, d) array
    live : (m,) array of int
        Columns that are not constant.
    centre : (d,) array
        Middle of the bounding box; in dead columns the constant itself.
    radius : float
        Largest distance of a point from the centre.
    diagonal : float
        Of the bounding box.

    Raises
    ------
    ValueError
        If there are no points, a number is not finite, or so large or all of them so near to each other
        that squares of differences would leave the range of float64 (products that of float32).

    Examples
    --------
    >>> square = PointSet([[0.0, 0.0, 7.0], [1.0, 0.0, 7.0], [0.0, 1.0, 7.0], [1.0, 1.0, 7.0]])
    >>> square.live
    array([0, 1])
    >>> values, rows = square.support([[1.0, 2.0, 0.0], [-1.0, 0.5, 0.0]])
    >>> values, rows
    (array([3. , 0.5]), array([3, 2]))
    """

    def __init__(self, points: ArrayLike) -> None:
        shape = np.shape(points)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"points must have shape (n, d) with n >= 1 and d >= 1, received shape {shape}")
        self.points: Features = as_features("points", points, shape[1])

        lower = np.min([self.points[rows].min(axis=0) for rows in blocks(self.points)], axis=0)
        upper = np.max([self.points[rows].max(axis=0) for rows in blocks(self.points)], axis=0)
        _check_range(lower, upper, self.points.dtype == np.float32)
        self.live: Rows = np.flatnonzero(lower < upper)
        self.diagonal = float(np.linalg.norm(upper.astype(np.float64) - lower))
        self.centre: Array = lower + 0.5 * (upper.astype(np.float64) - lower)
        squares = [
            np.square(self.points[rows][:, self.live] - self.centre[self.live]).sum(axis=1)
            for rows in blocks(self.points)
        ]
        self._half_squares: Array = 0.5 * np.concatenate(squares)
        self.radius = float(np.sqrt(2.0 * self._half_squares.max()))
        # Stored float32 is multiplied as it is, all columns, and not centred.
        self._stored = self.points.dtype == np.float32
        self._scale = 1.0 if self._stored or not self.radius else self.radius
        self._reach = (
            self.radius + float(np.linalg.norm(self.centre)) if self._stored else self.radius
        ) or 1.0
        self._working = None if self._stored else self._narrow_all()

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dimension(self) -> int:
        """Number of columns d, dead ones included."""
        return int(self.points.shape[1])

    def _narrow(self, rows: slice) -> NDArray[np.float32]:
        block = self.points[rows][:, self.live] - self.centre[self.live]
        return (block / self._scale).astype(np.float32)

    def _narrow_all(self) -> NDArray[np.float32] | None:
        if 4 * len(self) * len(self.live) > WORKING_BYTES:
            return None
        working = np.empty((len(self), len(self.live)), np.float32)
        for rows in blocks(self.points):
            working[rows] = self._narrow(rows)
        return working

    def _blocks32(self, directions: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Blocks of the float32 form, as many rows as their scores fit."""
        step = max(GROUP, SCORE_BYTES // (4 * max(1, directions)))
        if self._working is None and not self._stored:
            step = max(1, min(step, SCORE_BYTES // (8 * max(1, len(self.live)))))
        for start in range(0, len(self), step):
            rows = slice(start, min(start + step, len(self)))
            if self._stored:
                yield rows, self.points[rows]  # type: ignore[misc]
            else:
                yield rows, self._narrow(rows) if self._working is None else self._working[rows]

    def from_live(self, indices: Rows, target: Array) -> Array:
        """``y_i - target`` of some points in the live columns: (m,), (len(live),) -> (m, len(live))."""
        chosen = self.points[indices]
        differences: Array = (chosen if len(self.live) == self.dimension else chosen[:, self.live]) - target
        return differences

    def rows(self, indices: ArrayLike) -> Array:
        """Some points in float64: (m,) -> (m, d)."""
        chosen: Array = self.points[np.asarray(indices, np.intp)].astype(np.float64)
        return chosen

    def support(self, directions: ArrayLike) -> tuple[Array, Rows]:
        """Support function of the hull: the maximum over all n points, and a row that attains it.

        ``h(r) = max_i y_i . r``, computed in float64; the minimum is ``-h(-r)``.

        Parameters
        ----------
        directions : (q, d) array

        Returns
        -------
        values : (q,) array
        rows : (q,) array of int
        """
        wanted = as_matrix("directions", directions, self.dimension)
        rows = self.best(wanted, 1)[:, 0]
        return np.einsum("qd,qd->q", self.rows(rows), wanted), rows

    def best(self, directions: ArrayLike, count: int) -> Rows:
        """Rows that reach farthest along directions, the farthest first: (q, d) -> (q, count).

        The first is the exact maximum in float64 over all n points. No more than n columns.
        """
        wanted = as_matrix("directions", directions, self.dimension)
        found = self._search(wanted, count, False)
        centre = self.centre[self.live]
        chosen = [
            self._farthest_first(rows, r[self.live], centre) for rows, r in zip(found, wanted, strict=True)
        ]
        return _first(chosen, min(count, len(self)))

    def nearest(self, queries: ArrayLike, count: int) -> Rows:
        """Rows of the nearest points, the nearest first: (q, d) -> (q, count).

        All are exact: no other of the n points has a smaller ``|y_i - q|`` in float64.
        """
        wanted = as_matrix("queries", queries, self.dimension)
        found = self._search(wanted - self.centre, count, True)
        chosen = [self._nearest_first(rows, q[self.live]) for rows, q in zip(found, wanted, strict=True)]
        return _first(chosen, min(count, len(self)))

    def farthest(self, point: Array) -> tuple[float, int]:
        """Largest distance of a point of the set from a given one (d,), and its row."""
        best, row = -1.0, 0
        for rows in blocks(self.points):
            squares = np.square(self.points[rows] - point).sum(axis=1)
            if squares.max() > best:
                best, row = float(squares.max()), rows.start + int(squares.argmax())
        return float(np.sqrt(best)), row

    def _search(self, directions: Array, count: int, near: bool) -> list[Rows]:
        """Rows that may hold the largest ``(y - centre) . r``, or all smallest ``|y - centre - r|``."""
        count = min(count, len(self))
        lengths = np.linalg.norm(directions, axis=1)
        lengths = np.maximum(lengths, self.radius) if near else lengths
        lengths[lengths == 0] = 1.0
        units = directions / lengths[:, None]
        narrow = (units if self._stored else units[:, self.live]).astype(np.float32)
        # Rounding of points and directions, then one error for each product and each sum.
        error = (self.dimension + 4) * (EPS32 * self._reach / self._scale + TINY32)
        error += 4 * EPS32 * self.radius / self._scale if near else 0.0
        found: list[list[Rows]] = [[] for _ in directions]
        floors = np.full(len(directions), -np.inf, np.float32)
        for rows, block in self._blocks32(len(directions)):
            size = len(block)
            per = GROUP if size >= 2 * GROUP * count else 1
            scores = np.full((len(directions), -(-size // per) * per), -np.inf, np.float32)
            np.matmul(narrow, block.T, out=scores[:, :size])
            if near:
                unit = self.radius or 1.0
                squares = (self._half_squares[rows] / (unit * self._scale)).astype(np.float32)
                for i, share in enumerate((unit / lengths).astype(np.float32)):
                    scores[i, :size] -= squares * share
            grouped = scores.reshape(len(directions), per, scores.shape[1] // per)
            maxima = grouped.max(axis=1)
            for i in range(len(directions)):
                floors[i] = max(floors[i], _floor(maxima[i], count, 2 * error, near))
                groups = np.flatnonzero(maxima[i] >= floors[i])
                member, group = np.nonzero(grouped[i][:, groups] >= floors[i])
                found[i].append(rows.start + member * maxima.shape[1] + groups[group])
        return [np.concatenate(parts) for parts in found]

    def _nearest_first(self, rows: Rows, query: Array) -> Rows:
        """Rows sorted by their distance from a query (len(live),) in float64."""
        return self._sorted(rows, lambda part: np.square(self.from_live(part, query)).sum(axis=1))

    def _farthest_first(self, rows: Rows, direction: Array, centre: Array) -> Rows:
        """Rows sorted by their reach along a direction (len(live),) in float64."""
        return self._sorted(rows, lambda part: -(self.from_live(part, centre) @ direction))

    def _sorted(self, rows: Rows, cost: Callable[[Rows], Array]) -> Rows:
        costs = np.empty(len(rows))
        for part in blocks(np.broadcast_to(np.float64(0), (len(rows), self.dimension))):
            costs[part] = cost(rows[part])
        ordered: Rows = rows[np.argsort(costs, kind="stable")]
        return ordered


def _first(ordered: list[Rows], count: int) -> Rows:
    """The first of each: (q, count)."""
    return np.array([rows[:count] for rows in ordered], np.intp).reshape(len(ordered), count)


def _check_range(lower: Features, upper: Features, single: bool) -> None:
    largest, limit = float(max(-lower.min(), upper.max())), 1e35 if single else LARGEST
    if largest > limit:
        raise ValueError(f"points must be within {limit:g} of the origin, received {largest:g}")
    spread = float((upper.astype(np.float64) - lower).max())
    if 0 < spread < 1 / LARGEST:
        raise ValueError(f"points must be equal or {1 / LARGEST:g} apart, received a spread of {spread:g}")


def _floor(maxima: NDArray[np.float32], count: int, margin: float, all_exact: bool) -> np.float32:
    """A score that at least `count` rows reach, as well as any row that may hold the true maximum.

    With `all_exact`, also any row that may be among the `count` best in truth.
    """
    last = maxima.min() if len(maxima) <= count else np.partition(maxima, len(maxima) - count)[-count]
    return np.float32(last - margin) if all_exact else min(np.float32(maxima.max() - margin), last)
