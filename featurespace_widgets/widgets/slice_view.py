"""SliceView: the slice canvas, one anywidget, reusable alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import ArrayLike
from threadpoolctl import ThreadpoolController

from ..geometry.arrays import Array
from ..geometry.plane import Slice
from ..space import FeatureSpace
from .anchoring import Anchored
from .assets import bundle, style
from .cards import error_card
from .forgotten import note_shown
from .overlays import Overlaid, Overlay
from .pose import MODES, checked_pose
from .probe import Probe, probe_at
from .scene import Scene, default_classes

__all__ = ["Probe", "SliceView"]


OWNED = ("pose", "options", "seen", "stats")  # traits that the browser writes


class SliceView(Anchored, Overlaid, anywidget.AnyWidget):
    """A slice through feature space that the browser draws without the kernel.

    Parameters
    ----------
    space : FeatureSpace
    anchors : (3, d) array, optional
        Corners of the section; the view then opens in section mode.
    classes : 2 or 3 class indices, optional
        Whose boundary plane is shown; by default the first that have samples.

    Raises
    ------
    ValueError
        Before the widget opens: for anything but a FeatureSpace, unknown classes, or anchors that
        coincide or lie on one line.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> view = fsw.SliceView(fsw.load("mnist-2d"), classes=(3, 5, 8))
    >>> view.mode
    'boundary'
    """

    _esm = bundle("slice_view")
    _css = style()

    _plane: Slice
    _probe: Probe

    scene = traitlets.Dict().tag(sync=True)
    # Echoed, so that other browsers on the same kernel follow; the one that sent it lets its own echo pass.
    pose = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    error = traitlets.Dict().tag(sync=True)
    options: traitlets.Dict[str, Any] = traitlets.Dict({"thickness": 1.0, "regions": ["cell"]}).tag(
        sync=True, echo_update=False
    )
    certified = traitlets.Dict().tag(sync=True)
    locked: traitlets.List[Any] = traitlets.List().tag(sync=True)  # "mode", "point": not to be moved by hand
    seen = traitlets.Bool(True).tag(sync=True)  # whether a view of the explorer is on a screen
    stats = traitlets.Dict().tag(sync=True, echo_update=False)

    def __init__(
        self,
        space: FeatureSpace,
        anchors: ArrayLike | None = None,
        *,
        classes: Sequence[int] | None = None,
    ) -> None:
        if not isinstance(space, FeatureSpace):
            raise ValueError(
                f"space must be a FeatureSpace, received {type(space).__name__}; "
                "make one with fsw.load(name) or fsw.FeatureSpace.from_arrays(weight, bias, ...)"
            )
        built = Scene(space, default_classes(space) if classes is None else classes, anchors)
        # JupyterLab has messages of widgets answered in a thread of their own, beside the cells.
        self.lock = threading.RLock()
        super().__init__()
        self._overlays: dict[str, Overlay] = {}
        self._answerers: list[Callable[[Probe, bool], dict[str, Any]]] = []
        self._kernel_id = 0
        self._version = 0
        self.observe(self._on_pose, "pose")
        self.on_msg(self._on_message)
        self._show(built, "boundary" if anchors is None else "section")

    # what is shown

    @property
    def space(self) -> FeatureSpace:
        """The space shown."""
        return self.built.space

    @property
    def classes(self) -> tuple[int, ...]:
        """The chosen classes, whose boundary plane is shown."""
        return self.built.chosen

    @property
    def mode(self) -> str:
        """What is drawn: "boundary" (shadow on the boundary plane) or "section" (cells of a plane)."""
        with self.lock:
            return "boundary" if self._plane.is_boundary_plane else "section"

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be 'boundary' or 'section', received {mode!r}")
        if mode != self.mode:
            self._place(self.default_pose(mode))

    @property
    def plane(self) -> Slice:
        """The plane on screen."""
        with self.lock:
            return self._plane

    @property
    def probe(self) -> Probe:
        """The point under the probe, in plane and feature space."""
        with self.lock:
            return self._probe

    @property
    def hurried(self) -> bool:
        """Whether the point is being dragged over a slow link."""
        return self.pose.get("slow") is True and not self.pose.get("final", True)

    @property
    def built(self) -> Scene:
        """The scene on screen with its feature vectors."""
        with self.lock:
            return self._built

    @property
    def corners(self) -> list[list[float]]:
        """Plane coordinates of the section's corners; empty on a boundary plane."""
        with self.lock:
            return list(self._current["handles"]) if self.mode == "section" else []

    @property
    def window(self) -> tuple[float, float, float]:
        """Centre (s, t) and width of the view, in plane units."""
        s, t, span = self.pose_shown["view"]
        return float(s), float(t), float(span)

    def save(self, path: str | PathLike[str]) -> Path:
        """Save the slice (``.svg``, ``.png``) or its data (``.npz``, ``.json``); returns the path."""
        from .saving import save_slice

        return save_slice(self, path)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and a still picture for viewers that show no widgets."""
        note_shown(self)
        from .saving import with_picture

        return with_picture(super()._repr_mimebundle_(**options), self)

    def move_to(self, st: ArrayLike) -> None:
        """Move the probe to plane coordinates (2,)."""
        point = np.asarray(st, dtype=float)
        if point.shape != (2,) or not np.isfinite(point).all():
            raise ValueError(f"st must be two finite plane coordinates, received {st!r}")
        self._place({**self._current, "probe": point.tolist(), "final": True})

    def show(
        self,
        space: FeatureSpace | None = None,
        *,
        classes: Sequence[int] | None = None,
        anchors: ArrayLike | None = None,
    ) -> None:
        """Show another space, other classes or a section through other anchors."""
        space = space or self.space
        if classes is None:
            classes = self.classes if space is self.space else default_classes(space)
        built = Scene(space, classes, anchors)
        self._show(built, self.mode if anchors is None else "section")

    def on_probe(self, answerer: Callable[[Probe, bool], dict[str, Any]]) -> None:
        """Call ``answerer(probe, final)`` for each new probe; its dict joins the answer."""
        self._answerers.append(answerer)

    # the conversation with the browser

    def restore(self, built: Scene, mode: str, pose: dict[str, Any]) -> None:
        """Show a scene with the parts of a pose that are given; the rest is as in a fresh view."""
        self._show(built, mode, pose)

    @property
    def pose_shown(self) -> dict[str, Any]:
        """The last pose that was answered."""
        with self.lock:
            return self._current

    def _show(self, built: Scene, mode: str, pose: dict[str, Any] | None = None) -> None:
        with self.lock, self.hold_sync():
            message = built.message(self._version + 1)
            if self._version and built.space is not self.space:
                self._overlays = {}  # vectors of another feature space
            self._built = built
            self._version += 1
            self.scene = message
            self._send_overlays()
            self.error = {}
            self._current = self.default_pose(mode) | (pose or {})
            self._place(self._current)

    def default_pose(self, mode: str) -> dict[str, Any]:
        """Where a fresh view stands: the scene's plane, all of its extent, the probe at a good start."""
        described = self.scene[mode]
        s0, s1, t0, t1 = described["extent"]
        centre = [(s0 + s1) / 2, (t0 + t1) / 2]
        handles = self.scene["section"]["handles"]
        probe = np.mean(handles, axis=0) if mode == "section" else self._built.start()
        # The canvas is at least 1.2 times as wide as high: the whole extent fits.
        span = max(s1 - s0, 1.3 * (t1 - t0))
        return {
            "version": self._version,
            "mode": mode,
            "probe": probe.tolist(),
            "frame": described["frame"],
            "handles": handles,
            "view": [*centre, span],
            "shift": 0.0,
            "final": True,
        }

    def _place(self, pose: dict[str, Any]) -> None:
        """Set a pose from the kernel; its id is negative, so that the browser adopts it.

        Every pose of the browser says in `after` which of these it goes on from.
        """
        with self.lock:
            self._kernel_id -= 1
            self.pose = {**pose, "id": self._kernel_id, "after": self._kernel_id}

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take from the browser only what is its own."""
        with self.lock:
            super().set_state({name: sync_data[name] for name in OWNED if name in sync_data})

    def _on_pose(self, change: dict[str, Any]) -> None:
        pose = change["new"]
        if pose.get("version") == self._version and pose.get("after") == self._kernel_id:
            self._respond(pose)
        else:
            # Sent before the browser saw the newest scene or place: its frame may count in other vectors,
            # and what the kernel was asked for meanwhile (a mode, a bookmark) came later.
            self._place(self._current)

    def _respond(self, pose: dict[str, Any]) -> None:
        before = (self._plane, self._probe) if hasattr(self, "_probe") else None
        try:
            with _threads().limit(limits=1):
                point, mode, share, final = checked_pose(pose)
                self._plane = self._built.plane(mode, pose["frame"])
                self._probe = probe_at(self._built, self._plane, point, share)
                answer = self._answer(self._probe, final)
                json.dumps(
                    answer, allow_nan=False, default=_bytes
                )  # a model may return NaN, which browsers do not read
        except Exception as error:  # the person sees it beside the view; the view stays alive
            if before is not None:
                self._plane, self._probe = before
            with self.hold_sync():
                self.error = error_card("This point could not be computed", error)
                number = pose["id"] if isinstance(pose.get("id"), int) else None
                self.answer = {"id": number, "feasible": False, "landing": None, "seen": None}
            return
        self._current = pose
        with self.hold_sync():
            self.error = {}
            self.answer = {"id": pose["id"], "version": self._version, **answer}

    def _answer(self, probe: Probe, final: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "classIndex": probe.class_index,
            "margin": probe.margin,
            "radius": probe.radius if np.isfinite(probe.radius) else None,
            "lifted": self._plane.is_boundary_plane and probe.features is not None,
            "feasible": probe.verdict == "yes",
            "shifted": None,
            "landing": None,
            "seen": None,
            "message": "",
        }
        if not self._plane.is_boundary_plane:
            answer["norms"] = self._built.norms_of(probe.class_index)
        if probe.shift is not None and probe.features is not None:
            low, high = probe.shift.limits
            at = (probe.features - probe.shift.y) @ probe.shift.direction
            answer["shifted"] = {"low": float(low), "high": float(high), "at": float(at)}
        for answerer in self._answerers:
            answer |= answerer(probe, final)
        return answer

    def landing(self, features: Array) -> list[float]:
        """Where a feature vector (d,) lies: plane coordinates and distance off the plane.

        On a boundary plane the distance is from the probe's own feature vector along the fibre,
        since the plane stands for whole fibres.
        """
        s, t = self._plane.to_plane(features[None])[0]
        if self._plane.is_boundary_plane and self._probe.features is not None:
            away = features - self._probe.features
            off = float(np.linalg.norm(away - (away @ self._plane.basis.T) @ self._plane.basis))
        else:
            off = float(self._plane.distance(features[None])[0])
        return [float(s), float(t), off]


@cache
def _threads() -> ThreadpoolController:
    """Thread pools of this process: one thread each is fastest for the small products of an answer."""
    return ThreadpoolController()


def _bytes(value: Any) -> str:
    """Binary values travel beside the JSON."""
    if isinstance(value, bytes):
        return ""
    raise TypeError(f"{type(value).__name__} cannot be sent to a browser")
