"""Moving a feature vector far without changing any margin: along null directions, within the domain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import Bounds, linprog

from .arrays import Array, as_matrix, as_vector
from .directions import main_directions
from .head import LinearHead

__all__ = ["NullShift", "null_direction", "null_shift"]

TOLERANCE = 1e-7  # relative, for margins and bounds


@dataclass(frozen=True, eq=False)
class NullShift:
    """A segment through y on which no logit difference changes, with both ends in the domain.

    Attributes
    ----------
    head : LinearHead
    domain : Bounds or None
    y : (d,) array
    direction : (d,) array
        Unit vector of the null space.
    ends : (2, d) array
        The farthest points against and along `direction`; they may lie beside the straight line, where
        the domain's edges would stop it at once.
    limits : (2,) array
        How far they lie along `direction`, first at most 0, second at least 0.
    reach : (d,) array
        Largest change of each feature that was allowed besides the domain.
    """

    head: LinearHead
    domain: Bounds | None
    y: Array
    direction: Array
    ends: Array
    limits: Array
    reach: Array

    def at(self, share: float) -> Array:
        """The point (d,) at a share of the way: -1 and 1 are the ends, 0 is y."""
        end = self.ends[int(share > 0)]
        point: Array = self.y + abs(share) * (end - self.y)
        return point

    def verify(self) -> bool:
        """Both ends have the logit differences of y and lie in the domain and within reach."""
        logits = np.vstack([self.y, self.ends]) @ self.head.weight.T
        change = (logits[1:] - logits[0]) - (logits[1:] - logits[0]).mean(axis=1, keepdims=True)
        size = 1.0 + max(np.abs(self.ends).max(), np.abs(self.y).max())
        slack = TOLERANCE * size
        steady = np.abs(change).max() <= slack * (1.0 + np.abs(self.head.weight).sum(axis=1).max())
        near = (np.abs(self.ends - self.y) <= self.reach + slack).all()
        low, high = (-np.inf, np.inf) if self.domain is None else (self.domain.lb, self.domain.ub)
        return bool(
            steady and near and (self.ends >= low - slack).all() and (self.ends <= high + slack).all()
        )


def null_direction(head: LinearHead, features: ArrayLike) -> Array | None:
    """The null direction (d,) along which features (n, d) vary most; None where there is none."""
    basis = head.null_basis
    points = as_matrix("features", features, head.dimension)
    if not len(basis):
        return None
    found = main_directions((points - points.mean(axis=0)) @ basis.T, 1)
    direction: Array = found[0] @ basis if len(found) else basis[0]
    return direction


def null_shift(
    head: LinearHead, domain: Bounds | None, y: ArrayLike, direction: ArrayLike, reach: ArrayLike
) -> NullShift:
    """How far y (d,) can go along a null direction (d,) in the domain, by two linear programs.

    Maximises ``+-direction . m`` over moves m with ``R m = 0`` (R the relevant basis), ``y + m`` in the
    domain and ``|m_k| <= reach_k``.

    Examples
    --------
    >>> head = LinearHead([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> shift = null_shift(head, Bounds([0, 0, 0], [9, 4, 9]), [1, 1, 1], [0, 1, 0], [9, 9, 9])
    >>> shift.limits.tolist(), shift.verify()
    ([-1.0, 3.0], True)
    """
    start = as_vector("y", y, head.dimension)
    along = as_vector("direction", direction, head.dimension)
    most = as_vector("reach", reach, head.dimension)
    relevant = head.relevant_basis
    low, high = -most, most
    if domain is not None:  # a start that is outside by rounding stays where it is
        low = np.maximum(low, np.minimum(domain.lb - start, 0.0))
        high = np.minimum(high, np.maximum(domain.ub - start, 0.0))
    ends = np.tile(start, (2, 1))
    for k, sign in enumerate((-1.0, 1.0)):
        found = linprog(
            -sign * along, A_eq=relevant, b_eq=np.zeros(len(relevant)), bounds=np.column_stack([low, high])
        )
        if found.x is not None:
            ends[k] += found.x
    return NullShift(head, domain, start, along, ends, (ends - start) @ along, most)
