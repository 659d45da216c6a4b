"""Proofs that something is nowhere in the domain, by Farkas' lemma."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds

from .arrays import Array
from .head import LinearHead

__all__ = ["PARALLEL", "TOLERANCE", "Proof", "largest_value", "logit_size", "tie_bound"]

TOLERANCE = 1e-9  # margins and bounds, relative to what logits are sums of
PARALLEL = 1e-10  # a sum of normals below this share of its terms cancels


@dataclass(frozen=True, eq=False)
class Proof:
    """Why two classes have no common face, by Farkas' lemma.

    ``sum_k multipliers[k] (z_i - z_k) + tie (z_i - z_j)`` is at most `bound` times the sum of the
    non-negative multipliers in the whole domain, so no tie is above all others by more than `bound`.

    Attributes
    ----------
    classes, multipliers : (m,) arrays
    tie : float
        Of any sign; of a proof without rivals, ``tie (z_i - z_j)`` is negative in the whole domain.
    bound : float
    """

    classes: NDArray[np.intp]
    multipliers: Array
    tie: float
    bound: float


def largest_value(slopes: Array, sizes: Array, domain: Bounds | None) -> float:
    """Largest value of ``slopes . y`` in the domain; slopes below 1e-10 of `sizes` count as cancelled.

    Only where the domain has no bound: slopes are sums, `sizes` the sums of the terms' absolute values, and
    what is left of a sum that cancels is rounding.
    """
    up, down = slopes > 0, slopes < 0
    if domain is None:
        return 0.0 if (np.abs(slopes) <= PARALLEL * sizes).all() else np.inf
    ends = np.where(up, domain.ub, np.where(down, domain.lb, 0.0))
    open_end = ~np.isfinite(ends)
    if (np.abs(slopes[open_end]) > PARALLEL * sizes[open_end]).any():
        return np.inf
    return float(slopes[~open_end] @ ends[~open_end])


def logit_size(head: LinearHead, reach: float) -> float:
    """What logits are sums of at points of norm `reach`: the scale of their rounding."""
    return float((reach * head.row_lengths + np.abs(head.bias)).max())


def tie_bound(
    head: LinearHead, domain: Bounds | None, pair: tuple[int, int], proof: Proof, scale: float
) -> float:
    """Upper bound of ``min_k z_i - z_k`` over all ties of a pair in the domain, by its proof."""
    i, j = pair
    total = float(proof.multipliers.sum())
    if (proof.multipliers < 0).any() or set(pair) & set(proof.classes.tolist()):
        return np.inf
    rows = head.weight[i] - head.weight[[*proof.classes.tolist(), j]]
    offsets = head.bias[i] - head.bias[[*proof.classes.tolist(), j]]
    weights = np.append(proof.multipliers, proof.tie)
    value = largest_value(weights @ rows, np.abs(weights) @ np.abs(rows), domain) + float(weights @ offsets)
    if total > 0:
        return value / total
    return -np.inf if value < -TOLERANCE * abs(proof.tie) * scale else np.inf
