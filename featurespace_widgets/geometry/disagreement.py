"""Two heads on the plane through the same three images: where they give different classes, exactly.

The planes lie in different feature spaces, but both consist of the blends ``a1 y1 + a2 y2 + a3 y3``,
``a1 + a2 + a3 = 1``, of the features of three images. In the coordinates of a common triangle the logits
of both are affine, so both partitions are convex polygons there, and so is every overlap of two cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds

from .arrays import Array, as_bounds, as_matrix
from .cells import Cell, check_extent, polygon_area, upper_envelope, window
from .head import LinearHead
from .plane import clip_window
from .polygons import intersection

__all__ = ["TRIANGLE", "Disagreement", "Overlap", "disagreement"]

TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
THIN = 1e-12  # area of an overlap, relative to the window, up to which it is rounding


@dataclass(frozen=True)
class Overlap:
    """A convex polygon (m, 2) with the class that each head gives it."""

    classes: tuple[int, int]
    polygon: Array


@dataclass(frozen=True, eq=False)
class Disagreement:
    """Both partitions of a window, in the coordinates in which the three images are `TRIANGLE`.

    Shares of areas are those of blends: they do not depend on the triangle's shape.

    Attributes
    ----------
    heads : two LinearHead
    corners : (3, d) and (3, d') arrays
        Features of the three images in both models.
    extent : (s0, s1, t0, t1)
    cells : two tuples of Cell
    domains : two (m, 2) arrays
        The window's part that lies in each domain.
    overlaps : tuple of Overlap
        Common parts of a cell of each; they tile the window.
    """

    heads: tuple[LinearHead, LinearHead]
    corners: tuple[Array, Array]
    extent: tuple[float, float, float, float]
    cells: tuple[tuple[Cell, ...], tuple[Cell, ...]]
    domains: tuple[Array, Array]
    overlaps: tuple[Overlap, ...]

    @property
    def regions(self) -> list[Array]:
        """The polygons on which the classes differ."""
        return [overlap.polygon for overlap in self.overlaps if overlap.classes[0] != overlap.classes[1]]

    def share(self, *within: Array) -> float:
        """Share of the window, or of its part within convex polygons, on which the classes differ.

        NaN where that part has no area.
        """
        whole = _within(window(self.extent), within)
        parts = [_within(polygon, within) for polygon in self.regions]
        area = _area(whole)
        return sum(map(_area, parts)) / area if area > 0 else np.nan

    def verify(self) -> bool:
        """Whether the overlaps tile the window (1e-9 of its area) and have the classes they claim.

        A class wins on a convex polygon when it wins at its vertices; checked from features and heads, to
        1e-9 of the largest logit.
        """
        total = sum(_area(overlap.polygon) for overlap in self.overlaps)
        if abs(total / _area(window(self.extent)) - 1.0) > 1e-9:
            return False
        for which, (head, corners) in enumerate(zip(self.heads, self.corners, strict=True)):
            for overlap in self.overlaps:
                logits = head.logits(_weights(overlap.polygon) @ corners)
                short = logits.max(axis=1) - logits[:, overlap.classes[which]]
                if short.max() > 1e-9 * (1.0 + np.abs(logits).max()):
                    return False
        return True


def _area(polygon: Array) -> float:
    return polygon_area(polygon) if len(polygon) >= 3 else 0.0


def _within(polygon: Array, others: Sequence[Array]) -> Array:
    for other in others:
        polygon = intersection(polygon, other)
    return polygon


def _weights(st: Array) -> Array:
    """Weights (n, 3) of the corners at points (n, 2)."""
    return np.column_stack([np.ones(len(st)), st]) @ _PLANES


# Columns: the affine functions (1, s, t) -> weight of a corner.
_PLANES: Array = np.linalg.inv(np.column_stack([np.ones(3), TRIANGLE]))


def disagreement(
    heads: tuple[LinearHead, LinearHead],
    domains: tuple[Bounds | None, Bounds | None],
    corners: tuple[ArrayLike, ArrayLike],
    extent: Sequence[float],
) -> Disagreement:
    """Compare two heads with the same classes on the planes through the features of three images.

    Parameters
    ----------
    heads : two LinearHead with as many classes each
        Class k of one is class k of the other.
    domains : two scipy.optimize.Bounds or None
    corners : (3, d) and (3, d') arrays
    extent : (s0, s1, t0, t1)
        In the coordinates of `TRIANGLE`.

    Raises
    ------
    ValueError
        If the numbers of classes differ, or there are not three corners each.

    Examples
    --------
    >>> first, second = LinearHead([[0.0, 0.0], [1.0, 0.0]]), LinearHead([[0.0, 0.0], [0.0, 1.0]])
    >>> points = [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]
    >>> found = disagreement((first, second), (None, None), (points, points), (0.0, 1.0, 0.0, 0.9))
    >>> round(found.share(TRIANGLE), 6), found.verify()
    (0.5, True)
    """
    counts = [head.num_classes for head in heads]
    if counts[0] != counts[1]:
        raise ValueError(f"both heads must have the same classes, received {counts[0]} and {counts[1]}")
    box = check_extent(extent)
    bounds = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    points, cells, inside = [], [], []
    for head, domain, given in zip(heads, domains, corners, strict=True):
        vectors = as_matrix("corners", given, head.dimension)
        if len(vectors) != 3:
            raise ValueError(f"corners must be 3 feature vectors, received {len(vectors)}")
        points.append(vectors)
        cells.append(tuple(upper_envelope(head.logits(vectors).T @ _PLANES.T, bounds)))
        inside.append(_inside(as_bounds(domain, head.dimension), vectors, bounds))
    least = THIN * _area(window(bounds))
    overlaps = [
        Overlap((a.class_index, b.class_index), part)
        for a in cells[0]
        for b in cells[1]
        if _area(part := intersection(a.polygon, b.polygon)) > least
    ]
    return Disagreement(
        heads, (points[0], points[1]), bounds, (cells[0], cells[1]), (inside[0], inside[1]), tuple(overlaps)
    )


def _inside(domain: Bounds | None, corners: Array, extent: tuple[float, float, float, float]) -> Array:
    """Part of the window whose blends lie in the domain."""
    if domain is None:
        return window(extent)
    planes = corners.T @ _PLANES.T
    lower, upper = planes.copy(), -planes
    lower[:, 0] -= domain.lb
    upper[:, 0] += domain.ub
    return clip_window(np.vstack([lower, upper]), extent)
