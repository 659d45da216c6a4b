"""A matrix of class pairs in the browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from ...geometry.arrays import Array
from ..assets import bundle, style

__all__ = ["Matrix"]


class Matrix(anywidget.AnyWidget):
    """A table with an entry for each pair; a click or Enter picks the pair.

    Parameters
    ----------
    picked : callable
        ``picked(i, j)`` with positions in the table.
    """

    _esm = bundle("slice_view")
    _css = style()

    kind = traitlets.Unicode("matrix").tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    table = traitlets.Dict().tag(sync=True)
    chosen: traitlets.List[Any] = traitlets.List().tag(sync=True)
    picked: traitlets.List[Any] = traitlets.List().tag(sync=True, echo_update=False)

    def __init__(self, picked: Callable[[int, int], None]) -> None:
        self._picked = picked
        super().__init__()
        self.observe(self._on_picked, "picked")

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take from the browser only what is its own."""
        super().set_state({name: sync_data[name] for name in ("picked",) if name in sync_data})

    def show(
        self,
        label: str,
        names: Sequence[str],
        values: Array,
        marks: NDArray[Any],
        said: Sequence[Sequence[str]],
        none: str,
    ) -> None:
        """Show values (m, m), NaN for none, darker where larger; marks are "", "no" or "undecided".

        Parameters
        ----------
        said : (m, m) texts
            What is said of an entry.
        none : str
            Written where the mark is "no".
        """
        off = ~np.eye(len(names), dtype=bool)
        finite = values[np.isfinite(values) & off]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        span = high - low or 1.0
        entries: list[list[dict[str, Any] | None]] = []
        for i in range(len(names)):
            row: list[dict[str, Any] | None] = []
            for j in range(len(names)):
                value, mark = float(values[i, j]), str(marks[i, j])
                shade = 0.08 + 0.72 * (value - low) / span if np.isfinite(value) and not mark else 0.0
                text = f"{value:.3g}" if np.isfinite(value) and not mark else none if mark == "no" else "?"
                entry = {"text": text, "shade": shade, "mark": mark, "said": said[i][j]}
                row.append(None if i == j else entry)
            entries.append(row)
        self.label = label
        self.table = {"names": list(names), "entries": entries}

    def _on_picked(self, change: dict[str, Any]) -> None:
        size = len(self.table.get("names", ()))
        pair = change["new"][:2]
        if len(pair) == 2 and all(isinstance(k, int) and 0 <= k < size for k in pair) and pair[0] != pair[1]:
            self._picked(*pair)
