"""The region of one class: the polytope where it wins, inside the domain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from .arrays import Array, as_bounds, as_features, blocks, check_classes
from .ball import Ball, largest_ball
from .farkas import PARALLEL, largest_value
from .head import LinearHead
from .linear_program import Program, attempts, maximise

__all__ = ["Emptiness", "Region", "Unboundedness"]

TOLERANCE = 1e-9  # relative to what logits and features are sums of
ROUNDING = 1e-14  # the same, of one evaluation
FAR = 1e4  # of a region's own scale: farther out the tolerance is as large as the region's offsets
NOTHING = 1e-12  # of the largest multiplier


@dataclass(frozen=True, eq=False)
class Emptiness:
    """Whether a region is empty.

    Attributes
    ----------
    verdict : str
        "no": `point` lies in it; "yes": the `multipliers` prove it, by Farkas' lemma; "undecided".
    point : (d,) array
        The point found with the largest least margin.
    margin : float
        That margin, a difference of logits; negative where a class is above.
    multipliers : (K,) array
        Non-negative weights of the rivals: the weighted sum of ``z_i - z_k`` is at most `bound` in
        the whole domain.
    bound : float
        Negative: no point of the domain satisfies all ``z_i - z_k >= 0``.
    """

    region: Region
    verdict: str
    point: Array
    margin: float
    multipliers: Array
    bound: float

    def verify(self) -> bool:
        """Recompute point and bound from the head's arrays; False where nothing is claimed."""
        if self.verdict == "no":
            return self.region._holds(self.point)
        rows, offsets = self.region.rivals()
        weights = self.multipliers
        if self.verdict != "yes" or (weights < 0).any() or not weights.any():
            return False
        bound = largest_value(weights @ rows, weights @ np.abs(rows), self.region.domain)
        return bool(bound + weights @ offsets < -TOLERANCE * (weights @ self.region.sizes(self.point)))


@dataclass(frozen=True, eq=False)
class Unboundedness:
    """Whether a region reaches to infinity.

    Attributes
    ----------
    verdict : str
        "yes": from `point`, in the region, the ray along `direction` never leaves it; "no": it is bounded,
        by the `multipliers`, or `emptiness` proves that there is none; "undecided".
    direction : (d,) array
        ``v_ij . direction >= 0`` for all rivals j, and it leaves no bound of the domain.
    multipliers : (K,) array
        Positive. Along a direction that stays, the weighted sum g of the normals ``v_ij`` cannot fall,
        but g falls along every direction that the domain's bounds allow, and what is left is spanned by the
        normals: only the zero direction stays.
    """

    region: Region
    verdict: str
    direction: Array
    multipliers: Array
    emptiness: Emptiness

    @property
    def point(self) -> Array:
        """Where the ray starts."""
        return self.emptiness.point

    def verify(self) -> bool:
        """Recompute ray or proof from the head's arrays; False where nothing is claimed."""
        if self.verdict == "undecided" or not self.emptiness.verify():
            return False
        if self.emptiness.verdict == "yes":
            return self.verdict == "no"
        if self.verdict == "yes":
            return self.region._stays(self.direction)
        return self.region._bounded(self.multipliers)


@dataclass(frozen=True, eq=False)
class Region:
    """The convex polytope ``{y in Omega : z_i >= z_j for all j}`` of class i.

    Parameters
    ----------
    head : LinearHead
    domain : Bounds or None
        Omega; None for all of R^d.
    class_index : int

    Examples
    --------
    >>> region = Region(LinearHead(np.eye(2)), Bounds(0, 1), 0)
    >>> region.contains([[0.5, 0.2], [0.2, 0.5], [1.5, 0.0]])
    array([ True, False, False])
    >>> centre, radius = region.chebyshev_ball()
    >>> centre.round(3).tolist(), round(radius, 3)
    ([0.707, 0.293], 0.293)
    >>> region.is_empty().verdict, region.is_unbounded().verdict
    ('no', 'no')
    """

    head: LinearHead
    domain: Bounds | None
    class_index: int

    def __post_init__(self) -> None:
        (index,) = check_classes([self.class_index], self.head.num_classes, (1,))
        object.__setattr__(self, "class_index", index)
        object.__setattr__(self, "domain", as_bounds(self.domain, self.head.dimension))

    def rivals(self) -> tuple[Array, Array]:
        """Rows ``w_i - w_j`` (K, d) and offsets ``b_i - b_j`` (K,); zero for the class itself."""
        own = self.class_index
        return self.head.weight[own] - self.head.weight, self.head.bias[own] - self.head.bias

    def sides(self) -> tuple[Array, Array]:
        """Lower and upper bounds of the features: (d,) each, infinite where there are none."""
        d = self.head.dimension
        if self.domain is None:
            return np.full(d, -np.inf), np.full(d, np.inf)
        return self.domain.lb, self.domain.ub

    def sizes(self, point: Array) -> Array:
        """(K,) what ``z_i - z_j`` is a sum of at a point, the scale of its rounding."""
        rows, offsets = self.rivals()
        sizes: Array = np.abs(rows) @ np.abs(point) + np.abs(offsets)
        return sizes

    def contains(self, features: ArrayLike) -> NDArray[np.bool_]:
        """Whether feature vectors lie in the region: (n, d) -> (n,).

        Up to rounding: no logit is above that of the class by more than 1e-9 of the largest
        ``|w_k| |y| + |b_k|``, and no bound is passed by more than 1e-9 of the largest ``|y_k|``.
        """
        vectors = as_features("features", np.atleast_2d(np.asarray(features)), self.head.dimension)
        lengths, offsets = self.head.row_lengths, np.abs(self.head.bias)
        lower, upper = self.sides()
        inside = np.empty(len(vectors), dtype=bool)
        for rows in blocks(vectors):
            block = np.asarray(vectors[rows], dtype=np.float64)
            logits = block @ self.head.weight.T + self.head.bias
            reach = np.linalg.norm(block, axis=1)
            size = (reach[:, None] * lengths + offsets).max(axis=1)
            wins = logits.max(axis=1) - logits[:, self.class_index] <= TOLERANCE * size
            slack = TOLERANCE * np.abs(block).max(axis=1)[:, None]
            inside[rows] = wins & ((block >= lower - slack) & (block <= upper + slack)).all(axis=1)
        return inside

    def halfspaces(self) -> tuple[Array, Array]:
        """All sides as ``A y + b >= 0``: (m, d) and (m,).

        First the K - 1 rivals in the order of their index, then the finite lower and upper bounds of
        the domain.
        """
        rows, offsets = self._others()
        lower, upper = self.sides()
        low, up = np.flatnonzero(np.isfinite(lower)), np.flatnonzero(np.isfinite(upper))
        eye = np.eye(self.head.dimension)
        return np.vstack([rows, eye[low], -eye[up]]), np.concatenate([offsets, -lower[low], upper[up]])

    def chebyshev_ball(self, box: Bounds | None = None) -> Ball:
        """Largest ball in the region, as ``centre, radius = region.chebyshev_ball()``.

        Parameters
        ----------
        box : Bounds, optional
            Further bounds of the features. Needed where balls of any size fit, as in most cells of R^d or
            ``y >= 0``; the range of the training features is a natural choice.

        Returns
        -------
        Ball
            With bounds of its radius from both sides; verdict "no" where the region has no inner point.

        Raises
        ------
        ValueError
            If there is no largest ball, or the box misses the domain.
        """
        lower, upper = self.sides()
        extra = as_bounds(box, self.head.dimension)
        if extra is not None:
            lower, upper = np.maximum(lower, extra.lb), np.minimum(upper, extra.ub)
            if (lower > upper).any():
                raise ValueError("box must overlap the domain in every feature, received one that misses it")
        rows, offsets = self._others()
        if not (np.isfinite(lower) & np.isfinite(upper)).any() and self._widens(lower, upper):
            raise ValueError(
                f"the region of {self.head.class_names[self.class_index]!r} holds balls of any size: pass "
                "box=Bounds(lower, upper), for example the range of the training features, to bound it"
            )
        return largest_ball(rows, offsets, lower, upper)

    def is_empty(self) -> Emptiness:
        """Whether no point of the domain has the class, ties included.

        The linear program ``max t : z_i - z_j >= t |v_ij|, y in Omega``, t at most the data's scale.
        """
        rows, offsets = self.rivals()
        lower, upper = self.sides()
        fixed = lower == upper
        lengths = np.linalg.norm(rows, axis=1)
        unit = _unit(rows, offsets, lower, upper)
        used = (np.arange(len(rows)) != self.class_index) & ((lengths > 0) | (offsets < 0))
        scale = np.where(lengths > 0, lengths, 1.0)[used]
        shifts = (offsets[used] + rows[used][:, fixed] @ lower[fixed]) / scale
        program = Program(
            np.vstack([rows[used][:, ~fixed] / scale[:, None], np.zeros((1, int((~fixed).sum())))]),
            np.append(shifts, unit),
            np.ones(len(shifts) + 1),
            lower[~fixed],
            upper[~fixed],
        )
        result = None
        for found in attempts(program, unit):
            point, weights = np.where(fixed, lower, 0.0), np.zeros(len(rows))
            point[~fixed] = np.clip(found.point, lower[~fixed], upper[~fixed])
            weights[used] = np.maximum(found.multipliers[:-1], 0.0) / scale
            weights[weights < NOTHING * weights.max()] = 0.0
            result = self._emptiness(point, weights)
            if result.verdict != "undecided":
                break
        assert result is not None
        return result

    def _emptiness(self, point: Array, weights: Array) -> Emptiness:
        rows, offsets = self.rivals()
        margin = float((rows @ point + offsets).min())
        bound = largest_value(weights @ rows, weights @ np.abs(rows), self.domain) + float(weights @ offsets)
        sized = TOLERANCE * float(weights @ self.sizes(point))
        verdict = "no" if self._holds(point) else "yes" if bound < -sized else "undecided"
        return Emptiness(self, verdict, point, margin, weights, bound)

    def _holds(self, point: Array) -> bool:
        """Whether a point (d,) shows that the region is not empty.

        Up to the tolerance near the region's own scale; far out, where offsets drown in the tolerance and
        an empty region seems to hold points, only to within the rounding of one evaluation.
        """
        rows, offsets = self.rivals()
        lower, upper = self.sides()
        if np.abs(point).max() <= FAR * _unit(rows, offsets, lower, upper):
            return bool(self.contains(point[None])[0])
        inside = rows @ point + offsets >= ROUNDING * self.sizes(point)
        return bool(inside.all() and (point >= lower).all() and (point <= upper).all())

    def is_unbounded(self) -> Unboundedness:
        """Whether the region holds a ray: a direction with ``v_ij . direction >= 0`` allowed by the domain.

        A line of the region, or the linear program that maximises the sum of all ``v_ij . direction``
        over directions of the box [-1, 1]: zero for a bounded region, and then its multipliers prove it.
        """
        emptiness = self.is_empty()
        rows = self._unit_rows()
        lower, upper = self.sides()
        free = ~np.isfinite(lower) & ~np.isfinite(upper)
        line = _null_vector(rows[:, free])
        direction, weights = np.zeros(self.head.dimension), np.ones(len(rows))
        verdict = self._ray_verdict(direction, weights, emptiness)
        if line is not None:
            direction[free] = line
            verdict = self._ray_verdict(direction, weights, emptiness)
        elif verdict == "undecided":
            for direction, weights in self._recession(rows, lower, upper):
                verdict = self._ray_verdict(direction, weights, emptiness)
                if verdict != "undecided":
                    break
        return Unboundedness(self, verdict, direction, weights, emptiness)

    def _ray_verdict(self, direction: Array, weights: Array, emptiness: Emptiness) -> str:
        if emptiness.verdict != "no":
            return "no" if emptiness.verdict == "yes" else "undecided"
        stays, bounded = self._stays(direction), self._bounded(weights)
        return "undecided" if stays == bounded else "yes" if stays else "no"

    def _others(self) -> tuple[Array, Array]:
        rows, offsets = self.rivals()
        return np.delete(rows, self.class_index, axis=0), np.delete(offsets, self.class_index)

    def _unit_rows(self) -> Array:
        rows = self.rivals()[0]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: Array = rows / np.where(lengths > 0, lengths, 1.0)
        return unit

    def _recession(self, rows: Array, lower: Array, upper: Array) -> Iterator[tuple[Array, Array]]:
        """Directions that stay, best in the sum of their rates, and multipliers of the rows."""
        low = np.where(np.isfinite(lower), 0.0, -1.0)
        up = np.where(np.isfinite(upper), 0.0, 1.0)
        moving = low < up
        signs = np.isfinite(lower).astype(float) - np.isfinite(upper)
        used = np.linalg.norm(rows, axis=1) > 0
        part = rows[used][:, moving]
        objective = (part.sum(axis=0) + signs[moving]) / (len(rows) + len(signs))
        program = Program(
            part,
            np.zeros(len(part)),
            np.zeros(len(part)),
            low[moving],
            up[moving],
            objective=objective,
            gain=0.0,
        )
        for found in attempts(program, 1.0):
            direction, weights = np.zeros(self.head.dimension), np.ones(len(rows))
            direction[moving] = np.clip(found.point, low[moving], up[moving])
            weights[used] += np.maximum(found.multipliers, 0.0) * (len(rows) + len(signs))
            yield direction, weights

    def _stays(self, direction: Array) -> bool:
        size = float(np.abs(direction).max())
        if not size > 0:
            return False
        heading = direction / size
        lower, upper = self.sides()
        outward = (np.isfinite(lower) & (heading < -TOLERANCE)) | (np.isfinite(upper) & (heading > TOLERANCE))
        rows = self._unit_rows()
        return bool(not outward.any() and (rows @ heading).min() >= -TOLERANCE * np.linalg.norm(heading))

    def _bounded(self, weights: Array) -> bool:
        rows = self._unit_rows()
        lower, upper = self.sides()
        if (
            not (weights > 0).all()
            or _null_vector(rows[:, ~np.isfinite(lower) & ~np.isfinite(upper)]) is not None
        ):
            return False
        pull, size = weights @ rows, PARALLEL * (weights @ np.abs(rows))
        falls = np.where(np.isfinite(lower), pull < -size, True) & np.where(
            np.isfinite(upper), pull > size, True
        )
        both = np.isfinite(lower) & np.isfinite(upper)
        free = ~np.isfinite(lower) & ~np.isfinite(upper)
        return bool((falls | both)[~free].all() and (np.abs(pull) <= size)[free].all())

    def _widens(self, lower: Array, upper: Array) -> bool:
        """Whether balls of any size fit: a direction along which all sides recede."""
        rows, flat = self._unit_rows(), ~self.rivals()[0].any(axis=1)
        if (self.rivals()[1][flat] < 0).any():
            return False
        rows = rows[~flat]
        low, up = np.where(np.isfinite(lower), 0.0, -1.0), np.where(np.isfinite(upper), 0.0, 1.0)
        program = Program(rows, np.zeros(len(rows)), np.ones(len(rows)), low, up, shrink=True)
        way = maximise(program, (low + up) / 2).point
        sides = np.concatenate([rows @ way, way[np.isfinite(lower)], -way[np.isfinite(upper)]])
        return bool(len(sides) == 0 or sides.min() > TOLERANCE)


def _unit(rows: Array, offsets: Array, lower: Array, upper: Array) -> float:
    """Scale of the points that matter: bounds, and distances of the boundaries from zero."""
    lengths = np.linalg.norm(rows, axis=1)
    finite = [np.abs(side[np.isfinite(side)]) for side in (lower, upper)]
    distances = np.abs(offsets[lengths > 0]) / lengths[lengths > 0]
    scale = float(np.concatenate([distances, *finite]).max(initial=0.0))
    return scale if scale > 0 else 1.0


def _null_vector(matrix: Array) -> Array | None:
    """A unit vector that all rows are orthogonal to, or None."""
    columns = matrix.shape[1]
    if columns == 0:
        return None
    _, sizes, rows = np.linalg.svd(matrix, full_matrices=True)
    rank = int(np.count_nonzero(sizes > max(matrix.shape) * np.finfo(float).eps * sizes.max(initial=0.0)))
    vector: Array = rows[-1]
    return vector if rank < columns else None
