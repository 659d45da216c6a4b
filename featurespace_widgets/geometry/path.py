"""Class intervals of a straight segment: the upper envelope of K affine functions of one number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, as_vector
from .head import LinearHead

__all__ = ["Path", "path"]

TIE = 1e-12  # relative to the logits' size: differences below it are rounding
TOLERANCE = 1e-10  # the same, for checking


@dataclass(frozen=True, eq=False)
class Path:
    """The classes along the segment ``a + t (b - a)``, t in [0, 1].

    Cells are convex, so each class has at most one interval. Where classes tie along the whole
    interval the lowest index has it; a class that is met in one point only is left out.

    Attributes
    ----------
    start, end : (d,) arrays
    breakpoints : (m + 1,) array
        From 0 to 1, strictly increasing.
    classes : (m,) array
        Class ``classes[k]`` wins from ``breakpoints[k]`` to ``breakpoints[k + 1]``.
    """

    head: LinearHead
    start: Array
    end: Array
    breakpoints: Array
    classes: NDArray[np.int64]

    def points(self, t: ArrayLike) -> Array:
        """Feature vectors at parameters t: (n,) -> (n, d)."""
        share = np.atleast_1d(np.asarray(t, np.float64))[:, None]
        points: Array = (1.0 - share) * self.start + share * self.end
        return points

    def class_at(self, t: ArrayLike) -> NDArray[np.int64]:
        """Classes at parameters t in [0, 1]: (n,) -> (n,); at a breakpoint the later class."""
        inner = self.breakpoints[1:-1]
        classes: NDArray[np.int64] = self.classes[np.searchsorted(inner, np.atleast_1d(t), side="right")]
        return classes

    def verify(self) -> bool:
        """Recompute logits at both ends of every interval: a class that wins at both wins between.

        Within 1e-10 of the size ``max_k |w_k| |y| + |b_k|`` that logits are computed from.
        """
        t, classes = np.asarray(self.breakpoints), np.asarray(self.classes)
        if len(t) != len(classes) + 1 or t[0] != 0.0 or t[-1] != 1.0 or not (np.diff(t) > 0).all():
            return False
        if len(np.unique(classes)) != len(classes):
            return False
        logits = self.points(t) @ self.head.weight.T + self.head.bias
        slack = TOLERANCE * _size(self.head, self.start, self.end)
        above = logits.max(axis=1) - slack
        rows = np.arange(len(classes))
        wins = (logits[rows, classes] >= above[:-1]) & (logits[rows + 1, classes] >= above[1:])
        return bool(wins.all())


def path(head: LinearHead, a: ArrayLike, b: ArrayLike) -> Path:
    """Exact class intervals of the segment from a (d,) to b (d,).

    Every logit is affine in t, so from the class that wins at t the next is the steeper one that
    crosses it first: at most K steps, ``t = -g_ij(a) / (v_ij . (b - a))``.

    Raises
    ------
    ValueError
        If a or b is not a finite feature vector.

    Examples
    --------
    >>> found = path(LinearHead([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), [1.0, 0.0], [-1.0, 2.0])
    >>> found.breakpoints.tolist(), found.classes.tolist(), found.verify()
    ([0.0, 0.25, 1.0], [0, 1], True)
    """
    start, end = as_vector("a", a, head.dimension), as_vector("b", b, head.dimension)
    first = head.weight @ start + head.bias
    last = head.weight @ end + head.bias
    tie = TIE * _size(head, start, end)
    near = np.flatnonzero(first >= first.max() - tie)
    current = int(near[last[near] >= last[near].max() - tie][0])
    breakpoints, classes = [0.0], [current]
    while True:
        rising = np.flatnonzero(last - last[current] > tie)
        if not len(rising):
            break
        gap = np.maximum(first[current] - first[rising], 0.0)
        crossings = gap / (gap + (last[rising] - last[current]))
        t = max(float(crossings.min()), breakpoints[-1])
        together = rising[crossings <= t + TIE]
        current = int(together[last[together] >= last[together].max() - tie][0])
        if t >= 1.0 - TIE:
            break
        if t <= breakpoints[-1] + TIE:  # met in one point only
            classes[-1] = current
        else:
            breakpoints.append(t)
            classes.append(current)
    return Path(head, start, end, np.array([*breakpoints, 1.0]), np.array(classes, dtype=np.int64))


def _size(head: LinearHead, *points: Array) -> float:
    """What logits are sums of, as a scale for their rounding."""
    reach = max(float(np.linalg.norm(point)) for point in points)
    return float((head.row_lengths * reach + np.abs(head.bias)).max())
