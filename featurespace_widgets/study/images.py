"""Reading images one by one, so that a bad one spoils nothing but itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ..models.sources import image_at

__all__ = ["describe", "first_shape", "shrink", "subset"]


def describe(error: Exception) -> str:
    """One line on what went wrong with an image."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


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
