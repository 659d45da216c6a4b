"""Reading images one by one, so that a bad one spoils nothing but itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

__all__ = ["describe", "first_shape", "image_at", "shrink", "subset"]


def describe(error: Exception) -> str:
    """One line on what went wrong with an image."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def image_at(images: Any, row: int) -> tuple[NDArray[np.float32], int]:
    """An image (C, H, W) in [0, 1] and its label, -1 where there is none.

    Parameters
    ----------
    images : array (n, C, H, W), or anything indexable like a torch ``Dataset``
        Items are images or (image, label) pairs; uint8, or floats in [0, 1].
    row : int

    Raises
    ------
    ValueError
        If it is no such image. What reading the item raises is passed on.
    """
    item = images[row]
    label = -1
    if isinstance(item, Sequence) and len(item) == 2:
        item, label = item[0], int(item[1])
    image = np.asarray(item)
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image must have shape (1 or 3, H, W), received {image.shape}")
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255), label
    if image.dtype.kind != "f" or not (image.min() >= 0 and image.max() <= 1):  # NaN fails, too
        raise ValueError(f"an image must be uint8, or finite floats in [0, 1], received {image.dtype}")
    return image.astype(np.float32), label


def first_shape(images: Any) -> tuple[int, int, int]:
    """Shape (C, H, W) of the first image that can be read.

    Raises
    ------
    ValueError
        If there is none.
    """
    reason = ""
    for row in range(len(images)):
        try:
            channels, height, width = image_at(images, row)[0].shape
        except Exception as error:  # whatever a data set raises
            reason = reason or describe(error)
            continue
        return channels, height, width
    raise ValueError(f"none of {len(images)} images can be read; the first: {reason}")


def subset(images: Any, rows: NDArray[np.intp]) -> Any:
    """Some images: copied from an array, still to be read from a data set."""
    if isinstance(images, np.ndarray):
        return np.asarray(images[rows])
    return torch.utils.data.Subset(images, rows.tolist())


def shrink(images: NDArray[np.float32], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Thumbnails (n, C, h, w) as uint8 of images (n, C, H, W) in [0, 1]."""
    pixels = torch.as_tensor(images)
    if tuple(pixels.shape[1:]) != shape:
        pixels = functional.interpolate(pixels, shape[1:], mode="bilinear", antialias=True)
    small: NDArray[np.uint8] = (255 * pixels.clamp(0, 1)).round().to(torch.uint8).numpy()
    return small
