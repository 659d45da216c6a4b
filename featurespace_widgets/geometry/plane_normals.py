"""Unit vectors orthogonal to a plane, among points that are equal in some columns."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .pricing import Rows

__all__ = ["across", "orthogonal"]

DEAD = 1e-10  # slopes of a unit vector below this are zero


def orthogonal(vector: Array, basis: Array) -> Array:
    """Unit vector along the part of a vector that is orthogonal to the plane: (d,), (2, d) -> (d,)."""
    vector = vector - (basis @ vector) @ basis
    vector = vector - (basis @ vector) @ basis
    unit: Array = vector / np.linalg.norm(vector)
    return unit


def across(basis: Array, live: Rows, offset: Array) -> tuple[Array, Array]:
    """Unit normals of the plane along which points differ, and the offset along which they cannot.

    In constant columns D all points are equal. Orthogonal to the plane B are: vectors of the other
    columns L orthogonal to ``B_L``; for each left singular vector a of ``B_D`` with a positive singular
    value, the part of ``(B_L' a, 0)`` orthogonal to the plane; and vectors of D orthogonal to ``B_D``.
    """
    dead = np.setdiff1d(np.arange(basis.shape[1]), live)
    left, sizes, right = np.linalg.svd(basis[:, dead] if len(dead) else np.zeros((2, 1)))
    part = basis[:, live]
    slopes = left.T @ part
    lengths = np.linalg.norm(slopes, axis=1)
    shown = lengths > DEAD
    full = np.linalg.qr((slopes[shown] / lengths[shown, None]).T, mode="complete")[0].T
    plain = np.zeros((len(live) - shown.sum(), basis.shape[1]))
    plain[:, live] = full[shown.sum() :]
    sizes = np.append(sizes, [0.0, 0.0])[:2]
    mixed = []
    for k in np.flatnonzero(shown & (sizes > DEAD)):
        normal = np.zeros(basis.shape[1])
        normal[live] = slopes[k] / lengths[k]
        mixed.append(orthogonal(normal, basis))
    constant = np.zeros(basis.shape[1])
    if len(dead):
        kept = right[: np.count_nonzero(sizes > DEAD)]
        constant[dead] = offset[dead] - (kept @ offset[dead]) @ kept
    return np.vstack([plain, *mixed]) if mixed else plain, constant
