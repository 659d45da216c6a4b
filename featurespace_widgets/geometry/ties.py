"""Ambiguity: feature vectors at which chosen classes tie and none other is above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds

from .arrays import Array, as_bounds, as_vector, check_classes
from .faces import holds
from .head import LinearHead
from .projection import TOLERANCE, Multipliers, closest_ties, farkas_holds, relative_gap, residual

__all__ = ["Ambiguity", "ambiguous"]


@dataclass(frozen=True, eq=False)
class Ambiguity:
    """The closest point to y at which the chosen classes tie and no other is above.

    Attributes
    ----------
    head : LinearHead
    domain : Bounds or None
    y : (d,) array
    classes : tuple of int
    verdict : str
        "yes": `point` is the witness and the multipliers prove that none is closer; "no": the multipliers
        prove that there is none in the domain; else "undecided".
    point : (d,) array
        NaN where there is none.
    distance : float
        ``|point - y|``; infinite where there is no point.
    gap : float
        Relative duality gap of the squared distance.
    certificate : Multipliers
        Of ``z_i - z_k`` with i the first chosen class.
    """

    head: LinearHead
    domain: Bounds | None
    y: Array
    classes: tuple[int, ...]
    verdict: str
    point: Array
    distance: float
    gap: float
    certificate: Multipliers

    def verify(self) -> bool:
        """Check the point or the proof again, to 1e-9; an undecided answer claims nothing: False."""
        if self.verdict == "no":
            return farkas_holds(
                self.head, self.domain, self.classes[0], self.classes[1:], self.certificate
            ) and bool(np.isposinf(self.distance))
        return self.verdict == "yes" and holds(
            self.head, self.domain, self.y, self.classes, self.point, self.distance, self.certificate
        )


def ambiguous(head: LinearHead, domain: Bounds | None, y: ArrayLike, classes: Sequence[int]) -> Ambiguity:
    """Closest point to y at which 2 to K classes tie and no other is above, in the domain.

    Where all K classes are chosen and there is no domain, this is ``y - Wc^+ (z - mean z)`` with
    ``Wc = W - mean row``, where the tie can be solved.

    Parameters
    ----------
    head : LinearHead
    domain : scipy.optimize.Bounds or None
    y : (d,) array_like
    classes : sequence of int

    Examples
    --------
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    >>> found = ambiguous(head, None, [3.0, 1.0], [0, 1])
    >>> found.point, found.verdict, found.verify()
    (array([2., 2.]), 'yes', True)
    """
    count = head.num_classes
    chosen = _chosen(classes, count)
    box = as_bounds(domain, head.dimension)
    vector = as_vector("y", y, head.dimension)
    if box is None and len(chosen) == count:
        whole = _of_all(head, vector, chosen)
        if whole.verdict == "yes":
            return whole
    (found,) = closest_ties(head, box, vector, chosen[0], [chosen[1:]])
    return Ambiguity(
        head, box, vector, chosen, found.verdict, found.point, found.distance, found.gap, found.multipliers
    )


def _chosen(classes: Sequence[int], count: int) -> tuple[int, ...]:
    size = len(classes)
    if not 2 <= size <= count:
        raise ValueError(f"classes must be 2 to {count} different indices, received {size}")
    return check_classes(classes, count, (size,))


def _of_all(head: LinearHead, y: Array, chosen: tuple[int, ...]) -> Ambiguity:
    """The tie of all classes in R^d by least squares, with its multipliers."""
    others = np.array(chosen[1:], dtype=np.intp)
    rows = head.weight[chosen[0]] - head.weight[others]
    slack = rows @ y + head.bias[chosen[0]] - head.bias[others]
    move = np.linalg.lstsq(rows, -slack, rcond=None)[0]
    values = np.linalg.lstsq(rows.T, move, rcond=None)[0]
    point, found = y + move, Multipliers(others, values)
    reach = max(float(np.linalg.norm(y)), float(np.linalg.norm(point)))
    off = residual(head, head.weight @ point + head.bias, chosen[0], chosen[1:], reach)
    gap = relative_gap(head, None, y, chosen[0], point, found)
    verdict = "yes" if off <= TOLERANCE and gap <= TOLERANCE else "undecided"
    distance = float(np.linalg.norm(move))
    return Ambiguity(head, None, y, chosen, verdict, point, distance, gap, found)
