"""The image at the probe: a thin widget."""

from __future__ import annotations

import anywidget
import traitlets

from ..assets import bundle, style
from ..pictures import image_message

__all__ = ["ImagePanel", "image_message"]


class ImagePanel(anywidget.AnyWidget):
    """The image at the probe, the optimised one, the nearest training images and those of the hull blend."""

    _esm = bundle("image_panel")
    _css = style()
    content = traitlets.Dict().tag(sync=True)
    curtain = traitlets.Unicode().tag(sync=True)  # stands in place of the content
    optimised = traitlets.Dict().tag(sync=True)
    carriers = traitlets.Dict().tag(sync=True)
    error = traitlets.Dict().tag(sync=True)
