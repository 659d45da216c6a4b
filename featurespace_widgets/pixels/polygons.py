"""Many convex polygons at once, split by one line each in a few array operations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry.arrays import Array
from ..geometry.cells import clip_polygon

__all__ = ["Polygons", "clip_window"]

THIN = 1e-13  # smallest area of a piece, relative to the polygon it was cut from


def clip_window(rows: Array, polygon: Array) -> Array:
    """Part of a convex polygon where ``h + a s + b t >= 0`` for all rows (h, a, b)."""
    labels = [-1] * len(polygon)
    size = np.abs(rows[:, 0]) + np.abs(rows[:, 1:]) @ np.abs(polygon).max(axis=0)
    rows = rows / np.maximum(size, 1e-300)[:, None]
    while len(polygon) >= 3 and len(rows):
        lowest = (rows[:, :1] + rows[:, 1:] @ polygon.T).min(axis=1)
        worst = int(lowest.argmin())
        if lowest[worst] >= -1e-14:
            break
        values = rows[worst, 0] + polygon @ rows[worst, 1:]
        polygon, labels = clip_polygon(polygon, labels, values, 0)
        keep = lowest < 0
        keep[worst] = False
        rows = rows[keep]
    return polygon if len(polygon) >= 3 else np.empty((0, 2))


@dataclass(frozen=True, eq=False)
class Polygons:
    """N convex polygons, counter-clockwise, padded by repeating their last vertex.

    Attributes
    ----------
    points : (N, M, 2) array
    counts : (N,) array
        Vertices of each.
    """

    points: Array
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, polygon: Array) -> Polygons:
        """One polygon (m, 2)."""
        return cls(polygon[None], np.array([len(polygon)]))

    def __len__(self) -> int:
        return len(self.points)

    def take(self, rows: slice | NDArray[np.int64]) -> Polygons:
        """Some of them."""
        return Polygons(self.points[rows], self.counts[rows])

    def to_list(self) -> list[Array]:
        """Polygons (m, 2) without padding."""
        return [points[:count] for points, count in zip(self.points, self.counts, strict=True)]

    def __add__(self, other: Polygons) -> Polygons:
        width = max(self.points.shape[1], other.points.shape[1])
        points = np.concatenate([_widened(self.points, width), _widened(other.points, width)])
        return Polygons(points, np.concatenate([self.counts, other.counts]))

    def values(self, maps: Array, rows: slice) -> Array:
        """Values (N, M, U) at the vertices of affine maps (N, 3, U)."""
        found: Array = maps[:, :1] + self.points[rows] @ maps[:, 1:]
        return found

    def areas(self) -> Array:
        """(N,) areas."""
        origin = self.points - self.points[:, :1]
        s, t = origin[..., 0], origin[..., 1]
        after = np.roll(origin, -1, axis=1)
        found: Array = 0.5 * (s * after[..., 1] - t * after[..., 0]).sum(axis=1)
        return found

    def centres(self) -> Array:
        """(N, 2) centres of mass, which lie well inside."""
        base = self.points[:, :1]
        origin = self.points - base
        after = np.roll(origin, -1, axis=1)
        cross = origin[..., 0] * after[..., 1] - origin[..., 1] * after[..., 0]
        total = cross.sum(axis=1)
        found = ((origin + after) * cross[..., None]).sum(axis=1) / np.where(total > 0, 3 * total, 1.0)[
            :, None
        ]
        mean = (origin * (np.arange(origin.shape[1]) < self.counts[:, None])[..., None]).sum(axis=1)
        mean /= self.counts[:, None]
        centres: Array = base[:, 0] + np.where(total[:, None] > 0, found, mean)
        return centres

    def split(self, lines: Array) -> tuple[Polygons, NDArray[np.int64]]:
        """Cut each along the zero line of its affine function, rows (h, a, b) of `lines` (N, 3).

        Returns
        -------
        Polygons
            Both sides, where they have an area; a polygon that the line does not cut stays whole.
        source : (N',) array
            Which polygon each one was cut from.
        """
        values = lines[:, :1] + (self.points @ lines[:, 1:, None])[..., 0]
        scale = np.abs(lines[:, :1]) + np.abs(lines[:, None, 1:] * self.points).sum(axis=2).max(
            1, keepdims=True
        )
        values[np.abs(values) <= 1e-15 * scale] = 0.0
        above, below = self._half(values), self._half(-values)
        whole = self.areas()
        least = THIN * whole
        keep_above, keep_below = above.areas() > least, below.areas() > least
        # One side is too thin: the polygon stays as it is, so that areas are kept.
        cut = keep_above & keep_below & (values.min(axis=1) < 0) & (values.max(axis=1) > 0)
        same, both = np.flatnonzero(~cut), np.flatnonzero(cut)
        made = self.take(same) + above.take(both) + below.take(both)
        return made._narrow(), np.concatenate([same, both, both])

    def _half(self, values: Array) -> Polygons:
        """The parts where the values at the vertices are >= 0."""
        after, points = np.roll(values, -1, axis=1), np.roll(self.points, -1, axis=1)
        crosses = ((values > 0) & (after < 0)) | ((values < 0) & (after > 0))
        share = np.where(crosses, values / np.where(crosses, values - after, 1.0), 0.0)
        between = self.points + share[..., None] * (points - self.points)
        real = np.arange(values.shape[1]) < self.counts[:, None]
        # Each vertex, then the crossing on its edge; the padding repeats the last vertex.
        candidates = np.stack([self.points, between], axis=2).reshape(len(self), -1, 2)
        wanted = np.stack([(values >= 0) & real, crosses], axis=2).reshape(len(self), -1)
        counts = wanted.sum(axis=1)
        order = np.argsort(~wanted, axis=1, kind="stable")
        width = max(1, int(counts.max(initial=1)))
        slots = np.minimum(np.arange(width), np.maximum(counts, 1)[:, None] - 1)
        chosen = np.take_along_axis(order, slots, axis=1)
        return Polygons(np.take_along_axis(candidates, chosen[..., None], axis=1), np.maximum(counts, 1))

    def _narrow(self) -> Polygons:
        return Polygons(self.points[:, : int(self.counts.max(initial=1))], self.counts)


def _widened(points: Array, width: int) -> Array:
    missing = width - points.shape[1]
    if not missing:
        return points
    return np.concatenate([points, np.repeat(points[:, -1:], missing, axis=1)], axis=1)
