"""Convex polygons of the plane: of points, of half-planes, and how far one reaches beyond another."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .cells import clip_polygon

__all__ = ["convex_polygon", "intersection", "polygon_around", "polygon_excess"]


def convex_polygon(points: Array, tolerance: float) -> list[int]:
    """Indices of the convex hull of points in the plane, counter-clockwise (monotone chain)."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    chains: list[list[int]] = []
    for sequence in (order, order[::-1]):
        chain: list[int] = []
        for k in sequence:
            if chain and np.linalg.norm(points[k] - points[chain[-1]]) <= tolerance:
                continue
            while len(chain) >= 2:
                a, b = points[chain[-1]] - points[chain[-2]], points[k] - points[chain[-2]]
                if a[0] * b[1] - a[1] * b[0] > tolerance * np.linalg.norm(b):
                    break
                chain.pop()
            chain.append(int(k))
        chains.append(chain)
    if np.linalg.norm(np.ptp(points, axis=0)) <= tolerance:
        return chains[0][:1]
    ring = chains[0][:-1] + chains[1][:-1]
    return list(dict.fromkeys(ring))


def polygon_around(normals: Array, offsets: Array) -> Array:
    """Vertices of the polygon ``n . x <= h``, counter-clockwise; h is loosened by rounding only."""
    if not len(normals) or not np.isfinite(offsets).all():
        return np.empty((0, 2))
    order = np.argsort(np.arctan2(normals[:, 1], normals[:, 0]))
    directions, heights = normals[order], offsets[order]
    size = float(np.abs(heights).max())
    heights = heights + 1e-14 * size
    polygon = 4.0 * (size + 1e-300) * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    for normal, height in zip(directions, heights, strict=True):
        values = polygon @ normal - height
        after = np.roll(values, -1)
        following = np.roll(polygon, -1, axis=0)
        pieces = []
        for k in range(len(polygon)):
            if values[k] <= 0:
                pieces.append(polygon[k])
            if values[k] * after[k] < 0:
                step = values[k] / (values[k] - after[k])
                pieces.append(polygon[k] + step * (following[k] - polygon[k]))
        if not pieces:
            point: Array = polygon.mean(axis=0, keepdims=True)
            return point
        polygon = np.array(pieces)
    return polygon


def polygon_excess(outer: Array, inner: Array) -> float:
    """Largest distance of a vertex of the outer polygon from the inner polygon."""
    start, side = inner, np.roll(inner, -1, axis=0) - inner
    square = np.maximum(np.square(side).sum(axis=1), 1e-300)
    away = outer[:, None] - start
    step = np.clip(np.einsum("okd,kd->ok", away, side) / square, 0.0, 1.0)
    distances = np.linalg.norm(away - step[:, :, None] * side, axis=2).min(axis=1)
    inside = (side[:, 0] * away[:, :, 1] - side[:, 1] * away[:, :, 0] >= 0).all(axis=1)
    return float(np.where(inside & (len(inner) > 2), 0.0, distances).max(initial=0.0))


def intersection(first: Array, second: Array) -> Array:
    """Common part (m, 2) of two convex polygons, both counter-clockwise; empty where they only touch."""
    common = first
    for start, end in zip(second, np.roll(second, -1, axis=0), strict=True):
        if len(common) < 3:
            break
        side = end - start
        values = side[0] * (common[:, 1] - start[1]) - side[1] * (common[:, 0] - start[0])
        common, _ = clip_polygon(common, [0] * len(common), values, 0)
    return common if len(common) >= 3 else np.empty((0, 2))
