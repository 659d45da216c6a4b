"""What is certified to have one class: blends of points, and regions on a slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array, as_matrix, as_vector
from .cells import clip_polygon, upper_envelope
from .head import LinearHead
from .plane import Slice

__all__ = ["CertifiedBlends", "SliceRegions", "slice_regions"]

TOLERANCE = 1e-9  # relative, for logits, weights and lengths
BALL_SIDES = 64


@dataclass(frozen=True, eq=False)
class CertifiedBlends:
    """How deep in a class every blend of some points is.

    The signed depth ``r_i`` of a class is concave, so a blend ``sum a_k y_k`` is at least as deep as
    the blend ``sum a_k r_i(y_k)`` of the depths, and no blend is less deep than the least deep point.

    Attributes
    ----------
    points : (n, d) array
    depths : (n,) array
        Signed distances of the points to the boundary of the class's cell.
    verdict : str
        "yes": every blend has the class, with at least `depth` to spare; "no": the point `weakest`
        has another class; "undecided": it lies on the boundary to within rounding.
    """

    head: LinearHead
    class_index: int
    points: Array
    depths: Array
    verdict: str

    @classmethod
    def of(cls, head: LinearHead, points: ArrayLike, class_index: int) -> CertifiedBlends:
        """Certify the blends of points (n, d) for a class.

        Examples
        --------
        >>> blends = CertifiedBlends.of(LinearHead([[1.0, 0], [0, 1.0]]), [[3.0, 0], [4.0, 2.0]], 0)
        >>> blends.verdict, round(blends.depth, 3)
        ('yes', 1.414)
        """
        vertices = as_matrix("points", points, head.dimension)
        if not len(vertices):
            raise ValueError("points must hold at least one feature vector, received none")
        depths = head.depth(vertices, class_index)
        slack = TOLERANCE * (1.0 + float(np.abs(vertices).max()))
        least = depths.min()
        verdict = "yes" if least > slack else "no" if least < -slack else "undecided"
        return cls(head, int(class_index), vertices, depths, verdict)

    @property
    def weakest(self) -> int:
        """Row of the least deep point."""
        return int(self.depths.argmin())

    @property
    def depth(self) -> float:
        """Depth that every blend has at least."""
        return float(self.depths[self.weakest])

    def bound(self, weights: ArrayLike) -> Array:
        """Certified depth of blends: weights (m, n), non-negative with rows that sum to 1 -> (m,).

        Raises
        ------
        ValueError
            If the weights do not blend.
        """
        shares = as_matrix("weights", weights, len(self.points))
        least, sums = shares.min(initial=0.0), shares.sum(axis=1)
        if least < 0 or np.abs(sums - 1.0).max(initial=0.0) > TOLERANCE:
            raise ValueError(
                "weights must be non-negative with rows that sum to 1, received a smallest weight of "
                f"{least:.3g} and sums from {sums.min():.6g} to {sums.max():.6g}"
            )
        # A weight of zero leaves out its point, also where the depth is infinite.
        bound: Array = np.multiply(shares, self.depths, out=np.zeros_like(shares), where=shares > 0).sum(
            axis=1
        )
        return bound

    def verify(self) -> bool:
        """Recompute depths and verdict from logits and normals; False where nothing is claimed."""
        weight, own = self.head.weight, self.class_index
        logits = self.points @ weight.T + self.head.bias
        slack = TOLERANCE * (1.0 + float(np.abs(self.points).max()))
        gaps = logits[:, [own]] - logits
        lengths = np.array([np.linalg.norm(weight[own] - row) for row in weight])
        rivals = lengths > 0
        depths = np.full(len(gaps), np.inf)
        if rivals.any():
            depths = (gaps[:, rivals] / lengths[rivals]).min(axis=1)
        depths[(gaps[:, ~rivals] < 0).any(axis=1)] = -np.inf
        same = np.isclose(depths, self.depths, rtol=TOLERANCE, atol=slack)
        if self.verdict == "yes":
            return bool(same.all() and (depths > 0).all())
        return bool(self.verdict == "no" and same.all() and (depths < 0).any())


@dataclass(frozen=True, eq=False)
class SliceRegions:
    """Polygons on a slice whose points all have one class, as points *on* the plane.

    Attributes
    ----------
    plane : Slice
    class_index : int
    point : (d,) array
        The feature vector they were made for.
    cell : (m, 2) array
        The class's cell of the plane inside the window and the domain.
    ball : (m, 2) array
        A polygon inscribed in the plane's part of the certified ball around the point; empty where
        the plane passes beyond it or the radius is not finite.
    radius : float
        Of that ball.
    """

    plane: Slice
    class_index: int
    point: Array
    cell: Array
    ball: Array
    radius: float

    def verify(self) -> bool:
        """Whether all vertices are won by the class and the ball's lie in the certified ball."""
        weight, bias, own = self.plane.head.weight, self.plane.head.bias, self.class_index
        for polygon in (self.cell, self.ball):
            vectors = self.plane.origin + polygon @ self.plane.basis
            logits = vectors @ weight.T + bias
            size = 1.0 + np.abs(logits).max(initial=0.0)
            if (logits[:, [own]] < logits - TOLERANCE * size).any():
                return False
            if polygon is self.ball and len(polygon):
                away = np.linalg.norm(vectors - self.point, axis=1).max()
                if away > self.radius * (1 + TOLERANCE) + TOLERANCE * (1 + np.abs(vectors).max()):
                    return False
        return True


def slice_regions(plane: Slice, point: ArrayLike, extent: Sequence[float]) -> SliceRegions:
    """Certified regions around a feature vector (d,), on a window (s0, s1, t0, t1) of a slice.

    Convex sets whose vertices all have the class: the cells of an affine head are convex, so the
    polygons are certified as a whole.

    Examples
    --------
    >>> from .plane import section_plane
    >>> plane = section_plane(LinearHead(np.eye(3)), None, [[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    >>> regions = slice_regions(plane, [1.0, 0, 0], (-1, 1, -1, 1))
    >>> regions.class_index, round(regions.radius, 3), regions.verify()
    (0, 0.707, True)
    """
    head = plane.head
    vector = as_vector("point", point, head.dimension)
    own, radius = int(head.predict(vector)[0]), float(head.radius(vector)[0])
    found = {cell.class_index: cell.polygon for cell in upper_envelope(plane.logit_planes(), extent)}
    cell = found.get(own, np.empty((0, 2)))
    if len(cell):
        cell = _intersection(cell, plane.domain_polygon(extent))
    return SliceRegions(plane, own, vector, cell, _disc(plane, vector, radius), radius)


def _disc(plane: Slice, point: Array, radius: float) -> Array:
    centre, away = plane.to_plane(point)[0], float(plane.distance(point)[0])
    if not np.isfinite(radius) or away >= radius:
        return np.empty((0, 2))
    angles = np.linspace(0.0, 2 * np.pi, BALL_SIDES, endpoint=False)
    circle: Array = centre + np.sqrt(radius**2 - away**2) * np.column_stack([np.cos(angles), np.sin(angles)])
    return circle


def _intersection(polygon: Array, convex: Array) -> Array:
    """Part of a convex polygon inside another, both counter-clockwise."""
    if len(convex) < 3:
        return np.empty((0, 2))
    edges = np.roll(convex, -1, axis=0) - convex
    for corner, edge in zip(convex, edges, strict=True):
        away = polygon - corner
        polygon, _ = clip_polygon(
            polygon, [-1] * len(polygon), edge[0] * away[:, 1] - edge[1] * away[:, 0], -1
        )
        if len(polygon) < 3:
            return np.empty((0, 2))
    return polygon
