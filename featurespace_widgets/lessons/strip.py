"""Images side by side, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

__all__ = ["strip"]

GAP, CAPTION = 8, 16  # pixels


def strip(images: ArrayLike, captions: Sequence[str] = (), *, side: int = 112) -> Image.Image:
    """A picture of images in a row.

    Parameters
    ----------
    images : (n, C, H, W) in [0, 1], or uint8
    captions : n texts, or none
    side : int
        Pixels that the height of an image takes.

    Raises
    ------
    ValueError
        If these are no images, or captions are not as many.

    Examples
    --------
    >>> import numpy as np
    >>> from featurespace_widgets.lessons import strip
    >>> strip(np.zeros((3, 1, 28, 28)), ["a", "b", "c"]).size
    (360, 128)
    """
    array = np.asarray(images)
    if array.ndim != 4 or array.shape[1] not in (1, 3):
        raise ValueError(f"images must have shape (n, 1 or 3, H, W), received {array.shape}")
    if len(captions) not in (0, len(array)):
        raise ValueError(f"received {len(captions)} captions for {len(array)} images")
    bytes_ = array if array.dtype == np.uint8 else np.rint(255 * np.clip(array, 0, 1)).astype(np.uint8)
    width = round(side * array.shape[3] / array.shape[2])
    row = Image.new("RGB", (len(array) * (width + GAP), side + (CAPTION if captions else 0)), "white")
    pen = ImageDraw.Draw(row)
    for k, pixels in enumerate(bytes_):
        planes = np.broadcast_to(pixels, (3, *pixels.shape[1:])).transpose(1, 2, 0)
        tile = Image.fromarray(np.ascontiguousarray(planes)).resize((width, side), Image.Resampling.NEAREST)
        row.paste(tile, (k * (width + GAP), 0))
        if captions:
            pen.text((k * (width + GAP), side + 2), captions[k], fill="black")
    return row
