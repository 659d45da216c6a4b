"""Pixel plane: the plane through three images beside the feature slice of the same three, linked."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import ipywidgets
import numpy as np

from ...geometry.arrays import Array
from ...pixels.pixel_plane import ClassGrid
from ...pixels.plane_link import PlaneLink
from ...pixels.plane_partition import PlanePartition
from ..palette import class_colours
from .base import Question, facts
from .image_panel import image_message
from .plans import (
    cell_edges,
    cell_spots,
    extent_of,
    grid_edges,
    grid_runs,
    grid_spots,
    plan,
    view_of,
)  # fmt: skip
from .trio import Trio, TrioPanel
from .work import Work, Worker

__all__ = ["PixelPlanePanel", "TwoPlanes"]

LEVELS = range(3, 8)  # lattices of 9 to 129 points a side
PATIENCE = 20.0  # seconds that a finer lattice may take
PIECES = 6000  # of an exact partition that is drawn
EXACT = 10.0  # seconds after which exact polygons are given up
LINKING = 4.0  # seconds in which blends are computed before the planes are shown
AT_ONCE = 0.2  # seconds in which a cursor is answered
MARK = "pixel plane"
OUTLINE = 24  # points on each side of the triangle


@dataclass(frozen=True, eq=False)
class TwoPlanes:
    """The planes through three images in both spaces.

    Attributes
    ----------
    trio : Trio
    link : PlaneLink
    grid : ClassGrid
        Classes of the pixel plane on the finest lattice computed.
    partition : PlanePartition or None
        Its exact partition in the same window: "undecided", with the reason, where it was given up.
    """

    trio: Trio
    link: PlaneLink
    grid: ClassGrid
    partition: PlanePartition | None


class PixelPlanePanel(TrioPanel):
    """Both planes with a linked cursor; the partition of pixels comes coarse at first, then exact."""

    title = "Pixel plane"

    def __init__(self, worker: Worker) -> None:
        self.show_slice = ipywidgets.Button(
            description="Show their slice above",
            tooltip="The section through the features of the three images",
        )
        self.show_slice.layout.width = "auto"
        self.show_slice.on_click(lambda _: self._show_slice())
        self._link: PlaneLink | None = None
        self._outline: Array = np.empty((0, 0))  # features along the triangle of images
        super().__init__(worker, [self.show_slice], self._pointed)

    def missing(self, question: Question) -> str:
        """Planes of images need the model, too."""
        return self.lacks_images(question) or super().missing(question)

    def renew(self) -> None:
        """Other images: nothing is linked yet."""
        self._link = None

    def follow(self, question: Question) -> None:
        """Set the cursor to the blend that is nearest to the point."""
        self._worker.ask(
            lambda work: self._near(question, work),
            self._point_at,
            lambda error: self._say(str(error)),
            self._progress,
        )

    def look(self) -> None:
        """Compute the window that a person moved to."""
        if self._question is not None and self._link is not None:
            self._draw_slice(self._question, self._link)
            self.ask_again()

    # computing, coarse to fine

    def compute(self, question: Question, work: Work) -> TwoPlanes:
        """Lattices from coarse to fine, then the exact partition; each is shown when it is there."""
        trio, link = self._trio, self._link
        assert trio is not None

        def going() -> bool:
            work.progress(0.05)
            return False

        if link is None:
            found = question.space.plane_link(trio.images, seconds=LINKING, cancelled=going)
            assert found is not None
            link, outline = found, _outline(found)
            work.deliver(lambda: self._begin_planes(question, trio, found, outline))
        extent = extent_of(self.planes.view(0) or view_of(link.pixels.extent(0.1)))
        answer: TwoPlanes | None = None
        begun = time.monotonic()
        counted = [0]

        def counting() -> bool:
            counted[0] += 1
            work.progress(min(0.1 + 0.8 * counted[0] * 512 / 129**2, 0.9))
            return False

        grids = question.space.pixel_classes(link.pixels, extent, levels=LEVELS[-1], cancelled=counting)
        for grid in grids:
            answer = TwoPlanes(trio, link, grid, None)
            shown = answer
            work.deliver(lambda shown=shown: self._draw_pixels(question, shown))  # type: ignore[misc]
            if 4 * (time.monotonic() - begun) > PATIENCE:
                break
        assert answer is not None
        late = time.monotonic() + EXACT

        def tired() -> bool:
            work.progress(0.95)
            return time.monotonic() > late

        partition = question.space.pixel_partition(link.pixels, extent, limit=PIECES, cancelled=tired)
        return replace(answer, partition=partition)

    def draw(self, question: Question, answer: TwoPlanes) -> None:
        """The pixel plane as exactly as it came, and what the two planes have in common."""
        self._link = answer.link
        self._reveal(self.shown, True)
        self._draw_pixels(question, answer)
        share = 100 * answer.link.agreement()
        self.facts.value = facts(
            [
                ("images", ", ".join(answer.trio.labels)),
                ("blends with the same class in both", f"{share:.0f} % on a lattice"),
                ("partition of the pixels", _exactness(answer)),
            ]
        )
        self.follow(question)

    def _begin_planes(self, question: Question, trio: Trio, link: PlaneLink, outline: Array) -> None:
        """Show the widget with the feature slice, which costs nothing, before the pixels come."""
        self._link, self._outline = link, outline
        head = question.space.head
        with self.planes.hold_sync():
            self.planes.class_names = list(head.class_names)
            self.planes.colors = class_colours(head.num_classes, question.classes)
            self.planes.images = [image_message(image) for image in trio.images]
            self.planes.panes = []
        self._draw_slice(question, link)
        self.children = [self.text, self.busy, self.content]
        for part in (self.content, self.shown):
            self._reveal(part, True)

    def _draw_slice(self, question: Question, link: PlaneLink) -> None:
        section = link.slice
        corners = section.to_plane(link.corners)
        outline = section.to_plane(self._outline)
        whole = view_of(_around(np.vstack([corners, outline])))
        view = self.planes.view(1) or whole
        cells = section.cells(extent_of(view, 3.0))
        domain = section.domain_polygon(extent_of(view, 3.0))
        shown = section.cells(extent_of(view))
        pane = plan(
            self._turn, "Feature slice", whole, [(cell.class_index, cell.polygon) for cell in cells],
            cell_edges(cells), spots=cell_spots(shown, section.domain_polygon(extent_of(view))),
            corners=list(zip(self._labels(), corners, strict=True)),
            domain=domain if question.space.domain is not None else None, lines=[outline],
            note="Exact. Dotted: where the outline of the triangle of images runs, seen from here.",
        )  # fmt: skip
        first = self.planes.panes[:1] or [self._empty(link)]
        self.planes.panes = [*first, pane]

    def _empty(self, link: PlaneLink) -> dict[str, Any]:
        view = view_of(link.pixels.extent(0.1))
        return plan(self._turn, "Pixel plane", view, [], np.empty((0, 2, 2)), note="Computing")

    def _labels(self) -> tuple[str, ...]:
        return ("", "", "") if self._trio is None else self._trio.labels

    def _draw_pixels(self, question: Question, answer: TwoPlanes) -> None:
        plane, partition = answer.link.pixels, answer.partition
        whole = view_of(plane.extent(0.1))
        exact = partition is not None and partition.verdict == "yes"
        if exact and partition is not None:
            pieces = [(cell.class_index, cell.polygon) for cell in partition.cells]
            edges = partition.boundaries()
        else:
            pieces, edges = grid_runs(answer.grid), grid_edges(answer.grid)
        pane = plan(
            self._turn, "Pixel plane", whole, pieces, edges, spots=grid_spots(answer.grid),
            corners=list(zip(self._labels(), plane.corners, strict=True)),
            domain=plane.domain_polygon(extent_of(self.planes.view(0) or whole, 3.0)),
            lines=[plane.corners[[0, 1, 2, 0]]], note=_note(answer),
        )  # fmt: skip
        self.planes.panes = [pane, *self.planes.panes[1:]]

    # the linked cursor

    def _pointed(self, pane: int, at: Array) -> dict[str, Any]:
        """Where the image under a cursor lands, or the image nearest to a point of the slice."""
        link, question = self._link, self._question
        if link is None or question is None:
            return {}
        if pane == 0:
            features = link.land(at[None])[0]
            off = float(link.slice.distance(features[None])[0])
            beyond = "" if link.allowed(at[None])[0] else "; beyond what pixels can be"
            question.view.draw(MARK, features[None], kind="points", label="image under the cursor")
            return {
                "at": link.slice.to_plane(features[None])[0].tolist(),
                "text": f"lands {off:.2f} off the feature slice{beyond}",
            }
        target = link.slice.from_plane(at[None])[0]
        near = link.nearest(target, seconds=AT_ONCE)
        question.view.draw(MARK, target[None], kind="points", label="cursor")
        return {"at": near.st.tolist(), "text": f"nearest blend, {near.distance:.2f} away"}

    def _near(self, question: Question, work: Work) -> tuple[Array, Array, float]:
        """The blend nearest to the point under the probe, and that point on the feature slice."""
        link = self._link
        assert link is not None
        near = link.nearest(question.y, seconds=10 * AT_ONCE)
        work.progress(1.0)
        return near.st, link.slice.to_plane(question.y[None])[0], near.distance

    def _point_at(self, found: tuple[Array, Array, float]) -> None:
        st, foot, distance = found
        self._reveal(self.busy, False)
        self.planes.point(0, st, foot, f"nearest blend to the point above, {distance:.2f} away")

    def _show_slice(self) -> None:
        if self._link is not None and self._question is not None:
            self._question.view.show(anchors=self._link.corners)

    def leave(self) -> None:
        """Take the mark off the slice."""
        super().leave()
        if self._question is not None:
            self._question.view.erase(MARK)


def _outline(link: PlaneLink) -> Array:
    """Features along the triangle of the three images; of fewer points where the model is slow."""
    corners, begun = link.pixels.corners, time.monotonic()
    link.land(corners)
    each = (time.monotonic() - begun) / 3
    share = np.linspace(0.0, 1.0, int(np.clip(LINKING / (6 * each), 4, OUTLINE)))[:, None]
    sides = [(1 - share) * corners[k] + share * corners[(k + 1) % 3] for k in range(3)]
    return link.land(np.concatenate(sides))


def _around(points: Array) -> tuple[float, float, float, float]:
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.1 * float((high - low).max())
    return float(low[0] - room), float(high[0] + room), float(low[1] - room), float(high[1] + room)


def _exactness(answer: TwoPlanes) -> str:
    if answer.partition is not None and answer.partition.verdict == "yes":
        return f"exact, {len(answer.partition.cells)} polygons"
    side = len(answer.grid.classes)
    return f"{side} x {side} points"


def _note(answer: TwoPlanes) -> str:
    if answer.partition is None:
        return f"{_exactness(answer)}, getting finer."
    if answer.partition.verdict == "yes":
        return f"Exact: {len(answer.partition.cells)} polygons."
    reason = answer.partition.reason
    if "cancelled" in reason:
        reason = f"no exact polygons within {EXACT:.0f} s; they come in smaller windows"
    elif "pieces" in reason:
        reason = f"the network has more than {PIECES} affine pieces here, too many for exact polygons"
    return f"{_exactness(answer)}; {reason}."
