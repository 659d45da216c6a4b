"""The image at the probe: a thin widget, and the message that carries an image."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from ..assets import bundle, style

__all__ = ["ImagePanel", "image_message"]


class ImagePanel(anywidget.AnyWidget):
    """The image at the probe with its facts, and the nearest training images."""

    _esm = bundle("image_panel")
    _css = style()
    content = traitlets.Dict().tag(sync=True)
    curtain = traitlets.Unicode().tag(sync=True)  # stands in place of the content
    error = traitlets.Dict().tag(sync=True)


def image_message(image: NDArray[Any], **more: Any) -> dict[str, Any]:
    """One image (C, H, W), uint8 or floats in [0, 1], as raw bytes for a canvas."""
    pixels = image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
    channels, height, width = pixels.shape
    data = np.ascontiguousarray(pixels.transpose(1, 2, 0)).tobytes()
    return {"width": width, "height": height, "channels": channels, "pixels": data, **more}
