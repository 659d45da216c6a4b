"""What follows exactly from an affine head: numpy and scipy only, no torch, no Jupyter."""

# Without __all__, so that the API reference shows every module.
from .cells import Cell as Cell
from .head import LinearHead as LinearHead
from .plane import Slice as Slice
