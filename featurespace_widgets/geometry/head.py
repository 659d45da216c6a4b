"""The affine head: the last layer of a classifier, from which everything here follows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Array, as_matrix, as_vector

__all__ = ["LinearHead"]


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
    def pair_norms(self) -> Array:
        """(K, K) lengths ``|w_i - w_j|`` of the boundary normals."""
        # From differences, not from the Gram matrix: equal rows must give exactly zero.
        norms = np.empty((self.num_classes, self.num_classes))
        for index, row in enumerate(self.weight):
            norms[index] = np.linalg.norm(self.weight - row, axis=1)
        return norms

    def radius(self, features: ArrayLike) -> Array:
        """Distance to the nearest decision boundary of R^d: (n, d) -> (n,).

        ``r_i(y) = min_j (z_i - z_j) / |w_i - w_j|`` with i the class of y. The ball of this radius
        is certified: every point in it has class i, in R^d and so in every domain. Infinite where
        no other class has a boundary with class i.
        """
        logits = self.logits(features)
        winner = logits.argmax(axis=1)
        gaps = logits[np.arange(len(logits)), winner][:, None] - logits
        norms = self.pair_norms[winner]
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.where(norms > 0, gaps / norms, np.inf)
        radius: Array = distances.min(axis=1, initial=np.inf)
        return radius
