"""Images as bytes, and the message that carries one to the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_bytes", "image_message", "shrunk"]


def as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels as uint8 of uint8 or floats in [0, 1]."""
    return image if image.dtype == np.uint8 else np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def shrunk(image: NDArray[Any], most: int) -> NDArray[Any]:
    """An image (C, H, W) of at most `most` pixels a side, each the mean of a square block.

    What is left over at the right and lower edge of the blocks is cut; a smaller image stays as it is.
    """
    channels, height, width = image.shape
    block = -(-max(height, width) // most)
    if block == 1:
        return image
    rows, columns = max(height // block, 1), max(width // block, 1)
    kept = as_bytes(image)[:, : rows * block, : columns * block]
    blocks = kept.reshape(channels, rows, kept.shape[1] // rows, columns, kept.shape[2] // columns)
    return as_bytes(blocks.mean(axis=(2, 4)) / 255)


def image_message(image: NDArray[Any], **more: Any) -> dict[str, Any]:
    """One image (C, H, W), uint8 or floats in [0, 1], as raw bytes for a canvas."""
    pixels = as_bytes(image)
    channels, height, width = pixels.shape
    data = np.ascontiguousarray(pixels.transpose(1, 2, 0)).tobytes()
    return {"width": width, "height": height, "channels": channels, "pixels": data, **more}
