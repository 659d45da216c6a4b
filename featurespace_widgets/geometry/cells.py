"""Exact cells of a plane: the upper envelope of K affine functions on a window.

Each cell starts as the whole window, cut by the edges its neighbours know; each of its vertices asks which
function is largest there, and winning rivals cut the cell. When every vertex is won by the cell's own class
the polygon is the cell, because both are convex. The neighbours are walked next, until the window is full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, as_vector

__all__ = ["Cell", "check_extent", "clip_polygon", "upper_envelope", "window"]

TILES = 6  # of the window, along each side
TOLERANCE = 1e-12  # relative to the largest difference of values in the window


@dataclass(frozen=True)
class Cell:
    """The part of a window where one class wins.

    Attributes
    ----------
    class_index : int
    polygon : (m, 2) array
        Vertices, counter-clockwise, in plane coordinates.
    neighbours : tuple of int
        For each edge, from vertex k to k + 1, the class beyond it; -1 at the window's edge.
    """

    class_index: int
    polygon: Array
    neighbours: tuple[int, ...]


def check_extent(extent: Sequence[float]) -> Array:
    """(s0, s1, t0, t1) with s0 < s1 and t0 < t1."""
    box = as_vector("extent", extent, 4)
    if not (box[0] < box[1] and box[2] < box[3]):
        raise ValueError(f"extent must be (s0, s1, t0, t1) with s0 < s1 and t0 < t1, received {box.tolist()}")
    return box


def window(extent: Sequence[float]) -> Array:
    """The four corners of an extent, counter-clockwise."""
    s0, s1, t0, t1 = check_extent(extent)
    return np.array([[s0, t0], [s1, t0], [s1, t1], [s0, t1]])


def clip_polygon(polygon: Array, labels: list[int], values: Array, label: int) -> tuple[Array, list[int]]:
    """Keep the part of a convex polygon where an affine function is >= 0.

    Parameters
    ----------
    polygon : (m, 2) array
    labels : list of int
        Label of the edge that starts at each vertex.
    values : (m,) array
        The function at the vertices.
    label : int
        Label of the new edge.
    """
    points: list[Array] = []
    edges: list[int] = []
    count = len(polygon)
    for k in range(count):
        here, after = values[k], values[(k + 1) % count]
        if here >= 0:
            points.append(polygon[k])
            edges.append(labels[k] if after >= 0 or here > 0 else label)
            if here == 0 and after < 0:
                continue
        if (here > 0 and after < 0) or (here < 0 and after > 0):
            share = here / (here - after)
            points.append(polygon[k] + share * (polygon[(k + 1) % count] - polygon[k]))
            edges.append(label if here > 0 else labels[k])
    return np.array(points).reshape(-1, 2), edges


def polygon_area(polygon: Array) -> float:
    """Signed area, positive when counter-clockwise."""
    s, t = polygon.T
    return float(0.5 * np.sum(s * np.roll(t, -1) - t * np.roll(s, -1)))


def upper_envelope(planes: Array, extent: Sequence[float]) -> list[Cell]:
    """Cells of ``max_k planes[k, 0] + planes[k, 1] s + planes[k, 2] t`` on a window.

    Parameters
    ----------
    planes : (K, 3) array
    extent : (s0, s1, t0, t1)

    Returns
    -------
    list of Cell
        At most K, in the order of class index. They tile the window; where functions coincide
        the lowest index has the cell.
    """
    box = check_extent(extent)
    centre = np.array([box[0] + box[1], box[2] + box[3]]) / 2
    half = np.array([box[1] - box[0], box[3] - box[2]]) / 2
    # The unit window [-1, 1]^2 and differences to the mean function keep the tolerance meaningful.
    unit = np.column_stack([planes[:, 0] + planes[:, 1:] @ centre, planes[:, 1:] * half])
    unit = unit - unit.mean(axis=0)
    corners = window((-1.0, 1.0, -1.0, 1.0))
    at_corners = unit[:, :1] + unit[:, 1:] @ corners.T
    scale = float(np.abs(at_corners).max())
    if scale == 0.0:
        return [Cell(0, window(extent), (-1, -1, -1, -1))]
    unit, at_corners = unit / scale, at_corners / scale

    chosen = _candidates(unit)
    walk = _Walk(unit[chosen], at_corners[chosen])
    queue = deque([int(unit[chosen, 0].argmax()), *walk.told])
    spare: list[int] = []
    accepted: list[int] = []
    found: list[tuple[int, list[tuple[float, float]], list[int]]] = []
    covered = 0.0
    while queue or (spare and covered < 4.0 - TOLERANCE):
        index = queue.popleft() if queue else spare.pop()
        if index in walk.seen:
            continue
        corner = walk.at_corners[index]
        if accepted and np.abs(walk.at_corners[accepted] - corner).max(axis=1).min() <= TOLERANCE:
            walk.seen.add(index)
            continue
        polygon, labels, rivals = walk.cell(index)
        queue.extend(label for label in labels if label >= 0)
        spare.extend(rivals)
        area = _area(polygon)
        if area > TOLERANCE:
            accepted.append(index)
            covered += area
            found.append((index, polygon, labels))
    cells, shown = [], set(accepted)
    for index, polygon, labels in found:
        beyond = walk.neighbours(index, polygon, labels, shown)
        names = tuple(int(chosen[label]) if label >= 0 else -1 for label in beyond)
        cells.append(Cell(int(chosen[index]), centre + np.array(polygon) * half, names))
    return sorted(cells, key=lambda cell: cell.class_index)


def _candidates(unit: Array) -> NDArray[np.intp]:
    """Functions that are above the least bound of the envelope somewhere in the unit window, by tiles."""
    middles = (np.arange(TILES) + 0.5) * (2.0 / TILES) - 1.0
    ups = unit[:, 1:2] * middles, unit[:, 2:] * middles
    values = (unit[:, :1] + ups[0])[:, :, None] + ups[1][:, None]
    reach = (np.abs(unit[:, 1]) + np.abs(unit[:, 2])) / TILES + TOLERANCE
    values = values.reshape(len(unit), -1)
    floor = (values - reach[:, None]).max(axis=0)
    return np.flatnonzero((values + reach[:, None] >= floor).any(axis=1))


def _area(polygon: list[tuple[float, float]]) -> float:
    """Signed area, of few vertices."""
    after = polygon[1:] + polygon[:1]
    return 0.5 * sum(s * v - u * t for (s, t), (u, v) in zip(polygon, after, strict=True))


_Vertex = tuple[float, float, int]  # a corner of a cell, and the class beyond the edge that starts there


class _Walk:
    """Cells of the unit window in turn; each begins with the edges that its neighbours know."""

    def __init__(self, unit: Array, at_corners: Array) -> None:
        self.planes, self.at_corners = np.ascontiguousarray(unit.T), at_corners
        self.told: list[int] = at_corners.argmax(axis=0).tolist()
        self.seen: set[int] = set()
        self.known: dict[int, list[int]] = {}

    def cell(self, index: int) -> tuple[list[tuple[float, float]], list[int], list[int]]:
        """Polygon, edge labels and all rivals met of one cell."""
        self.seen.add(index)
        gaps = self.planes[:, [index]] - self.planes
        vertices: list[_Vertex] = [(-1.0, -1.0, -1), (1.0, -1.0, -1), (1.0, 1.0, -1), (-1.0, 1.0, -1)]
        rivals: list[int] = []
        wanted = self.known.get(index, [])
        while True:
            for rival in wanted:
                vertices = _cut(vertices, gaps[:, rival].tolist(), rival)
            rivals += wanted
            if len(vertices) < 3:
                break
            values = np.array([(1.0, s, t) for s, t, _ in vertices]) @ gaps
            told = values.argmin(axis=1)
            lowest = values[np.arange(len(told)), told]
            worst = sorted(zip(lowest.tolist(), told.tolist(), strict=True))
            wanted = [rival for low, rival in worst if low < -TOLERANCE and rival not in rivals]
            wanted = list(dict.fromkeys(wanted))
            if not wanted:
                break
        labels = [vertex[2] for vertex in vertices]
        for label in labels:
            if label >= 0 and label not in self.seen:
                self.known.setdefault(label, []).append(index)
        return [vertex[:2] for vertex in vertices], labels, rivals

    def neighbours(
        self, index: int, polygon: list[tuple[float, float]], labels: list[int], shown: set[int]
    ) -> list[int]:
        """Edge labels that have a cell: of three functions that tie along an edge one may have none."""
        if shown.issuperset(label for label in labels if label >= 0):
            return labels
        result = []
        for label, *ends in zip(labels, polygon, polygon[1:] + polygon[:1], strict=True):
            if label >= 0 and label not in shown and len(shown) > 1:
                others = sorted(shown - {index})
                gaps = self.planes[:, [index]] - self.planes[:, others]
                apart = np.abs(np.array([(1.0, s, t) for s, t in ends]) @ gaps).max(axis=0)
                if apart.min() <= 100 * TOLERANCE:
                    label = others[int(apart.argmin())]
            result.append(label)
        return result


def _cut(vertices: list[_Vertex], gap: list[float], rival: int) -> list[_Vertex]:
    """Keep the part of a polygon where a gap (c, a, b) is >= 0, without edges of no length."""
    c, a, b = gap
    values = [c + a * s + b * t for s, t, _ in vertices]
    if min(values, default=0.0) >= 0:
        return vertices
    cut: list[_Vertex] = []
    for (s, t, label), (u, v, _), here, after in zip(
        vertices, vertices[1:] + vertices[:1], values, values[1:] + values[:1], strict=True
    ):
        if here >= 0:
            cut.append((s, t, rival if here == 0 and after < 0 else label))
        if (here > 0 and after < 0) or (here < 0 and after > 0):
            share = here / (here - after)
            cut.append((s + share * (u - s), t + share * (v - t), rival if here > 0 else label))
    return [
        (s, t, label)
        for (s, t, label), (u, v, _) in zip(cut, cut[1:] + cut[:1], strict=True)
        if max(abs(u - s), abs(v - t)) > TOLERANCE
    ]
