"""What follows exactly from an affine head: numpy and scipy only, no torch, no Jupyter."""

from .cells import Cell
from .head import LinearHead
from .plane import Slice

__all__ = ["Cell", "LinearHead", "Slice"]
