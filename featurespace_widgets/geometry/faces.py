"""Closest points on the boundaries between the class of a feature vector and every other class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from .arrays import Array, as_bounds, as_vector
from .head import LinearHead
from .projection import TOLERANCE, Multipliers, closest_ties, farkas_holds, relative_gap, residual

__all__ = ["Faces", "faces"]


@dataclass(frozen=True, eq=False)
class Faces:
    """Closest points to y at which its class i ties with each other class and no third one is above.

    Attributes
    ----------
    head : LinearHead
    domain : Bounds or None
    y : (d,) array
    class_index : int
        The class i of y.
    distance : (K,) array
        ``|y' - y|``; infinite where the classes do not meet in the domain, NaN where undecided and for i.
    points : (K, d) array
        The closest points y'; NaN where there is none.
    verdicts : (K,) array of str
        "yes": `points` is the witness, and the multipliers prove that none is closer; "no": the
        multipliers prove that the classes do not meet in the domain; else "undecided", also for i itself.
    gaps : (K,) array
        Relative duality gaps of the squared distances; NaN where there is no point.
    certificate : tuple of K Multipliers
        Combinations ``sum_k l_k (z_i - z_k)``, by Lagrange where a point is, by Farkas where there is none.
    """

    head: LinearHead
    domain: Bounds | None
    y: Array
    class_index: int
    distance: Array
    points: Array
    verdicts: NDArray[np.str_]
    gaps: Array
    certificate: tuple[Multipliers, ...]

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """(K,) whether a point of the boundary is in the domain; False where undecided."""
        found: NDArray[np.bool_] = self.verdicts == "yes"
        return found

    def verify(self) -> NDArray[np.bool_]:
        """Check every point and proof again: (K,) bool, to 1e-9.

        A point must be in the domain, its logits tie with none above, and the Lagrangian bound equal half
        its squared distance; a proof must be negative in the whole domain. Undecided answers are False.
        """
        return np.array([self._holds(j) for j in range(len(self.verdicts))])

    def _holds(self, j: int) -> bool:
        i, found, head, domain = self.class_index, self.certificate[j], self.head, self.domain
        if self.verdicts[j] == "no":
            return bool(np.isposinf(self.distance[j])) and farkas_holds(head, domain, i, (j,), found)
        if self.verdicts[j] != "yes":
            return False
        point = self.points[j]
        return holds(head, domain, self.y, (i, j), point, float(self.distance[j]), found)


def holds(
    head: LinearHead,
    domain: Bounds | None,
    y: Array,
    classes: tuple[int, ...],
    point: Array,
    distance: float,
    found: Multipliers,
) -> bool:
    """Whether a point is a closest tie of classes, by its multipliers."""
    reference, tied = classes[0], classes[1:]
    if not np.isfinite(point).all() or (found.values[~np.isin(found.classes, tied)] < 0).any():
        return False
    if domain is not None and ((point < domain.lb) | (point > domain.ub)).any():
        return False
    reach = max(float(np.linalg.norm(y)), float(np.linalg.norm(point)))
    off = residual(head, head.weight @ point + head.bias, reference, tied, reach)
    gap = relative_gap(head, domain, y, reference, point, found)
    right = abs(float(np.linalg.norm(point - y)) - distance) <= TOLERANCE * distance + 1e-12 * reach
    return off <= 2 * TOLERANCE and gap <= 2 * TOLERANCE and right


def faces(head: LinearHead, domain: Bounds | None, y: ArrayLike) -> Faces:
    """Closest boundary point with every other class: ``min |y' - y| : z_i = z_j >= z_k, y' in the domain``.

    Parameters
    ----------
    head : LinearHead
    domain : scipy.optimize.Bounds or None
        None for all of R^d.
    y : (d,) array_like
        A feature vector, also outside the domain; i is its class.

    Examples
    --------
    >>> from scipy.optimize import Bounds
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> found = faces(head, Bounds(0, np.inf), [3.0, 1.0])
    >>> found.points[1], found.verdicts
    (array([2., 2.]), array(['undecided', 'yes', 'yes'], dtype='<U9'))
    >>> found.verify()
    array([False,  True,  True])
    """
    box = as_bounds(domain, head.dimension)
    vector = as_vector("y", y, head.dimension)
    own = int((head.weight @ vector + head.bias).argmax())
    others = [j for j in range(head.num_classes) if j != own]
    found = dict(zip(others, closest_ties(head, box, vector, own, [(j,) for j in others]), strict=True))
    count = head.num_classes
    distance, gaps = np.full((2, count), np.nan)
    points, verdicts = np.full((count, head.dimension), np.nan), np.full(count, "undecided")
    none = Multipliers(np.empty(0, np.intp), np.empty(0))
    for j, answer in found.items():
        verdicts[j], gaps[j], points[j] = answer.verdict, answer.gap, answer.point
        distance[j] = np.nan if answer.verdict == "undecided" else answer.distance
    certificate = tuple(found[j].multipliers if j in found else none for j in range(count))
    return Faces(head, box, vector, own, distance, points, verdicts, gaps, certificate)
