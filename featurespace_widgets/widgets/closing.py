"""Closing a widget with all that it is made of: ipywidgets closes the outermost alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets

__all__ = ["close_parts"]


def close_parts(root: Any) -> None:
    """Close every widget below a widget (children, layouts, styles, marks, axes), not the widget itself."""
    seen = {root}
    waiting = [root]
    while waiting:
        for part in _parts(waiting.pop()):
            if part not in seen:
                seen.add(part)
                waiting.append(part)
    seen.remove(root)
    for part in seen:
        part.close()


def _parts(widget: Any) -> Iterator[Any]:
    for value in [*vars(widget).values(), *widget._trait_values.values()]:
        members = value.values() if isinstance(value, dict) else value
        some = members if isinstance(value, list | tuple | dict) else [value]
        yield from (part for part in some if isinstance(part, ipywidgets.Widget))
