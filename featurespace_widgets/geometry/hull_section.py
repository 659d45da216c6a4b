"""The convex hull of many points cut by a plane: one polygon inside the cut, one around it, both proven.

The hull is never built. Its extreme point on the plane in some direction is a linear program with one
unknown for each of the n points; column generation solves it over few of them and prices all n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array, Features, blocks
from .master import Master
from .plane import Slice
from .plane_normals import across, orthogonal
from .polygons import convex_polygon, polygon_around, polygon_excess
from .pricing import PointSet, Rows

__all__ = ["HullSection", "section"]

TOLERANCE = 1e-9  # distances off the plane and agreement of the polygons, relative to the radius
GAP = 1e-11  # relative, where a direction is done
NEAREST = 128  # points around the plane's origin in the first program
PRICED = 12  # best points of each direction that join after a pass over all n
PASSES = 100
STALLS = 3  # passes without progress before a direction is given up
ROUNDING = 1e-13  # relative to the numbers that are subtracted


@dataclass(frozen=True, eq=False)
class HullSection:
    """The set ``{(s, t) : origin + s u + t v in conv(points)}`` between two polygons.

    A vertex of the inner polygon is a convex combination of points that lies on the plane. A side of
    the outer polygon is a half-plane ``n . (s, t) <= h``, proven by a direction r of feature space with
    ``u . r = n_1`` and ``v . r = n_2``: on the plane ``r . (y - origin) = n . (s, t)``, and in the hull
    it is at most its maximum h over all n points.

    Attributes
    ----------
    features : (N, d) array
        The points that span the hull.
    origin, basis : (d,), (2, d) arrays
        The plane; the basis is orthonormal.
    inner : (m, 2) array
        Vertices counter-clockwise; one for a point, two for a segment, none where nothing was found.
    weights, support : tuples of m arrays
        Positive, summing to 1, and the rows of `features` that carry them.
    normals, offsets, proofs : (k, 2), (k,), (k, d) arrays
        The swept directions n, their bounds h and their proofs r.
    outer : (m', 2) array
        Vertices of the polygon that the half-planes bound.
    agreement : float
        Largest difference between the bound h and what the inner polygon attains, over all k.
    gap : float
        Largest distance of a vertex of the outer polygon from the inner one; at most `tolerance` where
        the two are the exact section.
    tolerance : float
        Distances up to it count as zero: 1e-9 of the points' radius.
    separator : (d,) array or None
        Of an empty section: a unit vector orthogonal to the plane with ``r . (y - origin)`` above the
        tolerance for all n points.
    residual : float
        Distance of the nearest blend found from the plane; of vertices, the largest.
    verdict : str
        "yes": the hull meets the plane and the polygons agree in each direction within the tolerance;
        "no": `separator` proves that they do not meet; else "undecided", where what was found is still
        as stated (each vertex in the section, each half-plane around it).
    """

    features: Features
    origin: Array
    basis: Array
    inner: Array
    weights: tuple[Array, ...]
    support: tuple[Rows, ...]
    normals: Array
    offsets: Array
    proofs: Array
    outer: Array
    agreement: float
    gap: float
    tolerance: float
    separator: Array | None
    residual: float
    verdict: str

    def verify(self) -> bool:
        """Check all vertices and half-planes, or the separator, again over all n points in float64.

        Undecided answers claim nothing: False.
        """
        if self.verdict == "no":
            return self._verify_empty()
        if self.verdict != "yes" or not len(self.inner) or self.separator is not None:
            return False
        slack = self.tolerance * 1e-3 + ROUNDING * self._size()
        for vertex, weights, rows in zip(self.inner, self.weights, self.support, strict=True):
            if (weights < 0).any() or abs(weights.sum() - 1.0) > 1e-12:
                return False
            away = weights @ (self.features[rows].astype(np.float64) - self.origin)
            if np.linalg.norm(away - vertex @ self.basis) > self.tolerance + slack:
                return False
        slopes = np.abs(self.proofs @ self.basis.T - self.normals).max()
        lengths = np.linalg.norm(self.proofs, axis=1)
        reach = -_lowest(self.features, self.origin, -self.proofs)
        outer = polygon_around(self.normals, self.offsets)
        attained = (self.inner @ self.normals.T).max(axis=0)
        return bool(
            slopes <= 1e-11 * max(1.0, lengths.max())
            and (reach <= self.offsets + ROUNDING * lengths * self._size()).all()
            and outer.shape == self.outer.shape
            and np.abs(outer - self.outer).max(initial=0.0) <= slack
            and (self.offsets - attained).max() <= self.tolerance + slack
            and abs((self.offsets - attained).max() - self.agreement) <= slack
            and abs(polygon_excess(self.outer, self.inner) - self.gap) <= slack
        )

    def _verify_empty(self) -> bool:
        r = self.separator
        if r is None or abs(np.linalg.norm(r) - 1.0) > 1e-12 or np.abs(self.basis @ r).max() > 1e-12:
            return False
        lowest = float(_lowest(self.features, self.origin, r[None])[0])
        return lowest > self.tolerance + ROUNDING * self._size()

    def _size(self) -> float:
        largest = max(np.abs(self.features[rows]).max() for rows in blocks(self.features))
        return float(largest + np.abs(self.origin).max())


def _lowest(features: Features, origin: Array, directions: Array) -> Array:
    """``min_i r . (y_i - origin)`` over all points, for each direction: (k, d) -> (k,)."""
    lowest = np.full(len(directions), np.inf)
    for rows in blocks(features):
        products = (features[rows].astype(np.float64) - origin) @ directions.T
        lowest = np.minimum(lowest, products.min(axis=0))
    return lowest


def section(points: ArrayLike | PointSet, plane: Slice, directions: int = 64) -> HullSection:
    """Cut the convex hull of points by a plane.

    Solves ``max n . (s, t) : sum a_i y_i = origin + s u + t v, a >= 0, sum a = 1`` for directions n: an
    eighth of them evenly spread, the others normal to those sides of the inner polygon beyond which the
    outer one reaches farthest. A section with few vertices is so found exactly: inner and outer coincide.

    Parameters
    ----------
    points : (n, d) array or PointSet
        float32 arrays, memory-mapped too, are not copied.
    plane : Slice
        In the space of the points.
    directions : int
        The most linear programs, at least 4.

    Raises
    ------
    ValueError
        If the plane is of another dimension, or there are fewer than 4 directions.

    Examples
    --------
    >>> from featurespace_widgets.geometry.head import LinearHead
    >>> plane = Slice(LinearHead(np.eye(3)), None, np.zeros(3), np.eye(3)[:2], (0, 1, 2))
    >>> cut = section([[-1.0, -1.0, -1.0], [1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]], plane)
    >>> cut.verdict, cut.inner.round(9).tolist(), cut.gap < 1e-9, cut.verify()
    ('yes', [[-1.0, 0.0], [0.0, -1.0]], True, True)
    """
    cloud = points if isinstance(points, PointSet) else PointSet(points)
    if len(plane.origin) != cloud.dimension:
        raise ValueError(
            f"plane must be in the space of the points, received a plane in {len(plane.origin)} dimensions "
            f"and points in {cloud.dimension}"
        )
    if directions < 4:
        raise ValueError(f"directions must be at least 4, received {directions}")
    return _Search(cloud, plane).run(int(directions))


class _Search:
    """One shared pool of points, one warm linear program, all n points priced for all directions at once."""

    def __init__(self, points: PointSet, plane: Slice) -> None:
        self.points, self.origin, self.basis = points, plane.origin, plane.basis
        size = points.radius + float(np.linalg.norm(points.centre)) + float(np.linalg.norm(self.origin))
        self.tolerance = max(TOLERANCE * points.radius, 1e-14 * size)
        self.unit = points.radius or 1.0
        self.across, self.constant = across(self.basis, points.live, points.centre - self.origin)
        self.pool: Rows = np.empty(0, np.intp)
        self.known = np.zeros(len(points), bool)
        self.coordinates = np.empty((0, 2))
        self.away = np.empty((0, len(self.across)))
        self.right = np.append(np.zeros(len(self.across)), 1.0)
        self.master = Master(self.right)
        self.slacks = 2 * len(self.across)
        if self.slacks:
            eye = np.eye(len(self.across), len(self.right))
            self.master.add(np.vstack([eye, -eye]))
        self.normals = np.empty((0, 2))
        self.offsets = np.empty(0)
        self.proofs = np.empty((0, points.dimension))
        self.vertices: list[Array] = []
        self.blends: list[tuple[Rows, Array]] = []
        self.residual = 0.0

    def join(self, rows: Rows) -> bool:
        """Add points to the program; whether any is new."""
        fresh = np.unique(rows)
        fresh = fresh[~self.known[fresh]]
        if not len(fresh):
            return False
        self.known[fresh] = True
        vectors = self.points.rows(fresh) - self.origin
        away = vectors @ self.across.T / self.unit
        self.pool = np.concatenate([self.pool, fresh])
        self.coordinates = np.vstack([self.coordinates, vectors @ self.basis.T])
        self.away = np.vstack([self.away, away])
        self.master.add(np.column_stack([away, np.ones(len(fresh))]))
        return True

    def run(self, directions: int) -> HullSection:
        length = float(np.linalg.norm(self.constant))
        if length > 2 * self.tolerance:
            return self.result(self.constant / length, length)
        self.join(self.points.nearest(self.origin[None], NEAREST)[0])
        separator = self.reach_plane() if self.slacks else None
        if separator is not None or self.residual > 0.1 * self.tolerance:
            return self.result(separator, self.residual)
        first = max(4, directions // 8)
        angles = 2 * np.pi * np.arange(first) / first
        wanted = np.column_stack([np.cos(angles), np.sin(angles)])
        while len(wanted):
            self.sweep(wanted)
            wanted = self.refine(directions - len(self.normals))
        return self.result(None, self.residual)

    def reach_plane(self) -> Array | None:
        """Make the program feasible, or prove that the hull does not meet the plane.

        Minimises the 1-norm of the distance from the plane; its dual is the separating direction.
        """
        best, stalls = np.inf, 0
        for _ in range(PASSES):
            costs = np.zeros(self.master.count)
            costs[: self.slacks] = -1.0
            found = self.master.maximise(costs)
            if found is None:
                break
            unknowns, duals = found
            self.residual = float(np.linalg.norm(self.residuals(unknowns))) * self.unit
            if unknowns[: self.slacks].sum() <= 1e-11:
                break
            proof = duals[:-1] @ self.across
            length = float(np.linalg.norm(proof))
            if length == 0:
                break
            proof = orthogonal(proof / length, self.basis)
            rows = self.points.best(-proof[None], 8 * PRICED)[0]
            lowest = float((self.points.rows(rows[:1])[0] - self.origin) @ proof)
            if lowest > 2 * self.tolerance:
                return proof
            total = float(unknowns[: self.slacks].sum())
            stalls = 0 if total < best - 1e-12 else stalls + 1
            best = min(best, total)
            if not self.join(rows):
                break
        if found is not None:
            # What is left of the slack, all rounding, may stay: the program is feasible as it is.
            self.master.limit(np.maximum(found[0][: self.slacks], 0.0))
        else:
            self.residual = np.inf
        return None

    def residuals(self, unknowns: Array) -> Array:
        part: Array = unknowns[self.slacks :] @ self.away
        return part

    def sweep(self, normals: Array) -> None:
        """Extreme points in some directions, from inside and from outside."""
        count = len(normals)
        offsets, proofs = np.full(count, np.inf), np.zeros((count, self.points.dimension))
        attained, stalls = np.full(count, -np.inf), np.zeros(count, int)
        unknowns: list[Array | None] = [None] * count
        busy = np.arange(count)
        for _ in range(PASSES):
            tried = np.zeros((len(busy), self.points.dimension))
            for place, k in enumerate(busy):
                value = self.coordinates @ normals[k]
                found = self.master.maximise(np.append(np.zeros(self.slacks), value / self.unit))
                duals = np.zeros(len(self.across))
                if found is not None:
                    unknowns[k], duals = found[0], found[1][:-1]
                    attained[k] = max(attained[k], found[0][self.slacks :] @ value)
                proof = normals[k] @ self.basis - duals @ self.across
                tried[place] = proof + (normals[k] - self.basis @ proof) @ self.basis
            rows = self.points.best(tried, PRICED)
            reach = np.einsum("kd,kd->k", self.points.rows(rows[:, 0]) - self.origin, tried)
            better = reach < offsets[busy]
            stalls[busy] = np.where(better, 0, stalls[busy] + 1)
            offsets[busy[better]], proofs[busy[better]] = reach[better], tried[better]
            open_ = offsets[busy] - attained[busy] > GAP * self.unit
            fresh = open_ & ~self.known[rows[:, 0]]
            self.join(rows[fresh].ravel())
            busy = busy[fresh]
            if not len(busy):
                break
        self.normals = np.vstack([self.normals, normals])
        self.offsets, self.proofs = np.append(self.offsets, offsets), np.vstack([self.proofs, proofs])
        for found_unknowns in unknowns:
            if found_unknowns is not None:
                self.keep(found_unknowns[self.slacks :])

    def keep(self, weights: Array) -> None:
        """A vertex from the weights of the program, sharpened on its support."""
        used = np.flatnonzero(weights > 1e-11)
        part = weights[used] / weights[used].sum()
        system = np.vstack([self.away[used].T, np.ones(len(used))])
        sharper = np.linalg.lstsq(system, self.right, rcond=None)[0]
        if sharper.min() >= 0 and np.linalg.norm(sharper @ self.away[used]) <= np.linalg.norm(
            part @ self.away[used]
        ):
            part = sharper / sharper.sum()
        off = float(np.linalg.norm(part @ self.away[used])) * self.unit
        if off <= 0.5 * self.tolerance:
            self.residual = max(self.residual, off)
            self.vertices.append(part @ self.coordinates[used])
            self.blends.append((self.pool[used], part))

    def refine(self, budget: int) -> Array:
        """Normals of the sides of the inner polygon beyond which the outer polygon reaches farthest."""
        if budget <= 0 or not self.vertices:
            return np.empty((0, 2))
        inner = np.array(self.vertices)[convex_polygon(np.array(self.vertices), self.tolerance)]
        outer = polygon_around(self.normals, self.offsets)
        if len(inner) < 2 or not len(outer):
            return np.empty((0, 2))
        sides = np.roll(inner, -1, axis=0) - inner
        normals = np.column_stack([sides[:, 1], -sides[:, 0]])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        beyond = ((outer @ normals.T).max(axis=0)) - np.einsum("kd,kd->k", inner, normals)
        swept = (normals @ self.normals.T).max(axis=1) > 1.0 - 1e-15
        beyond[swept] = 0.0
        order = np.argsort(-beyond)
        chosen: Array = normals[order[beyond[order] > 0.1 * self.tolerance][:budget]]
        return chosen[np.argsort(np.arctan2(chosen[:, 1], chosen[:, 0]))]

    def result(self, separator: Array | None, residual: float) -> HullSection:
        """Decide from what is recomputed in float64."""
        found = np.array(self.vertices).reshape(-1, 2)
        order = convex_polygon(found, 1e-3 * self.tolerance) if len(found) else []
        inner = found[order]
        outer = polygon_around(self.normals, self.offsets)
        agreement = gap = np.inf
        if len(inner) and len(outer):
            agreement = float((self.offsets - (inner @ self.normals.T).max(axis=0)).max())
            gap = polygon_excess(outer, inner)
        verdict = "yes" if agreement <= self.tolerance else "undecided"
        return HullSection(
            self.points.points, self.origin, self.basis, inner,
            tuple(self.blends[k][1] for k in order), tuple(self.blends[k][0] for k in order),
            self.normals, self.offsets, self.proofs, outer, agreement, gap, self.tolerance,
            separator, residual, verdict if separator is None else "no",
        )  # fmt: skip
