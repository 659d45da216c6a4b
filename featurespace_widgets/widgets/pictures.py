"""The message that carries an image to the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["image_message"]


def image_message(image: NDArray[Any], **more: Any) -> dict[str, Any]:
    """One image (C, H, W), uint8 or floats in [0, 1], as raw bytes for a canvas."""
    pixels = image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    channels, height, width = pixels.shape
    data = np.ascontiguousarray(pixels.transpose(1, 2, 0)).tobytes()
    return {"width": width, "height": height, "channels": channels, "pixels": data, **more}
