"""Checks at the door: arrays become finite float64 of a known shape, or a sentence says why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds

__all__ = [
    "Array",
    "Features",
    "as_bounds",
    "as_features",
    "as_matrix",
    "as_vector",
    "blocks",
    "check_classes",
]

Array = NDArray[np.float64]
Features = NDArray[np.float64] | NDArray[np.float32]  # many rows, maybe memory-mapped

BLOCK_BYTES = 64 * 2**20  # of float64, the most that is converted at a time


def _finite(name: str, value: Any) -> Array:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be an array of numbers, received {type(value).__name__} ({error})"
        ) from None
    bad = np.count_nonzero(~np.isfinite(array))
    if bad:
        raise ValueError(f"{name} must be finite, received {bad} NaN or infinite of {array.size} values")
    return array


def as_matrix(name: str, value: Any, columns: int | None = None) -> Array:
    """Finite (n, columns) float64; one row may be given as a vector when `columns` is known."""
    array = _finite(name, value)
    if columns is not None and array.shape == (columns,):
        array = array[None]
    if array.ndim != 2 or (columns is not None and array.shape[1] != columns):
        wanted = "two dimensions" if columns is None else f"shape (n, {columns})"
        raise ValueError(f"{name} must have {wanted}, received shape {array.shape}")
    return array


def as_features(name: str, value: Any, columns: int) -> Features:
    """Finite (n, columns) feature vectors; float32 arrays, memory-mapped ones too, are kept uncopied."""
    if not (isinstance(value, np.ndarray) and value.dtype == np.float32):
        return as_matrix(name, value, columns)
    if value.ndim != 2 or value.shape[1] != columns:
        raise ValueError(f"{name} must have shape (n, {columns}), received shape {value.shape}")
    bad = sum(np.count_nonzero(~np.isfinite(value[rows])) for rows in blocks(value))
    if bad:
        raise ValueError(f"{name} must be finite, received {bad} NaN or infinite of {value.size} values")
    return value


def blocks(features: Features) -> Iterator[slice]:
    """Slices of rows that are small enough to be converted to float64."""
    step = max(1, BLOCK_BYTES // (8 * max(1, features.shape[1])))
    for start in range(0, len(features), step):
        yield slice(start, start + step)


def as_vector(name: str, value: Any, length: int) -> Array:
    """Finite (length,) float64."""
    array = _finite(name, value)
    if array.shape != (length,):
        raise ValueError(f"{name} must have shape ({length},), received shape {array.shape}")
    return array


def as_bounds(value: Bounds | None, d: int) -> Bounds | None:
    """Bounds with (d,) arrays and lower < upper somewhere reachable, or None for all of R^d."""
    if value is None:
        return None
    if not isinstance(value, Bounds):
        raise ValueError(f"domain must be scipy.optimize.Bounds or None, received {type(value).__name__}")
    try:
        lower = np.broadcast_to(np.asarray(value.lb, np.float64), (d,)).copy()
        upper = np.broadcast_to(np.asarray(value.ub, np.float64), (d,)).copy()
    except ValueError:
        raise ValueError(
            f"domain bounds must broadcast to ({d},), received {np.shape(value.lb)} and {np.shape(value.ub)}"
        ) from None
    if np.isnan(lower).any() or np.isnan(upper).any() or (lower > upper).any():
        raise ValueError("domain bounds must satisfy lower <= upper without NaN in every feature")
    if np.isposinf(lower).any() or np.isneginf(upper).any():
        raise ValueError(
            "domain bounds must leave room: a lower bound of +inf or an upper of -inf was received"
        )
    return Bounds(lower, upper)


def check_classes(classes: Sequence[int], count: int, allowed: tuple[int, ...]) -> tuple[int, ...]:
    """Distinct class indices in [0, count), as many as `allowed` says."""
    try:
        chosen = tuple(int(index) for index in classes)
    except (TypeError, ValueError):
        raise ValueError(f"classes must be class indices, received {classes!r}") from None
    if (
        len(set(chosen)) != len(chosen)
        or len(chosen) not in allowed
        or not all(0 <= i < count for i in chosen)
    ):
        raise ValueError(
            f"classes must be {' or '.join(map(str, allowed))} different indices from 0 to {count - 1}, "
            f"received {list(chosen)}"
        )
    return chosen
