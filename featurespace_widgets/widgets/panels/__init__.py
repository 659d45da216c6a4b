"""What stands around the slice: toolbar, image, and tabs of charts."""

from .image_panel import ImagePanel, image_message
from .tabs import PanelTabs
from .toolbar import Toolbar

__all__ = ["ImagePanel", "PanelTabs", "Toolbar", "image_message"]
