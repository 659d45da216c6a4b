"""How far outside is far: a hull distance against the yardsticks that give it a meaning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Array
from .head import LinearHead
from .hull import FeatureHull
from .hull_projection import HullProjection
from .pricing import PointSet, Rows

__all__ = ["HullMeasures", "diameter_bounds", "hull_measures"]

EXACT_POINTS = 2000  # all pairs are compared up to here
SWEEPS = 20


@dataclass(frozen=True, eq=False)
class HullMeasures:
    """Relative measures of hull projections.

    Attributes
    ----------
    projection : HullProjection
    head : LinearHead
    distances : (q,) array
        ``|q - p|``; zero where the verdict is "inside".
    diameter : (2,) tuple of float
        Certified bounds of the hull's diameter, equal where it is exact; see `diameter_bounds`.
    to_diameter_low, to_diameter_high : (q,) array
        Bounds of the distance over the diameter; NaN where the hull is a point and the query in it.
    nearest_distances : (q,) array
        To the nearest of the points that span the hull, exact over all n.
    nearest_rows : (q,) array of int
    to_nearest : (q,) array
        Distance over `nearest_distances`, from 0 to 1; 0 at a training point. Near 1 the nearest
        training point is as good as any blend.
    radii : (q,) array
        Certified radius of the query: the distance to the nearest decision boundary of R^d.
    to_radius : (q,) array
        Extrapolation against safety: below 1 the segment from the query to the hull crosses no
        boundary. NaN where both are zero.
    relevant_share, null_share : (q,) array
        Shares of ``|q - p|^2`` in the row space of ``W - mean row``, and in its complement, where no
        logit difference changes. They sum to 1; NaN where the verdict is "inside".
    """

    projection: HullProjection
    head: LinearHead
    distances: Array
    diameter: tuple[float, float]
    to_diameter_low: Array
    to_diameter_high: Array
    nearest_distances: Array
    nearest_rows: Rows
    to_nearest: Array
    radii: Array
    to_radius: Array
    relevant_share: Array
    null_share: Array

    def verify(self) -> NDArray[np.bool_]:
        """Check the projections again, and the measures against them, in plain float64: (q,) bool.

        That the nearest row's distance is as told, and no greater than the support's, is checked;
        that no other row is nearer is not searched for again.
        """
        found, head = self.projection, self.head
        close = found.verify()
        outside = found.verdicts != "inside"
        distances = np.where(outside, np.linalg.norm(found.points - found.queries, axis=1), 0.0)
        size = found.tolerance + 1e-12 * np.abs(found.queries).max(initial=0.0)
        near = found.features[self.nearest_rows].astype(np.float64)
        lengths = np.linalg.norm(near - found.queries, axis=1)
        close &= np.abs(distances - self.distances) <= size
        close &= np.abs(lengths - self.nearest_distances) <= size
        for i, rows in enumerate(found.support):
            others = np.linalg.norm(found.features[rows].astype(np.float64) - found.queries[i], axis=1)
            close[i] &= bool(lengths[i] <= others.min() + size)
        low, high = self.diameter
        shares = _shares(found.points - found.queries, head.relevant_basis, outside)
        pairs = (
            (self.radii, head.radius(found.queries)),
            (self.to_diameter_low, _ratio(distances, high)),
            (self.to_diameter_high, _ratio(distances, low)),
            (self.to_nearest, _ratio(distances, lengths, 0.0)),
            (self.to_radius, _ratio(distances, self.radii)),
            (self.relevant_share, shares),
            (self.null_share, 1.0 - shares),
        )
        for told, computed in pairs:
            close &= np.isclose(told, computed, rtol=1e-6, atol=1e-9, equal_nan=True)
        return close


def hull_measures(
    hull: FeatureHull,
    projection: HullProjection,
    head: LinearHead,
    diameter: tuple[float, float] | None = None,
) -> HullMeasures:
    """Distances of a projection against diameter, nearest training point, safety and relevance.

    Parameters
    ----------
    hull : FeatureHull
    projection : HullProjection
        Of this hull.
    head : LinearHead
    diameter : tuple of float, optional
        `diameter_bounds` of the hull where they are known.

    Raises
    ------
    ValueError
        If head or projection are of another dimension or hull.

    Examples
    --------
    >>> hull = FeatureHull([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> head = LinearHead([[1.0, 0.0], [0.0, 0.0]])
    >>> found = hull_measures(hull, hull.project([[2.0, 0.0]]), head)
    >>> found.to_radius, found.relevant_share, found.to_nearest
    (array([0.5]), array([1.]), array([1.]))
    """
    if head.dimension != hull.points.dimension:
        raise ValueError(
            f"the head must take {hull.points.dimension} features as the hull has, received {head.dimension}"
        )
    if projection.features is not hull.features:
        raise ValueError("the projection must be of this hull, received one of another")
    outside = projection.verdicts != "inside"
    distances = np.where(outside, projection.distances, 0.0)
    rows = hull.points.nearest(projection.queries, 1)[:, 0]
    lengths = np.linalg.norm(hull.points.rows(rows) - projection.queries, axis=1)
    low, high = diameter or diameter_bounds(hull.points)
    radii = head.radius(projection.queries)
    shares = _shares(projection.points - projection.queries, head.relevant_basis, outside)
    return HullMeasures(
        projection=projection,
        head=head,
        distances=distances,
        diameter=(low, high),
        to_diameter_low=_ratio(distances, high),
        to_diameter_high=_ratio(distances, low),
        nearest_distances=lengths,
        nearest_rows=rows if hull.rows is None else hull.rows[rows],
        to_nearest=_ratio(distances, lengths, 0.0),
        radii=radii,
        to_radius=_ratio(distances, radii),
        relevant_share=shares,
        null_share=1.0 - shares,
    )


def diameter_bounds(points: PointSet) -> tuple[float, float]:
    """Certified bounds of the largest distance between two points.

    Up to 2000 points all pairs are compared and the bounds are equal. Beyond, the lower bound is a
    pair that is found by going to the farthest point again and again; the upper bound is the lesser
    of twice the radius of the ball about the centre and the diagonal of the bounding box. With
    the farthest distance from a point of the set it is never more than twice the lower bound.
    """
    if len(points) <= EXACT_POINTS:
        stored = points.rows(np.arange(len(points)))
        exact = float(max(np.linalg.norm(stored - point, axis=1).max() for point in stored))
        return exact, exact
    low, high = 0.0, min(2.0 * points.radius, points.diagonal)
    row = points.farthest(points.centre)[1]
    for _ in range(SWEEPS):
        reach, other = points.farthest(points.rows([row])[0])
        high = min(high, 2.0 * reach)
        if reach <= low:
            break
        low, row = reach, other
    return low, max(low, high)


def _shares(moves: Array, basis: Array, outside: NDArray[np.bool_]) -> Array:
    squares = np.square(moves).sum(axis=1)
    within = np.square(moves @ basis.T).sum(axis=1)
    shares = np.where(outside & (squares > 0), within / np.where(squares > 0, squares, 1.0), np.nan)
    return np.minimum(shares, 1.0)


def _ratio(distances: Array, yardstick: Array | float, both_zero: float = np.nan) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios: Array = distances / np.asarray(yardstick)
    return np.where((distances == 0) & (np.asarray(yardstick) == 0), both_zero, ratios)
