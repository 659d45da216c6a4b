"""Two planes side by side in the browser: their partitions as messages, and the widget that shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ...geometry.arrays import Array
from ...geometry.cells import Cell
from ...geometry.polygons import intersection
from ...pixels.pixel_plane import ClassGrid
from ..assets import bundle, style
from ..cards import error_card

__all__ = ["Planes", "cell_spots", "extent_of", "grid_edges", "grid_runs", "grid_spots", "plan", "view_of"]

ASPECT = 0.86  # height of a pane over its width, as in pane.js
Extent = tuple[float, float, float, float]


class Planes(anywidget.AnyWidget):
    """Two panes with a linked cursor, and the image under it.

    Parameters
    ----------
    pointed : callable
        ``pointed(pane, st)`` gives what is answered to a cursor: "at" (where it is in the other pane, or
        None) and "text".
    looked : callable
        ``looked()`` after a person moved a window; `views` says where to.
    """

    _esm = bundle("slice_view")
    _css = style()

    kind = traitlets.Unicode("planes").tag(sync=True)
    panes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    class_names: traitlets.List[Any] = traitlets.List().tag(sync=True)
    colors: traitlets.List[Any] = traitlets.List().tag(sync=True)
    images: traitlets.List[Any] = traitlets.List().tag(sync=True)
    same_plane = traitlets.Bool(False).tag(sync=True)
    cursor = traitlets.Dict().tag(sync=True, echo_update=False)
    views: traitlets.List[Any] = traitlets.List().tag(sync=True, echo_update=False)
    answer = traitlets.Dict().tag(sync=True)
    error = traitlets.Dict().tag(sync=True)

    def __init__(
        self, pointed: Callable[[int, Array], dict[str, Any]], looked: Callable[[], None], **state: Any
    ) -> None:
        self._pointed, self._looked, self._said = pointed, looked, 0
        super().__init__(**state)
        self.observe(self._on_cursor, "cursor")
        self.observe(lambda _: self._looked(), "views")

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take from the browser only what is its own."""
        super().set_state({name: sync_data[name] for name in ("cursor", "views") if name in sync_data})

    def view(self, pane: int) -> tuple[float, float, float] | None:
        """Centre and width of a pane's window, as a person left it; None for one that nobody moved."""
        try:
            s, t, span = (float(x) for x in self.views[pane])
        except (IndexError, TypeError, ValueError):
            return None
        return (s, t, span) if np.isfinite([s, t, span]).all() and span > 0 else None

    def point(self, pane: int, at: Array, source: Array | None, text: str) -> None:
        """Set the cursor of a pane from the kernel, and in the other pane where it comes from."""
        self._said -= 1
        there = None if source is None else [float(x) for x in source]
        self.answer = {
            "id": self._said,
            "pane": pane,
            "at": [float(x) for x in at],
            "from": there,
            "text": text,
        }

    def _on_cursor(self, change: dict[str, Any]) -> None:
        cursor = change["new"]
        if not isinstance(cursor.get("id"), int):
            return
        answer: dict[str, Any] = {"id": cursor["id"], "at": None, "text": ""}
        try:
            pane, at = int(cursor["pane"]), np.array(cursor["at"], dtype=float)
            if pane not in (0, 1) or at.shape != (2,) or not np.isfinite(at).all():
                raise ValueError(f"a cursor is a pane, 0 or 1, and two finite numbers, received {cursor}")
            answer |= {"pane": 1 - pane, **self._pointed(pane, at)}
        except Exception as error:
            self.error = error_card("This point could not be computed", error)
        else:
            self.error = {}
        self.answer = answer


def view_of(extent: Sequence[float]) -> tuple[float, float, float]:
    """Centre and width of the window of a pane that shows an extent."""
    s0, s1, t0, t1 = extent
    return (s0 + s1) / 2, (t0 + t1) / 2, max(s1 - s0, (t1 - t0) / ASPECT)


def extent_of(view: tuple[float, float, float], room: float = 1.0) -> Extent:
    """What a window shows, `room` times as wide."""
    s, t, span = view
    across, up = room * span / 2, room * ASPECT * span / 2
    return s - across, s + across, t - up, t + up


def plan(
    key: int,
    title: str,
    view: tuple[float, float, float],
    pieces: Sequence[tuple[int, Array]],
    edges: Array,
    *,
    note: str = "",
    spots: Sequence[dict[str, Any]] = (),
    corners: Sequence[tuple[str, Array]] = (),
    domain: Array | None = None,
    hatched: Sequence[Array] = (),
    lines: Sequence[Array] = (),
) -> dict[str, Any]:
    """What one pane shows, as a message: classes with convex polygons, and edges (m, 2, 2) between them."""
    return {
        "key": key,
        "title": title,
        "view": list(view),
        "note": note,
        "classes": np.array([index for index, _ in pieces], "<u2").tobytes(),
        **_packed("counts", "points", [polygon for _, polygon in pieces]),
        **_packed("hatchedCounts", "hatchedPoints", hatched),
        "edges": _bytes(edges),
        "domain": _bytes(np.empty((0, 2)) if domain is None else domain),
        "lines": [_bytes(line) for line in lines],
        "spots": list(spots),
        "corners": [{"label": label, "at": [float(x) for x in at]} for label, at in corners],
    }


def _packed(counts: str, points: str, polygons: Sequence[Array]) -> dict[str, bytes]:
    whole = np.concatenate(polygons) if len(polygons) else np.empty((0, 2))
    return {counts: np.array([len(p) for p in polygons], "<u2").tobytes(), points: _bytes(whole)}


def _bytes(values: Array) -> bytes:
    return np.ascontiguousarray(values, "<f8").tobytes()


def _steps(grid: ClassGrid) -> tuple[Array, Array]:
    """Edges of the squares around the points of a lattice, across and up."""
    s0, s1, t0, t1 = grid.extent
    side = len(grid.classes)
    halves = (np.arange(side + 1) - 0.5) / (side - 1)
    return s0 + (s1 - s0) * halves, t0 + (t1 - t0) * halves


def grid_runs(grid: ClassGrid) -> list[tuple[int, Array]]:
    """Squares around the points of a lattice, those of one class that lie side by side as one rectangle."""
    across, up = _steps(grid)
    runs = []
    for row, classes in enumerate(grid.classes):
        starts = np.flatnonzero(np.diff(classes, prepend=-1))
        ends = np.append(starts[1:], len(classes))
        low, high = up[row], up[row + 1]
        for start, end in zip(starts, ends, strict=True):
            left, right = across[start], across[end]
            runs.append(
                (int(classes[start]), np.array([[left, low], [right, low], [right, high], [left, high]]))
            )
    return runs


def grid_edges(grid: ClassGrid) -> Array:
    """Sides (m, 2, 2) of the squares that have another class beyond them."""
    across, up = _steps(grid)
    row, column = np.nonzero(grid.classes[:, 1:] != grid.classes[:, :-1])
    x = across[column + 1]
    upright = np.stack([np.column_stack([x, up[row]]), np.column_stack([x, up[row + 1]])], axis=1)
    row, column = np.nonzero(grid.classes[1:] != grid.classes[:-1])
    y = up[row + 1]
    flat = np.stack([np.column_stack([across[column], y]), np.column_stack([across[column + 1], y])], axis=1)
    edges: Array = np.concatenate([upright, flat])
    return edges


def grid_spots(grid: ClassGrid) -> list[dict[str, Any]]:
    """For each class on a lattice the point deepest inside it, and how much room there is."""
    s0, s1, t0, t1 = grid.extent
    side = len(grid.classes)
    step = ((s1 - s0) / (side - 1), (t1 - t0) / (side - 1))
    spots = []
    for index in np.unique(grid.classes):
        depth: NDArray[np.float64] = distance_transform_edt(np.pad(grid.classes == index, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        at = [s0 + step[0] * float(column), t0 + step[1] * float(row)]
        spots.append({"classIndex": int(index), "at": at, "room": float(depth[row, column]) * min(step)})
    return spots


def cell_spots(cells: Sequence[Cell], *within: Array) -> list[dict[str, Any]]:
    """For each cell the middle of its part within convex polygons (of the cell where they leave none)."""
    spots = []
    for cell in cells:
        polygon = cell.polygon
        for other in within:
            part = intersection(polygon, other) if len(other) >= 3 else polygon
            polygon = part if len(part) else polygon
        middle = polygon.mean(axis=0)
        side = np.roll(polygon, -1, axis=0) - polygon
        away = middle - polygon
        lengths = np.maximum(np.linalg.norm(side, axis=1), 1e-300)
        room = float((np.abs(side[:, 0] * away[:, 1] - side[:, 1] * away[:, 0]) / lengths).min())
        spots.append({"classIndex": cell.class_index, "at": middle.tolist(), "room": 1.4 * room})
    return spots


def cell_edges(cells: Sequence[Cell]) -> Array:
    """Edges (m, 2, 2) between cells, each once."""
    found = [
        np.stack([cell.polygon, np.roll(cell.polygon, -1, axis=0)], axis=1)[
            np.array(cell.neighbours) > cell.class_index
        ]
        for cell in cells
    ]
    return np.concatenate(found) if found else np.empty((0, 2, 2))
