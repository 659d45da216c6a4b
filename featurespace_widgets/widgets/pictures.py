"""Images as bytes, and the message that carries one to the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["as_bytes", "image_message", "shrunk"]


def as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels as uint8 of uint8 or floats in [0, 1]."""
    return image if image.dtype == np.uint8 else np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def shrunk(image: NDArray[Any], most: int) -> NDArray[np.uint8]:
    """An image (C, H, W) of at most `most` pixels a side, each the mean of a square block."""
    block = -(-max(image.shape[1:]) // most)
    return np.stack([np.asarray(Image.fromarray(plane).reduce(block)) for plane in as_bytes(image)])


def image_message(image: NDArray[Any], **more: Any) -> dict[str, Any]:
    """One image (C, H, W), uint8 or floats in [0, 1], as raw bytes for a canvas."""
    pixels = as_bytes(image)
    channels, height, width = pixels.shape
    data = np.ascontiguousarray(pixels.transpose(1, 2, 0)).tobytes()
    return {"width": width, "height": height, "channels": channels, "pixels": data, **more}
