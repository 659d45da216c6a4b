"""A widget that nobody sees or names any more is closed: ipywidgets keeps every widget for ever.

Running a cell again takes its output away and usually gives the variable to a new explorer. Without this,
each run would leave the old explorer with its widgets, comms and thread in the kernel and in the page.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython

from .closing import close_parts

__all__ = ["note_shown"]

# The cells that show a widget: id of the cell -> the run of it that did.
_shown: dict[Any, dict[str, str]] = {}


def note_shown(widget: Any) -> None:
    """Remember that the cell being run shows a widget; nothing outside of notebooks that name their cells."""
    shell, (cell, run) = get_ipython(), _running()
    if shell is None or not cell:
        return
    if _close_forgotten not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", _close_forgotten)
    _shown.setdefault(widget, {})[cell] = run


def _running() -> tuple[str, str]:
    """The cell that is being run and a name for this run; empty where the host tells none."""
    parent: dict[str, Any] = getattr(get_ipython(), "get_parent", dict)()
    cell = parent.get("metadata", {}).get("cellId")
    return (cell, parent["header"]["msg_id"]) if isinstance(cell, str) else ("", "")


def _close_forgotten(_result: Any) -> None:
    shell: Any = get_ipython()
    cell, run = _running()
    for widget, cells in list(_shown.items()):
        if cells.get(cell, run) != run:
            del cells[cell]  # that output is gone
        if not cells and not _named(widget, shell.user_ns):
            del _shown[widget]
            widget.close()
            close_parts(widget)
            last = next((name for name, value in shell.user_ns.items() if value is widget), None)
            if last:  # such as _12; with it goes Out[12]
                shell.del_var(last)


def _named(widget: Any, names: dict[str, Any]) -> bool:
    """Whether a variable, or a list, tuple or dict in one, is the widget or a part of it."""
    ours = {id(widget), *(id(part) for part in vars(widget).values() if isinstance(part, ipywidgets.Widget))}
    for name, value in names.items():
        if name.startswith("_") or name in ("In", "Out"):
            continue  # of IPython: what cells returned
        members = list(value.values()) if isinstance(value, dict) else value
        some: Any = members if isinstance(members, list | tuple) else ()
        if id(value) in ours or any(id(member) in ours for member in some):
            return True
    return False
