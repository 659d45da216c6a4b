"""The affine head: the last layer of a classifier, from which everything here follows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, as_matrix, as_vector, check_classes

__all__ = ["LinearHead"]

NEAR_ROWS = 1e-3  # relative squared length below which |w_i - w_j| is computed from the difference


class LinearHead:
    """The map ``z = W y + b`` from features to logits; the class is the argmax.

    Parameters
    ----------
    weight : array_like, shape (K, d)
        Rows ``w_i``; K >= 2, d >= 2. One row, the logit of a binary classifier, becomes the two
        classes with logits ``(0, z)``.
    bias : array_like, shape (K,), optional
        Zero if not given.
    class_names : sequence of str, optional
        K names; ``"class 0"``, ... if not given.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or names do not match K.

    Examples
    --------
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]], class_names=["right", "up"])
    >>> head.predict([[3.0, 1.0], [0.0, 2.0]])
    array([0, 1])
    >>> head.radius([[3.0, 1.0]]).round(3)
    array([1.414])
    """

    def __init__(
        self,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        class_names: Sequence[str] | None = None,
    ) -> None:
        matrix = as_matrix("weight", weight)
        rows, d = matrix.shape
        if rows < 1 or d < 2:
            raise ValueError(f"weight must have shape (K, d) with K >= 2 and d >= 2, received {matrix.shape}")
        offset = np.zeros(rows) if bias is None else as_vector("bias", bias, rows)
        if rows == 1:
            matrix, offset = np.vstack([np.zeros(d), matrix]), np.append(0.0, offset)
        self.weight: Array = matrix
        self.bias: Array = offset
        self.class_names = self._names(class_names, len(matrix))

    @staticmethod
    def _names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
        if names is None:
            return tuple(f"class {index}" for index in range(count))
        if isinstance(names, str) or len(names) != count or not all(isinstance(n, str) for n in names):
            received = f"the text {names!r}" if isinstance(names, str) else f"{len(names)} names"
            raise ValueError(f"class_names must be {count} texts, one for each class, received {received}")
        return tuple(names)

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return len(self.weight)

    @property
    def dimension(self) -> int:
        """Number of features d."""
        return int(self.weight.shape[1])

    def __repr__(self) -> str:
        return f"LinearHead({self.num_classes} classes, {self.dimension} features)"

    def logits(self, features: ArrayLike) -> Array:
        """Logits of features: (n, d) -> (n, K)."""
        return as_matrix("features", features, self.dimension) @ self.weight.T + self.bias

    def predict(self, features: ArrayLike) -> NDArray[np.int64]:
        """Classes of features: (n, d) -> (n,); the lowest index where logits tie."""
        classes: NDArray[np.int64] = self.logits(features).argmax(axis=1)
        return classes

    @cached_property
    def row_lengths(self) -> Array:
        """(K,) lengths ``|w_i|`` of the weight rows."""
        lengths: Array = np.linalg.norm(self.weight, axis=1)
        return lengths

    @cached_property
    def pair_norms(self) -> Array:
        """(K, K) lengths ``|w_i - w_j|`` of the boundary normals."""
        return self.normal_lengths(np.arange(self.num_classes))

    def normal_lengths(self, classes: ArrayLike) -> Array:
        """Lengths ``|w_i - w_j|`` of the normals between some classes and all: (m,) -> (m, K)."""
        rows = np.asarray(classes, dtype=np.intp)
        squares = np.square(self.weight).sum(axis=1)
        both = squares[rows, None] + squares
        lengths: Array = both - 2.0 * self.weight[rows] @ self.weight.T
        # Near rows cancel in this form; from differences, equal rows give exactly zero.
        near = lengths <= NEAR_ROWS * both
        lengths[near] = 0.0
        np.sqrt(lengths, out=lengths)
        for index in np.flatnonzero(near.any(axis=1)):
            others = np.flatnonzero(near[index])
            lengths[index, others] = np.linalg.norm(self.weight[others] - self.weight[rows[index]], axis=1)
        return lengths

    @cached_property
    def _subspaces(self) -> tuple[Array, Array]:
        centred = self.weight - self.weight.mean(axis=0)
        _, sizes, rows = np.linalg.svd(centred, full_matrices=True)
        rank = int(
            np.count_nonzero(sizes > max(centred.shape) * np.finfo(float).eps * np.abs(self.weight).max())
        )
        return rows[:rank], rows[rank:]

    @property
    def relevant_basis(self) -> Array:
        """(r, d) orthonormal rows that span the directions in which any logit difference changes.

        The row space of ``W - mean row``; r <= min(K - 1, d).

        Examples
        --------
        >>> head = LinearHead([[1.0, 0.0, 5.0], [0.0, 1.0, 5.0]])
        >>> head.relevant_basis.shape, head.null_basis.shape
        ((1, 3), (2, 3))
        """
        return self._subspaces[0]

    @property
    def null_basis(self) -> Array:
        """(d - r, d) orthonormal rows: moving along them changes no logit difference at all."""
        return self._subspaces[1]

    def depth(self, features: ArrayLike, class_index: int) -> Array:
        """Signed distance to the boundary of one class's cell in R^d: (n, d) -> (n,).

        ``min_j (z_i - z_j) / |w_i - w_j|``: positive inside the cell, where it is the radius of the
        largest ball around y that stays inside; negative outside. As a minimum of affine functions it is
        concave. Infinite where no boundary with another class exists.

        Raises
        ------
        ValueError
            If there is no such class.
        """
        (index,) = check_classes([class_index], self.num_classes, (1,))
        logits = self.logits(features)
        depth: Array = _scaled(logits[:, [index]] - logits, self.normal_lengths([index])).min(axis=1)
        return depth

    def radius(self, features: ArrayLike) -> Array:
        """Distance to the nearest decision boundary of R^d: (n, d) -> (n,).

        ``r_i(y) = min_j (z_i - z_j) / |w_i - w_j|`` with i the class of y. The ball of this radius
        is certified: every point in it has class i, in R^d and so in every domain. Infinite where
        no other class has a boundary with class i.
        """
        logits = self.logits(features)
        winners, of_winner = np.unique(logits.argmax(axis=1), return_inverse=True)
        gaps = logits.max(axis=1, keepdims=True) - logits
        radius: Array = _scaled(gaps, self.normal_lengths(winners)[of_winner]).min(axis=1)
        return radius


def _scaled(gaps: Array, lengths: Array) -> Array:
    """Logit gaps as distances; a gap without a boundary is infinitely far on its side."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(lengths > 0, gaps / lengths, np.where(gaps < 0, -np.inf, np.inf))
