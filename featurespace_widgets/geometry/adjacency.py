"""Which classes are neighbours: a witness on the common face, or a proof that there is none.

Classes i and j are adjacent within the domain when a point of it has ``z_i = z_j > z_k`` for all others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from .arrays import Array, as_bounds, as_features, check_classes
from .farkas import TOLERANCE, Proof, logit_size, tie_bound
from .head import LinearHead
from .meeting import TIE, Search, some_rows

__all__ = ["Adjacency", "Proof", "Witness", "adjacency"]


@dataclass(frozen=True, eq=False)
class Witness:
    """A point (d,) of the domain where two classes tie, and by how much all others are below."""

    point: Array
    margin: float


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Neighbourhood of all pairs of classes, with a reason for each.

    Attributes
    ----------
    signs : (K, K) int8 array
        1: adjacent, with a witness; -1: not, with a proof; 0: undecided, and on the diagonal.
    points : (P, d) array
        Points of the domain. A witness lies on the segment between two of them:
    firsts, seconds, shares : (K, K) arrays
        at ``(1 - share) * points[first] + share * points[second]``; above the diagonal.
    proofs : mapping of (i, j), i < j, to Proof
    reach : float
        Norm of the points that matter (training features, bounds, boundaries): the scale of rounding.

    Notes
    -----
    In units of the largest ``|w_k| reach + |b_k|``, a witness ties to 1e-10 with a margin above 1e-9, and a
    proof's bound is at most 1e-9. Faces thinner than that count as absent.
    """

    head: LinearHead
    domain: Bounds | None
    signs: NDArray[np.int8]
    points: Array
    firsts: NDArray[np.int32]
    seconds: NDArray[np.int32]
    shares: Array
    proofs: Mapping[tuple[int, int], Proof] = field(repr=False)
    reach: float

    @property
    def adjacent(self) -> NDArray[np.bool_]:
        """(K, K) whether two classes are adjacent; False where it is undecided."""
        return self.signs > 0

    @property
    def verdicts(self) -> NDArray[np.str_]:
        """(K, K) "yes", "no" or "undecided"; a class is not its own neighbour, "no"."""
        verdicts = np.array(["undecided", "yes", "no"])[self.signs]
        np.fill_diagonal(verdicts, "no")
        return verdicts

    def witness(self, i: int, j: int) -> Witness:
        """Where classes i and j meet.

        Raises
        ------
        ValueError
            If they are not known to be adjacent.
        """
        i, j = self._pair(i, j, 1)
        share = self.shares[i, j]
        point = (1 - share) * self.points[self.firsts[i, j]] + share * self.points[self.seconds[i, j]]
        logits = self.head.weight @ point + self.head.bias
        own = min(logits[i], logits[j])
        return Witness(point, float(own - np.delete(logits, [i, j]).max(initial=-np.inf)))

    def proof(self, i: int, j: int) -> Proof:
        """Why classes i and j do not meet.

        Raises
        ------
        ValueError
            If that is not known.
        """
        return self.proofs[self._pair(i, j, -1)]

    def _pair(self, i: int, j: int, sign: int) -> tuple[int, int]:
        pair = check_classes((i, j), self.head.num_classes, (2,))
        i, j = min(pair), max(pair)
        if self.signs[i, j] != sign:
            kind, needed = ("witness", "yes") if sign > 0 else ("proof", "no")
            raise ValueError(
                f"classes {i} and {j} have no {kind}: their verdict is {str(self.verdicts[i, j])!r}, "
                f"a {kind} goes with {needed!r}"
            )
        return i, j

    def verify(self) -> NDArray[np.bool_]:
        """Recheck every pair from the stored arrays: (K, K), False where nothing is claimed."""
        right = np.eye(self.head.num_classes, dtype=bool)
        if not (self.signs == self.signs.T).all():
            return right
        weight, bias = self.head.weight, self.head.bias
        logits, inside = self.points @ weight.T + bias, _inside(self.points, self.domain)
        scale = logit_size(self.head, self.reach)
        for i in range(len(right)):
            others = np.flatnonzero(self.signs[i] > 0)
            others = others[others > i]
            a, b, t = self.firsts[i, others], self.seconds[i, others], self.shares[i, others]
            values = (1 - t)[:, None] * logits[a] + t[:, None] * logits[b]
            rows = np.arange(len(others))
            mine, theirs = values[:, i].copy(), values[rows, others].copy()
            values[:, i] = values[rows, others] = -np.inf
            margins = np.minimum(mine, theirs) - values.max(axis=1, initial=-np.inf)
            holds = (np.abs(mine - theirs) <= TIE * scale) & (margins > TOLERANCE * scale)
            holds &= (t >= 0) & (t <= 1) & inside[a] & inside[b]
            right[i, others] = right[others, i] = holds
        for (i, j), proof in self.proofs.items():
            if self.signs[i, j] < 0:
                bound = tie_bound(self.head, self.domain, (i, j), proof, scale)
                right[i, j] = right[j, i] = bound <= TOLERANCE * scale
        return right


def adjacency(
    head: LinearHead,
    domain: Bounds | None = None,
    features: ArrayLike | None = None,
    *,
    seconds: float = 60.0,
) -> Adjacency:
    """Decide for all pairs of classes whether their regions share a face inside the domain.

    The optimum of ``max t : z_i = z_j, z_i - z_k >= t, y in Omega`` is positive.

    Parameters
    ----------
    head : LinearHead
    domain : Bounds or None
        Omega; None for all of R^d. There, classes with affinely independent rows all meet.
    features : (n, d) array, optional
        Points of the domain, such as training features. They only save time: segments between them hold
        most witnesses.
    seconds : float
        When they are spent no further linear program is started: the pairs left are undecided.

    Raises
    ------
    ValueError
        If features do not fit the head.

    Examples
    --------
    >>> head = LinearHead([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [-1.0, 0.0, -1.0])
    >>> found = adjacency(head)
    >>> found.verdicts.tolist()
    [['no', 'yes', 'no'], ['yes', 'no', 'yes'], ['no', 'yes', 'no']]
    >>> found.witness(0, 1).point.round(9).tolist()[0], bool(found.verify().all())
    (-1.0, True)
    """
    search = Search(head, as_bounds(domain, head.dimension), time.perf_counter() + seconds)
    if features is not None:
        search.harvest(some_rows(as_features("features", features, head.dimension), head.num_classes))
    search.finish()
    return collect(search)


def collect(search: Search) -> Adjacency:
    """What a search has decided."""
    used = search.signs > 0
    kept, where = np.unique([search.firsts[used], search.seconds[used]], return_inverse=True)
    firsts, seconds_ = np.zeros((2, *used.shape), np.int32)
    firsts[used], seconds_[used] = where.reshape(2, -1)
    signs = search.signs + search.signs.T
    points, proofs = search.all_points()[kept], search.proofs
    return Adjacency(
        search.head, search.domain, signs, points, firsts, seconds_, search.shares, proofs, search.reach
    )


def _inside(points: Array, domain: Bounds | None) -> NDArray[np.bool_]:
    if domain is None:
        return np.ones(len(points), dtype=bool)
    slack = TIE * np.abs(points).max(axis=1, initial=0.0)[:, None]
    inside: NDArray[np.bool_] = ((points >= domain.lb - slack) & (points <= domain.ub + slack)).all(axis=1)
    return inside
