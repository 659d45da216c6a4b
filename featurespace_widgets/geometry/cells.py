"""Exact cells of a plane: the upper envelope of K affine functions on a window.

Each cell starts as the whole window; each of its vertices asks which function is largest there,
and a winning rival cuts the cell. When every vertex is won by the cell's own class the polygon is
the cell, because both are convex. The neighbours found on the way are walked next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arrays import Array, as_vector

__all__ = ["Cell", "check_extent", "clip_polygon", "upper_envelope", "window"]

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

    queue = deque([int(unit[:, 0].argmax()), *map(int, at_corners.argmax(axis=0))])
    seen: set[int] = set()
    accepted: list[int] = []
    cells: list[Cell] = []
    while queue:
        index = queue.popleft()
        if index in seen:
            continue
        seen.add(index)
        if accepted and np.abs(at_corners[accepted] - at_corners[index]).max(axis=1).min() <= TOLERANCE:
            continue
        polygon, labels, rivals = _cell(unit, index, corners)
        queue.extend(rivals)
        if len(polygon) >= 3 and polygon_area(polygon) > TOLERANCE:
            accepted.append(index)
            cells.append(Cell(index, centre + polygon * half, tuple(labels)))
    return sorted(cells, key=lambda cell: cell.class_index)


def _cell(unit: Array, index: int, corners: Array) -> tuple[Array, list[int], list[int]]:
    """Polygon, edge labels and all rivals met of one cell of the unit window."""
    gaps = np.ascontiguousarray((unit[index] - unit).T)
    vertices = [
        _Vertex(s, t, -1, *ask) for (s, t), ask in zip(corners.tolist(), _ask(gaps, corners), strict=True)
    ]
    rivals: list[int] = []
    while len(vertices) >= 3:
        worst = min(vertices, key=_margin)
        if worst.margin >= -TOLERANCE or worst.rival in rivals:
            break
        rivals.append(worst.rival)
        vertices = _cut(vertices, gaps, worst.rival)
    polygon = np.array([(vertex.s, vertex.t) for vertex in vertices]).reshape(-1, 2)
    return polygon, [vertex.label for vertex in vertices], rivals


class _Vertex(NamedTuple):
    """A corner of a cell, the class beyond the edge that starts there, and what the vertex was told."""

    s: float
    t: float
    label: int
    margin: float
    rival: int


def _margin(vertex: _Vertex) -> float:
    return vertex.margin


def _ask(gaps: Array, points: Array) -> list[tuple[float, int]]:
    """For each point the least of all gaps (3, K), and whose it is."""
    values = gaps[0] + points @ gaps[1:]
    rivals = values.argmin(axis=1)
    return list(zip(values[np.arange(len(points)), rivals].tolist(), rivals.tolist(), strict=True))


def _cut(vertices: list[_Vertex], gaps: Array, rival: int) -> list[_Vertex]:
    """Keep the part of a polygon where one gap is >= 0, without edges of no length."""
    c, a, b = gaps[:, rival].tolist()
    values = [c + a * vertex.s + b * vertex.t for vertex in vertices]
    cut: list[_Vertex] = []
    fresh: list[int] = []
    for vertex, after_vertex, here, after in zip(
        vertices, vertices[1:] + vertices[:1], values, values[1:] + values[:1], strict=True
    ):
        if here >= 0:
            leaves = here == 0 and after < 0
            cut.append(vertex._replace(label=rival) if leaves else vertex)
        if (here > 0 and after < 0) or (here < 0 and after > 0):
            share = here / (here - after)
            s = vertex.s + share * (after_vertex.s - vertex.s)
            t = vertex.t + share * (after_vertex.t - vertex.t)
            fresh.append(len(cut))
            cut.append(_Vertex(s, t, rival if here > 0 else vertex.label, 0.0, rival))
    if fresh:
        asked = _ask(gaps, np.array([(cut[k].s, cut[k].t) for k in fresh]))
        for k, (margin, told) in zip(fresh, asked, strict=True):
            cut[k] = cut[k]._replace(margin=margin, rival=told)
    return [
        vertex
        for vertex, after_vertex in zip(cut, cut[1:] + cut[:1], strict=True)
        if max(abs(after_vertex.s - vertex.s), abs(after_vertex.t - vertex.t)) > TOLERANCE
    ]
