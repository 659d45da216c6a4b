"""The toolbar above the slice."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from ..assets import bundle, style

__all__ = ["Toolbar"]


class Toolbar(anywidget.AnyWidget):
    """Model picker, class chips, mode switch, undo, bookmarks, code and reset."""

    _esm = bundle("toolbar")
    _css = style()
    models: traitlets.List[Any] = traitlets.List().tag(sync=True)
    model = traitlets.Unicode().tag(sync=True)
    class_names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    colors: traitlets.List[Any] = traitlets.List().tag(sync=True)
    chosen: traitlets.List[Any] = traitlets.List().tag(sync=True)
    mode = traitlets.Unicode("boundary").tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    reset = traitlets.Int(0).tag(sync=True)
    undoable = traitlets.Bool(False).tag(sync=True)
    redoable = traitlets.Bool(False).tag(sync=True)
    bookmarks: traitlets.List[Any] = traitlets.List().tag(sync=True)  # their names
    code = traitlets.Unicode().tag(sync=True)
    locked: traitlets.List[Any] = traitlets.List().tag(sync=True)  # "model", "classes", "mode"
    error = traitlets.Dict().tag(sync=True)
