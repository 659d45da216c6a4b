"""What is worked out beside the drag once the point rests: its certificate, then the optimised image."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from ..geometry.adjacency import Adjacency
from ..geometry.arrays import Array
from ..geometry.plane import Slice
from ..pixels.inversion import InversionFrame
from ..pixels.preview import preview
from ..space import FeatureSpace
from .palette import class_colours
from .panels import ImagePanel
from .panels.work import Work, Worker
from .pictures import image_message
from .slice_view import SliceView

__all__ = ["Settled"]

MANY_CLASSES = 200  # adjacency of all pairs is worked out up to here
CARRIERS = 6
TOLERANCE = 1e-6  # of the residual, relative to the point
MOST_STEPS = 200
MARK = "optimised"  # name of the overlay


@dataclass(frozen=True, eq=False)
class _Rest:
    """A point at rest."""

    answer: int
    space: FeatureSpace
    plane: Slice
    features: Array
    class_index: int
    outline: bool  # whether the hull's outline is wanted


class Settled:
    """Certifies the point of a view and optimises its image once it rests; both end with the next move.

    Out of sight nothing is worked out; back in sight the optimisation goes on from its newest image.

    Parameters
    ----------
    view : SliceView
        Gets the certificate, and the place where the optimised image lands.
    panel : ImagePanel
        Shows the optimised image and the training images that carry the hull projection.
    """

    def __init__(self, view: SliceView, panel: ImagePanel) -> None:
        self._view, self._panel, self._worker = view, panel, Worker()
        self._adjacency: tuple[FeatureSpace, Adjacency] | None = None
        self._rest: _Rest | None = None
        self._frame: tuple[_Rest, InversionFrame] | None = None  # the newest of the optimisation
        self._waiting = False  # for somebody to look
        view.observe(self._follow, "answer")
        view.observe(self._look_again, "options")
        view.observe(self._look, "seen")
        panel.on_msg(self._asked)

    def stop(self) -> None:
        """End the thread."""
        self._worker.close()

    def _follow(self, _change: Any) -> None:
        """The point moved or came to rest."""
        view = self._view
        with view.lock:
            self._worker.cancel()
            self._rest = None
            probe, pose = view.probe, view.pose_shown
            view.erase(MARK)
            self._panel.optimised = self._panel.carriers = {}
            if pose.get("final", True) and probe.features is not None and view.answer.get("feasible"):
                outline = "hull" in _regions(view)
                self._rest = _Rest(
                    view.answer["id"], view.space, view.plane, probe.features, probe.class_index, outline
                )
        self._begin()

    def _look_again(self, _change: Any) -> None:
        """Another region is wanted."""
        if self._rest is not None and not self._rest.outline and "hull" in _regions(self._view):
            self._follow(None)

    def _look(self, change: Any) -> None:
        """The view comes into sight, or nobody sees it any more."""
        if change["new"]:
            if self._waiting:
                self._begin()
        elif self._panel.optimised.get("running", True):  # also where nothing came so far
            self._worker.cancel()
            self._waiting = True

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "cancel":
            self._worker.cancel()
            self._panel.optimised = {**self._panel.optimised, "running": False, "note": "cancelled"}
        elif kind == "again":
            self._begin()

    def _begin(self) -> None:
        rest, self._waiting = self._rest, not self._view.seen
        if rest is None or self._waiting:
            return
        self._worker.ask(lambda work: self._work(rest, work), lambda _done: None, self._fail, self._show)

    def _fail(self, error: Exception) -> None:
        self._panel.optimised = {"running": False, "note": f"This could not be computed: {error}"}

    # in the thread

    def _work(self, rest: _Rest, work: Work) -> None:
        if rest.space.bank is not None:
            certificate, carriers = self._certificate(rest, work)
            work.deliver(lambda: self._certify(certificate, carriers))
        space = rest.space
        if space.classifier is not None and space.pictured is not None:
            self._optimise(rest, work)

    def _certificate(self, rest: _Rest, work: Work) -> tuple[dict[str, Any], dict[str, Any]]:
        """Whether the point lies in the hull of its class, which classes touch its cell, the outline."""
        space, own = rest.space, rest.class_index
        found: dict[str, Any] = {"id": rest.answer, "hullVerdict": "", "hullDistance": None, "adjacent": []}
        carriers: dict[str, Any] = {}
        if space.head.num_classes <= MANY_CLASSES:
            if self._adjacency is None or self._adjacency[0] is not space:
                self._adjacency = (space, space.adjacency())
            signs = self._adjacency[1].signs[own]
            found["adjacent"] = [space.head.class_names[k] for k in np.flatnonzero(signs == 1)]
        work.progress(0)
        try:
            hull = space.hull(own)
        except ValueError:  # no rightly classified sample: no hull
            return found, carriers
        projection = hull.project(rest.features[None])
        found["hullVerdict"] = str(projection.verdicts[0])
        found["hullDistance"] = float(projection.distances[0])
        carriers = _carriers(space, projection.support[0], projection.weights[0], own)
        work.progress(0)
        if rest.outline:
            if rest.plane.is_boundary_plane:
                outline = _shadow(rest.plane.to_plane(space.features[hull.rows]))
            else:
                outline = hull.section(rest.plane).inner
            found["hull"] = outline.ravel().tolist()
        return found, carriers

    def _optimise(self, rest: _Rest, work: Work) -> None:
        """Stream the images of an optimisation whose features come to the point's."""
        space, first = rest.space, math.nan
        size = TOLERANCE * float(np.linalg.norm(rest.features))
        start: Array | None = None
        if self._frame is not None and self._frame[0] is rest:
            start = self._frame[1].image
        elif space.decoder is not None:
            start = space.decode(rest.features[None])[0]
        for frame in space.invert_frames(rest.features, start, tolerance=TOLERANCE, max_steps=MOST_STEPS):
            first = frame.residual if math.isnan(first) else first
            self._frame = (rest, frame)
            work.progress(_done(first, frame.residual, size))
        note = "" if frame.residual <= size else "not reached: undecided"
        content = {**_optimised(space, frame, 1.0), "running": False, "note": note}
        pixels = frame.image[None].astype(np.float32)
        landed = preview(space.classifier, space.head, rest.features[None], pixels, space.yardstick).landed
        work.deliver(lambda: self._finish(content, landed))

    # in the kernel's thread

    def _certify(self, certificate: dict[str, Any], carriers: dict[str, Any]) -> None:
        self._view.certified = certificate
        self._panel.carriers = carriers

    def _show(self, share: float) -> None:
        if self._frame is not None:
            rest, frame = self._frame
            self._panel.optimised = _optimised(rest.space, frame, share)

    def _finish(self, content: dict[str, Any], landed: Array) -> None:
        self._panel.optimised = content
        self._view.draw(MARK, landed, kind="points")


def _regions(view: SliceView) -> list[Any]:
    """Names of the regions that the browser wants drawn, whatever it sent."""
    regions = view.options.get("regions")
    return regions if isinstance(regions, list) else []


def _done(first: float, now: float, goal: float) -> float:
    """How far an optimisation is: decades of the residual behind it, of those to the goal."""
    if not first > goal > 0:
        return 1.0
    return min(1.0, math.log(first / max(now, goal)) / math.log(first / goal))


def _optimised(space: FeatureSpace, frame: InversionFrame, share: float) -> dict[str, Any]:
    name = space.head.class_names[frame.predicted]
    residual = f"{frame.residual:.2f}" if frame.residual >= 0.005 else f"{frame.residual:.0e}"
    return {
        "image": image_message(frame.image),
        "alt": f"Optimised image, seen by the model as {name}",
        "running": True,
        "share": share,
        "note": "",
        "facts": [
            ["seen as", name, "what the model sees in the image, evaluated again"],
            ["residual", residual, "distance of the image's features from the point"],
            ["typical", f"{space.yardstick:.2f}", "median distance between neighbouring training features"],
            ["steps", str(frame.step), "of the optimisation"],
        ],
    }


def _carriers(space: FeatureSpace, rows: Any, weights: Array, own: int) -> dict[str, Any]:
    """The training images that carry the projection to the class's hull, heaviest first."""
    if space.images is None:
        return {}
    order = np.argsort(weights)[::-1][:CARRIERS]
    colours = class_colours(space.head.num_classes, (own,))
    items = [
        image_message(space.images[rows[k]], label=f"{100 * weights[k]:.0f} %", color=colours[own])
        for k in order
    ]
    more = len(weights) - len(items)
    title = "Blend nearest to the point" + (f" ({more} more images)" if more else "")
    return {"title": title, "items": items}


def _shadow(places: Array) -> Array:
    """Vertices (m, 2) of the convex hull of points of a plane; empty where they lie on a line."""
    try:
        return np.asarray(places[ConvexHull(places).vertices])
    except QhullError:
        return np.empty((0, 2))
