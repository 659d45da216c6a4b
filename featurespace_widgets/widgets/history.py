"""Where a view has stood: undo and redo, and the state that rebuilds it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry.arrays import Array
from .pose import MODES
from .scene import Scene
from .slice_view import SliceView

__all__ = ["History", "Standing", "code_of", "read_state", "restore_state"]

DEPTH = 200  # places kept
VERSION = 1
KEYS = frozenset({"version", "model", "classes", "mode", "anchors", "point", "window"})


@dataclass(frozen=True)
class Standing:
    """A scene and where the view stands in it."""

    scene: Scene
    pose: dict[str, Any]

    def same(self, other: Standing) -> bool:
        """Whether a person would see no difference."""
        keys = ("mode", "probe", "frame", "handles", "view", "shift")
        return self.scene is other.scene and all(self.pose.get(key) == other.pose.get(key) for key in keys)


class History:
    """Places in the order in which they were visited, and the one where we are."""

    def __init__(self) -> None:
        self._places: list[Standing] = []
        self._here = -1

    def record(self, place: Standing) -> None:
        """Go on to a new place; what was undone is forgotten."""
        if self._here >= 0 and place.same(self._places[self._here]):
            return
        del self._places[self._here + 1 :]
        self._places.append(place)
        del self._places[:-DEPTH]
        self._here = len(self._places) - 1

    def can_go(self, step: int) -> bool:
        """Whether there is a place one step back (-1) or forward (1)."""
        return 0 <= self._here + step < len(self._places)

    def go(self, step: int) -> Standing | None:
        """The place one step back or forward, None where there is none."""
        if not self.can_go(step):
            return None
        self._here += step
        return self._places[self._here]


def read_state(view: SliceView, model: str) -> dict[str, Any]:
    """A small dict of plain values from which `restore_state` rebuilds the view.

    Corners of a section are rows of the training features where they are samples, None where they are
    the usual class means, vectors with their names, and bare vectors where they were dragged.
    ``point`` and ``window`` (centre and width) are plane coordinates; on a section they count from its
    first corner towards the second.
    """
    scene, point, window = view.built, view.probe.st, np.array(view.window)
    anchors: list[Any] | None = None
    if view.mode == "section":
        corners = view.plane.from_plane(view.corners)
        anchors = _named_anchors(scene, corners)
        seen = view.plane.from_plane([point, window[:2]])
        point, centre = _coordinates(corners, seen)
        window = np.append(centre, window[2])
    return {
        "version": VERSION,
        "model": model,
        "classes": list(view.classes),
        "mode": view.mode,
        "anchors": anchors,
        "point": point.tolist(),
        "window": window.tolist(),
        "shift": view.pose_shown.get("shift", 0.0),
    }


def _named_anchors(scene: Scene, corners: Array) -> list[Any] | None:
    if not np.allclose(corners, scene.corners, rtol=0, atol=1e-9 * (1 + np.abs(scene.corners).max())):
        return [corner.tolist() for corner in corners]
    if scene.usual:
        return None
    return [
        _named_anchor(scene, name, corner)
        for name, corner in zip(scene.anchor_names, scene.corners, strict=True)
    ]


def _named_anchor(scene: Scene, name: str, corner: Array) -> Any:
    """A row of the samples where the name says so and is right, else the vector with its name."""
    word, _, number = name.partition(" ")
    if word == "sample" and number.isdigit() and scene.space.bank is not None:
        row, features = int(number), scene.space.features
        if row < len(features) and (features[row] == corner).all():
            return row
    return {"name": name, "features": corner.tolist()}


def _coordinates(corners: Array, points: Array) -> Array:
    """Coordinates in the frame that a new section through these corners has."""
    a, b, c = corners
    u = (b - a) / np.linalg.norm(b - a)
    v = (c - a) - ((c - a) @ u) * u
    along: Array = (points - a) @ np.stack([u, v / np.linalg.norm(v)]).T
    return along


def restore_state(view: SliceView, state: dict[str, Any]) -> None:
    """Show what `read_state` described; the view's space must be the state's.

    Raises
    ------
    ValueError
        Before anything changes: says what of the state was received and what is allowed.
    """
    checked = _checked(state)
    scene = _scene(view, checked)
    s, t, span = checked["window"]
    pose = {"probe": checked["point"], "view": [s, t, span], "shift": checked.get("shift", 0.0)}
    view.restore(scene, checked["mode"], pose)


def _scene(view: SliceView, state: dict[str, Any]) -> Scene:
    anchors = state["anchors"]
    if anchors is None:
        return Scene(view.space, state["classes"])
    names, corners = [], []
    for k, anchor in enumerate(anchors):
        if isinstance(anchor, int):
            count = len(view.space.features)
            if not 0 <= anchor < count:
                raise ValueError(f"an anchor must be a sample from 0 to {count - 1}, received {anchor}")
            names.append(f"sample {anchor}")
            corners.append(view.space.features[anchor])
        elif isinstance(anchor, dict):
            names.append(str(anchor["name"]))
            corners.append(anchor["features"])
        else:
            names.append(f"anchor {k + 1}")
            corners.append(anchor)
    return Scene(view.space, state["classes"], corners, names)


def _checked(state: Any) -> dict[str, Any]:
    """The state itself, if every value is of the right kind."""
    if not isinstance(state, dict) or not set(state) >= KEYS:
        missing = sorted(KEYS - set(state)) if isinstance(state, dict) else sorted(KEYS)
        raise ValueError(f"state must be what explorer.state gives; {', '.join(missing)} is missing")
    if state["version"] != VERSION:
        raise ValueError(f"state must be of version {VERSION}, received {state['version']!r}")
    if state["mode"] not in MODES:
        raise ValueError(f"the state's mode must be 'boundary' or 'section', received {state['mode']!r}")
    for key, count in (("point", 2), ("window", 3)):
        if not _finite(state[key], count):
            raise ValueError(f"the state's {key} must be {count} finite numbers, received {state[key]!r}")
    if not _finite([state.get("shift", 0.0)], 1) or abs(state.get("shift", 0.0)) > 1:
        raise ValueError(f"the state's shift must be a share from -1 to 1, received {state['shift']!r}")
    if state["window"][2] <= 0:
        raise ValueError(f"the state's window must have a width above 0, received {state['window'][2]}")
    classes, anchors = state["classes"], state["anchors"]
    if not isinstance(classes, list) or not all(type(k) is int for k in classes):
        raise ValueError(f"the state's classes must be a list of indices, received {classes!r}")
    if anchors is not None and not (isinstance(anchors, list) and len(anchors) == 3):
        raise ValueError("the state's anchors must be three samples or vectors, or None")
    for anchor in anchors or ():
        named = isinstance(anchor, dict) and isinstance(anchor.get("name"), str)
        vector = anchor.get("features") if named else anchor
        if type(anchor) is not int and not (isinstance(vector, list) and _finite(vector, len(vector))):
            raise ValueError(f"an anchor must be a row of the samples or a vector, received {anchor!r:.80}")
    return state


def _finite(values: Any, count: int) -> bool:
    if not isinstance(values, list) or len(values) != count:
        return False
    return all(type(value) in (int, float) and bool(np.isfinite(value)) for value in values)


def code_of(state: dict[str, Any], load: str) -> str:
    """Lines of Python that rebuild a view; `load` is the expression that gives its space."""
    rows = [f"    {key!r}: {value!r}," for key, value in state.items()]
    return "\n".join(
        [
            "import featurespace_widgets as fsw",
            "",
            "state = {",
            *rows,
            "}",
            f"explorer = fsw.Explorer({load}state=state)",
            "explorer",
        ]
    )
