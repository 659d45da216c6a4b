"""Nearest points of a hull to queries, each with its certificate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Features, blocks
from .pricing import Rows

__all__ = ["HullProjection"]


@dataclass(frozen=True, eq=False)
class HullProjection:
    """Nearest points of a hull to queries, with a witness or a proof for each.

    The nearest point ``p = sum_k a_k y_k`` (a >= 0, sum a = 1) bounds the distance from above by
    ``|p - q|``. A unit normal u bounds it from below: ``min_i (y_i - q) . u`` over all n points, for
    the hull lies in that half-space. At the exact projection ``u = (p - q) / |p - q|`` and the two
    bounds are equal.

    Attributes
    ----------
    features : (N, d) array
        The points as they were given.
    rows : (n,) array of int or None
        Those of them that span the hull; None is all.
    queries : (q, d) array
    points : (q, d) array
        The nearest points of the hull.
    distances : (q,) array
        Upper bounds ``|p - q|``, attained by `points`.
    bounds : (q,) array
        Lower bounds, not below zero.
    normals : (q, d) array
        Unit normals of the planes that prove `bounds`; from the query towards the hull.
    weights : tuple of q arrays
        Positive, each sums to 1.
    support : tuple of q arrays of int
        Rows of `features` that carry the weights.
    gaps : (q,) array
        ``(distance - bound) / distance``; zero where the distance is within the tolerance.
    tolerance : float
        Distances up to it count as zero.
    verdicts : (q,) array of str
        "inside": `weights` are the witness, the distance is at most the tolerance; "outside": the
        plane with the normal in `normals` through the bound is the proof, the bound is above the
        tolerance; else "undecided".
    """

    features: Features
    rows: Rows | None
    queries: Array
    points: Array
    distances: Array
    bounds: Array
    normals: Array
    weights: tuple[Array, ...]
    support: tuple[Rows, ...]
    gaps: Array
    tolerance: float
    verdicts: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.queries)

    def verify(self) -> NDArray[np.bool_]:
        """Check every witness and proof again, in plain float64: (q,) bool.

        The weights must be a convex combination of rows that span the hull and give `points` at
        `distances`. "inside" needs the distance to be within the tolerance, "outside" a plane beyond
        which all n points lie by `bounds` and by more than the tolerance: one pass over all points.
        Undecided answers claim nothing: False.
        """
        slack = 1e-9 * self.tolerance + 1e-13 * self._sizes()
        lower = self._lower_bounds()
        result = np.zeros(len(self), bool)
        for i, verdict in enumerate(self.verdicts):
            convex, point = self._blend(i)
            distance = float(np.linalg.norm(point - self.queries[i]))
            holds = convex and float(np.linalg.norm(point - self.points[i])) <= slack[i]
            holds = holds and abs(distance - self.distances[i]) <= slack[i]
            if verdict == "inside":
                result[i] = holds and distance <= self.tolerance + slack[i]
            elif verdict == "outside":
                bound = float(self.bounds[i])
                holds = holds and self.tolerance < bound <= lower[i] + slack[i]
                result[i] = holds and lower[i] > 0
        return result

    def _sizes(self) -> Array:
        """Size of the numbers that are subtracted from each other, for each query."""
        largest = [
            np.linalg.norm(self.features[rows].astype(np.float64), axis=1).max() for rows in self.support
        ]
        sizes: Array = np.array(largest) + np.linalg.norm(self.queries, axis=1)
        return sizes

    def _blend(self, index: int) -> tuple[bool, Array]:
        weights, rows = self.weights[index], self.support[index]
        convex = bool((weights >= 0).all()) and abs(float(weights.sum()) - 1.0) <= 1e-12
        convex = convex and (self.rows is None or bool(np.isin(rows, self.rows).all()))
        return convex, weights @ self.features[rows].astype(np.float64)

    def _lower_bounds(self) -> Array:
        """``min_i (y_i - q) . u`` over all points; minus infinity where u is not a unit vector."""
        lengths = np.linalg.norm(self.normals, axis=1)
        lowest = np.full(len(self), np.inf)
        chosen = np.broadcast_to(np.float64(0), self.features.shape) if self.rows is None else self.rows
        count = len(chosen)
        frame = np.broadcast_to(np.float64(0), (count, self.features.shape[1]))
        for part in blocks(frame):
            block = self.features[part] if self.rows is None else self.features[self.rows[part]]
            lowest = np.minimum(lowest, (block.astype(np.float64) @ self.normals.T).min(axis=0))
        lower = lowest - np.einsum("qd,qd->q", self.queries, self.normals)
        return np.where(np.abs(lengths - 1.0) <= 1e-12, lower, -np.inf)
