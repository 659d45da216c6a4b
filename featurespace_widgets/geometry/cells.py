"""Exact cells of a plane: the upper envelope of K affine functions on a window.

Each cell starts as the whole window; each of its vertices asks which function is largest there,
and a winning rival cuts the cell. When every vertex is won by the cell's own class the polygon is
the cell, because both are convex. The neighbours found on the way are walked next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

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


def _drop_repeats(polygon: Array, labels: list[int]) -> tuple[Array, list[int]]:
    """Remove edges of no length."""
    if not len(polygon):
        return polygon, labels
    length = np.abs(np.roll(polygon, -1, axis=0) - polygon).max(axis=1)
    keep = length > TOLERANCE
    return polygon[keep], [label for label, kept in zip(labels, keep, strict=True) if kept]


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
        if any(np.abs(at_corners[index] - at_corners[k]).max() <= TOLERANCE for k in accepted):
            continue
        polygon, labels, rivals = _cell(unit, index, corners)
        queue.extend(rivals)
        if len(polygon) >= 3 and polygon_area(polygon) > TOLERANCE:
            accepted.append(index)
            cells.append(Cell(index, centre + polygon * half, tuple(labels)))
    return sorted(cells, key=lambda cell: cell.class_index)


def _cell(unit: Array, index: int, corners: Array) -> tuple[Array, list[int], list[int]]:
    """Polygon, edge labels and all rivals met of one cell of the unit window."""
    polygon, labels, rivals = corners, [-1] * 4, []
    gaps = unit[index] - unit
    while len(polygon) >= 3:
        margins = gaps[:, :1] + gaps[:, 1:] @ polygon.T
        worst = margins.min(axis=0)
        vertex = int(worst.argmin())
        rival = int(margins[:, vertex].argmin())
        if worst[vertex] >= -TOLERANCE or rival in rivals:
            break
        rivals.append(rival)
        polygon, labels = _drop_repeats(*clip_polygon(polygon, labels, margins[rival], rival))
    return polygon, labels, rivals
