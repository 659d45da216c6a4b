"""Directions along which points spread most."""

from __future__ import annotations

import numpy as np

from .arrays import Array

__all__ = ["main_directions"]

FLAT = 1e-9  # spread below this share of the points' size is none


def main_directions(centred: Array, count: int, across: Array | None = None) -> Array:
    """Main directions of centred points, as orthonormal rows, the widest first.

    Parameters
    ----------
    centred : (n, d) array
        Points less their centre.
    count : int
        At most so many; fewer where the points do not spread.
    across : (d,) array, optional
        Only directions orthogonal to it.

    Returns
    -------
    (m, d) array, m <= count

    Examples
    --------
    >>> points = np.array([[3.0, 0.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]])
    >>> np.abs(main_directions(points, 3)).round(6).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    >>> np.abs(main_directions(points, 1, across=np.array([2.0, 0.0, 0.0]))).round(6).tolist()
    [[0.0, 1.0, 0.0]]
    """
    if not centred.size:
        return np.empty((0, centred.shape[1]))
    flat = centred
    if across is not None:
        unit = across / np.linalg.norm(across)
        flat = centred - np.outer(centred @ unit, unit)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    least = FLAT**2 * max(float(np.square(centred).sum()), 1e-300)
    wide = np.flatnonzero(values > least)[::-1][:count]
    main: Array = vectors[:, wide].T
    return main
