"""Images as PNG addresses that a page can show without asking anybody."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .pictures import as_bytes

__all__ = ["picture", "png_url"]


def png_url(pixels: NDArray[np.uint8]) -> str:
    """Pixels (H, W, 1 or 3) as a lossless data address."""
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def picture(image: NDArray[Any], alt: str, caption: str = "", *, small: bool = False) -> str:
    """A figure as HTML: an image (C, H, W), uint8 or floats in [0, 1], and its caption."""
    url = png_url(np.ascontiguousarray(as_bytes(image).transpose(1, 2, 0)))
    kind = "fsw-still fsw-small" if small else "fsw-still"
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="{kind}"><img src="{url}" alt="{escape(alt)}">{below}</figure>'
