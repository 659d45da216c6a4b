"""Interactive widgets for the feature space of image classifiers: exact, certified, instant."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import lessons, study
    from .catalogue import available, load
    from .geometry.cells import Cell
    from .geometry.head import LinearHead
    from .geometry.plane import Slice
    from .models import adapters
    from .models.sources import ImageFolder
    from .space import FeatureSpace
    from .widgets.explorer import Explorer, explore
    from .widgets.slice_view import SliceView

__all__ = [
    "Cell",
    "Explorer",
    "FeatureSpace",
    "ImageFolder",
    "LinearHead",
    "Slice",
    "SliceView",
    "adapters",
    "available",
    "explore",
    "lessons",
    "load",
    "study",
]

# Loaded on first use (PEP 562): importing the package must cost no torch and no charts.
_HOMES = {
    "Cell": "geometry.cells",
    "Explorer": "widgets.explorer",
    "FeatureSpace": "space",
    "ImageFolder": "models.sources",
    "LinearHead": "geometry.head",
    "Slice": "geometry.plane",
    "SliceView": "widgets.slice_view",
    "available": "catalogue",
    "explore": "widgets.explorer",
    "load": "catalogue",
}

_MODULES = {"adapters": "models.adapters", "lessons": "lessons", "study": "study"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{_MODULES[name]}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
