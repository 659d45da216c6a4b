"""Sets of feature vectors that an image can be sought for: each knows its nearest point."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds

from ..geometry.arrays import Array, as_bounds, as_matrix, as_vector, check_classes
from ..geometry.head import LinearHead
from ..geometry.hull import FeatureHull
from ..geometry.hull_projection import HullProjection
from ..geometry.projection import TOLERANCE, closest_ties, residual
from ..geometry.region import Region

__all__ = [
    "BallTarget",
    "HullTarget",
    "Nearest",
    "PointTarget",
    "ProjectedTarget",
    "TargetSet",
    "TieTarget",
    "as_target",
    "cell",
    "half_space",
    "polytope",
]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest point of a set to a feature vector.

    Attributes
    ----------
    point : (d,) array
        NaN where none was found.
    verdict : "yes", "no" or "undecided"
        "yes": the nearest point, as the projection certifies; "no": the set is empty, proven.
    witness : object
        What shows that the point is in the set, where its coordinates do not: the blend of a hull.
    reach : float
        Length of the vector that was projected: the rounding of the point is relative to it.
    """

    point: Array
    verdict: str = "yes"
    witness: Any = None
    reach: float = 0.0

    @property
    def found(self) -> bool:
        """Whether there is a point."""
        return bool(np.isfinite(self.point).all())


class TargetSet(ABC):
    """A set of feature vectors with an exact projection."""

    dimension: int

    @abstractmethod
    def nearest(self, y: Array) -> Nearest:
        """Nearest point of the set to y (d,)."""

    @abstractmethod
    def contains(self, nearest: Nearest) -> bool:
        """Whether its point is in the set up to rounding, recomputed in plain float64."""


class PointTarget(TargetSet):
    """A single feature vector (d,)."""

    def __init__(self, point: ArrayLike, dimension: int) -> None:
        self.point, self.dimension = as_vector("target", point, dimension), dimension

    def nearest(self, y: Array) -> Nearest:
        """The point itself."""
        return Nearest(self.point)

    def contains(self, nearest: Nearest) -> bool:
        """Whether it is the point."""
        return bool(np.array_equal(nearest.point, self.point))


class BallTarget(TargetSet):
    """The ball ``|y - centre| <= radius``.

    Examples
    --------
    >>> BallTarget([0.0, 0.0], 1.0).nearest(np.array([3.0, 4.0])).point.round(9).tolist()
    [0.6, 0.8]
    """

    def __init__(self, centre: ArrayLike, radius: float) -> None:
        self.dimension = int(np.size(centre))
        self.centre = as_vector("centre", centre, self.dimension)
        if not (np.isfinite(radius) and radius >= 0):
            raise ValueError(f"radius must be finite and not negative, received {radius}")
        self.radius = float(radius)

    def nearest(self, y: Array) -> Nearest:
        """``centre + radius (y - centre) / |y - centre|``, y itself where it is in the ball."""
        away = y - self.centre
        length = float(np.linalg.norm(away))
        return Nearest(y.copy() if length <= self.radius else self.centre + (self.radius / length) * away)

    def contains(self, nearest: Nearest) -> bool:
        """Within 1e-9 of the sizes of centre and radius."""
        slack = TOLERANCE * (self.radius + float(np.linalg.norm(self.centre)))
        return bool(np.linalg.norm(nearest.point - self.centre) <= self.radius + slack)


class TieTarget(TargetSet):
    """The points of the domain at which some classes tie and none is above.

    One class: its cell. Two: the face between them. More: the points ambiguous among them.

    Parameters
    ----------
    head : LinearHead
    domain : scipy.optimize.Bounds or None
    classes : sequence of int

    Examples
    --------
    >>> face = TieTarget(LinearHead(np.eye(2)), None, [0, 1])
    >>> face.nearest(np.array([3.0, 1.0])).point.tolist()
    [2.0, 2.0]
    """

    def __init__(self, head: LinearHead, domain: Bounds | None, classes: Sequence[int]) -> None:
        self.head, self.dimension = head, head.dimension
        self.domain = as_bounds(domain, head.dimension)
        self.classes = check_classes(classes, head.num_classes, (max(1, len(classes)),))

    def nearest(self, y: Array) -> Nearest:
        """Nearest point by the dual, with the verdict that its certificate gives."""
        first, others = self.classes[0], self.classes[1:]
        (found,) = closest_ties(self.head, self.domain, y, first, [others])
        return Nearest(found.point, found.verdict, reach=float(np.linalg.norm(y)))

    def contains(self, nearest: Nearest) -> bool:
        """Ties within 2e-9 of what logits are sums of, and in the domain."""
        point = nearest.point
        if not nearest.found:
            return False
        if self.domain is not None and ((point < self.domain.lb) | (point > self.domain.ub)).any():
            return False
        logits = self.head.weight @ point + self.head.bias
        reach = max(nearest.reach, float(np.linalg.norm(point)))
        off = residual(self.head, logits, self.classes[0], self.classes[1:], reach)
        return off <= 2 * TOLERANCE


class HullTarget(TargetSet):
    """The convex hull of feature vectors."""

    def __init__(self, hull: FeatureHull) -> None:
        self.hull, self.dimension = hull, hull.points.dimension

    def nearest(self, y: Array) -> Nearest:
        """Nearest point of the hull; the projection is the witness."""
        found = self.hull.project(y)
        known = found.verdicts[0] != "undecided"
        return Nearest(found.points[0], "yes" if known else "undecided", found)

    def contains(self, nearest: Nearest) -> bool:
        """Whether the weights are a convex combination of the hull's points that gives the point."""
        found = nearest.witness
        if not isinstance(found, HullProjection) or len(found) != 1:
            return False
        weights, rows = found.weights[0], found.support[0]
        if (weights < 0).any() or abs(float(weights.sum()) - 1.0) > 1e-12:
            return False
        if self.hull.rows is not None and not np.isin(rows, self.hull.rows).all():
            return False
        vectors = self.hull.features[rows].astype(np.float64)
        size = float(np.linalg.norm(vectors, axis=1).max())
        return float(np.linalg.norm(weights @ vectors - nearest.point)) <= 1e-12 * size


class ProjectedTarget(TargetSet):
    """Any set, by a function (d,) -> (d,) that gives its nearest point."""

    def __init__(self, projection: Callable[[Array], ArrayLike], dimension: int) -> None:
        self.projection, self.dimension = projection, dimension

    def nearest(self, y: Array) -> Nearest:
        """What the function gives; nothing is known of it."""
        return Nearest(as_vector("the projection", self.projection(y), self.dimension), "undecided")

    def contains(self, nearest: Nearest) -> bool:
        """Whether the function leaves the point where it is, within 1e-9."""
        again = self.nearest(nearest.point).point
        size = 1e-300 + float(np.linalg.norm(nearest.point))
        return bool(np.linalg.norm(again - nearest.point) <= TOLERANCE * size)


def polytope(normals: ArrayLike, offsets: ArrayLike, domain: Bounds | None = None) -> TieTarget:
    """The points of the domain with ``normals @ y + offsets >= 0``: (m, d) and (m,).

    It is the cell of the first class of the head ``(0, -normals)``, and projected as such.

    Examples
    --------
    >>> corner = polytope([[1.0, 0.0], [0.0, 1.0]], [-1.0, -2.0])
    >>> corner.nearest(np.zeros(2)).point.round(9).tolist()
    [1.0, 2.0]
    """
    rows = as_matrix("normals", np.atleast_2d(np.asarray(normals)))
    shifts = as_vector("offsets", np.atleast_1d(np.asarray(offsets)), len(rows))
    if not len(rows):
        raise ValueError("normals must have at least one row, received none")
    head = LinearHead(np.vstack([np.zeros(rows.shape[1]), -rows]), np.append(0.0, -shifts))
    return TieTarget(head, domain, [0])


def half_space(normal: ArrayLike, offset: float, domain: Bounds | None = None) -> TieTarget:
    """The points of the domain with ``normal . y + offset >= 0``."""
    return polytope(np.atleast_2d(np.asarray(normal)), [offset], domain)


def cell(head: LinearHead, domain: Bounds | None, class_index: int, depth: float = 0.0) -> TieTarget:
    """The cell of a class, or the part of it at least `depth` away from all boundaries of R^d.

    A nearest point of the cell lies on its boundary, where rounding picks the class: a small depth
    makes the class of an image that was found certain.

    Examples
    --------
    >>> deep = cell(LinearHead(np.eye(2)), None, 0, depth=np.sqrt(2.0))
    >>> deep.nearest(np.zeros(2)).point.round(9).tolist()
    [1.0, -1.0]
    """
    (index,) = check_classes([class_index], head.num_classes, (1,))
    if not (np.isfinite(depth) and depth >= 0):
        raise ValueError(f"depth must be finite and not negative, received {depth}")
    if depth == 0:
        return TieTarget(head, domain, [index])
    rows = np.delete(head.weight[index] - head.weight, index, axis=0)
    offsets = np.delete(head.bias[index] - head.bias, index)
    lengths = np.linalg.norm(rows, axis=1)
    return polytope(rows, offsets - depth * lengths, domain)


def as_target(target: Any, dimension: int) -> TargetSet:
    """A target set from what a person gives: a point, a `TargetSet`, `Region`, `FeatureHull` or function.

    Raises
    ------
    ValueError
        States what was received and what is allowed.
    """
    found: TargetSet
    if isinstance(target, TargetSet):
        found = target
    elif isinstance(target, Region):
        found = TieTarget(target.head, target.domain, [target.class_index])
    elif isinstance(target, FeatureHull):
        found = HullTarget(target)
    elif callable(target):
        found = ProjectedTarget(target, dimension)
    else:
        found = PointTarget(target, dimension)
    if found.dimension != dimension:
        raise ValueError(f"target must be a set in {dimension} features, received one in {found.dimension}")
    return found
