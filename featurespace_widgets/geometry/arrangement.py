"""How boundaries lie to each other: distances of a point from all of them, angles between their normals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Array, as_vector, check_classes
from .head import LinearHead

__all__ = ["class_angles", "normal_angles", "pair_distances"]


def pair_distances(head: LinearHead, y: ArrayLike, classes: Sequence[int]) -> Array:
    """Distances (m, m) of a point from the hyperplanes ``z_i = z_j`` of classes, whoever wins there.

    ``|z_i - z_j| / |w_i - w_j|`` in R^d; infinite where there is no such hyperplane, zero on the diagonal.

    Examples
    --------
    >>> head = LinearHead([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> pair_distances(head, [3.0, 1.0], [0, 1, 2]).round(3).tolist()
    [[0.0, 3.0, 1.0], [3.0, 0.0, 2.236], [1.0, 2.236, 0.0]]
    """
    chosen = list(check_classes(classes, head.num_classes, (len(classes),)))
    logits = head.logits(as_vector("y", y, head.dimension)[None])[0, chosen]
    gaps = np.abs(logits[:, None] - logits)
    lengths = head.normal_lengths(chosen)[:, chosen]
    distances: Array = np.where(lengths > 0, gaps / np.where(lengths > 0, lengths, 1.0), np.inf)
    np.fill_diagonal(distances, 0.0)
    return distances


def normal_angles(head: LinearHead, own: int, classes: Sequence[int]) -> Array:
    """Angles (m, m) in degrees between the normals ``w_own - w_j`` and ``w_own - w_k`` of classes.

    NaN where a normal is zero, as that of `own` itself.

    Examples
    --------
    >>> head = LinearHead([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    >>> normal_angles(head, 0, [1, 2]).round(6).tolist()
    [[0.0, 90.0], [90.0, 0.0]]
    """
    (index,) = check_classes([own], head.num_classes, (1,))
    chosen = list(check_classes(classes, head.num_classes, (len(classes),)))
    return _angles(head.weight[index] - head.weight[chosen])


def class_angles(head: LinearHead, classes: Sequence[int]) -> Array:
    """Angles (m, m) in degrees between the rows ``w_k - mean row`` of classes; the mean is that of all K.

    All equal to ``arccos(-1 / (K - 1))`` in neural collapse (arXiv 2008.08186).

    Examples
    --------
    >>> import numpy as np
    >>> class_angles(LinearHead(np.eye(3)), [0, 1]).round(6).tolist()
    [[0.0, 120.0], [120.0, 0.0]]
    """
    chosen = list(check_classes(classes, head.num_classes, (len(classes),)))
    return _angles(head.weight[chosen] - head.weight.mean(axis=0))


def _angles(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=1)
    unit = rows / np.where(lengths > 0, lengths, np.nan)[:, None]
    # Half angles from sums and differences keep their digits near 0 and 180 degrees.
    apart = np.linalg.norm(unit[:, None] - unit, axis=2)
    along = np.linalg.norm(unit[:, None] + unit, axis=2)
    angles: Array = np.degrees(2.0 * np.arctan2(apart, along))
    return angles
