"""Banks: feature vectors of real data with their labels and images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.arrays import Array, Features, as_features
from ..geometry.head import LinearHead

__all__ = ["Bank", "in_unit"]


def in_unit(images: NDArray[Any]) -> Array:
    """Images as they are stored, uint8 or floats in [0, 1], as float64 in [0, 1]."""
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    values: Array = np.clip(images.astype(np.float64) / scale, 0.0, 1.0)
    return values


@dataclass(frozen=True)
class Bank:
    """Feature vectors (n, d) of real data, with labels (n,) and images (n, C, H, W) where there are.

    Images are stored as they came: uint8, or floats in [0, 1]. So are float32 features, whose
    memory-mapped files may be larger than memory; all others become float64.
    """

    features: Features
    labels: NDArray[np.int64] | None = None
    images: NDArray[Any] | None = None

    @classmethod
    def checked(cls, head: LinearHead, features: Any, labels: Any = None, images: Any = None) -> Bank:
        """Check a bank against its head; a ValueError says what was received and what is allowed."""
        matrix = as_features("features", features, head.dimension)
        if not len(matrix):
            raise ValueError("features must hold at least one row, received an empty bank")
        return cls(matrix, _labels(labels, len(matrix), head.num_classes), _images(images, len(matrix)))

    def __len__(self) -> int:
        return len(self.features)


def _labels(labels: Any, count: int, num_classes: int) -> NDArray[np.int64] | None:
    if labels is None:
        return None
    array = np.asarray(labels)
    if array.shape != (count,) or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"labels must be {count} whole numbers, received shape {array.shape} of {array.dtype}"
        )
    if array.size and (array.min() < 0 or array.max() >= num_classes):
        raise ValueError(
            f"labels must lie between 0 and {num_classes - 1}, received {array.min()} to {array.max()}"
        )
    return array.astype(np.int64)


def _images(images: Any, count: int) -> NDArray[Any] | None:
    if images is None:
        return None
    array = np.asarray(images)
    if array.ndim != 4 or len(array) != count or array.shape[1] not in (1, 3):
        raise ValueError(f"images must have shape ({count}, 1 or 3, H, W), received {array.shape}")
    if array.dtype == np.uint8:
        return array
    if (
        not np.issubdtype(array.dtype, np.floating)
        or not np.isfinite(array).all()
        or array.min() < 0
        or array.max() > 1
    ):
        raise ValueError(f"images must be uint8, or finite floats in [0, 1]; received {array.dtype}")
    return array
