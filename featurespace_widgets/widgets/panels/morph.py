"""Morph: images along a path in feature space between two images, beside the blend of their pixels."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from ...geometry.arrays import Array
from ...geometry.hull_projection import HullProjection
from ...models.bank import in_unit
from ..palette import class_colours
from ..pictures import as_bytes
from ..png import picture
from .base import Question, facts
from .charts import TEST, TRAIN, curves, ribbon, side_by_side
from .film import Film
from .image_search import ImageSearch
from .starts import SHOWN, start
from .thumbs import Thumbs
from .work import Work, Worker

if TYPE_CHECKING:
    from ...pixels.morph import Morph, MorphFrame

__all__ = ["End", "MorphPanel", "Morphing", "ends"]

FRAMES = 16
SHARES = np.linspace(0.0, 1.0, 33)  # of the route, projected onto the hull
EVERY = 8  # samples of the blend of which one is projected onto the hull
MOST = 12  # images to pick from, besides the one at the point
ROUTES = {"straight": None, "through the flip point": "flip", "through the hull": "hull"}


@dataclass(frozen=True, eq=False)
class End:
    """An image that a morph can start from or lead to.

    Attributes
    ----------
    image : (C, H, W) array in [0, 1]
    label : str
    class_index : int
        What the model sees in it.
    """

    image: Array
    label: str
    class_index: int


def ends(question: Question) -> list[End]:
    """The image at the point, then one typical sample of each class, or the nearest ones of many classes."""
    from ...pixels.morph import representative

    space = question.space
    head, samples = space.head, space.pictured
    shown = start(question, SHOWN)
    found = [End(shown.image, "the point", shown.class_index)]
    if samples is None or samples.images is None:
        return found
    seen = head.predict(samples.features)
    if head.num_classes > MOST:
        rows = space.nearest_images(question.y[None], MOST)[1][0]
    else:
        labels = seen if samples.labels is None else samples.labels
        right = np.unique(labels[labels == seen])
        rows = np.array([representative(head, samples.features, labels, k) for k in right], dtype=np.intp)
    for row in rows:
        found.append(End(in_unit(samples.images[row]), head.class_names[seen[row]], int(seen[row])))
    return found


@dataclass(frozen=True, eq=False)
class Morphing:
    """A morph between two picked images.

    Attributes
    ----------
    ends : list of End
        The images to pick from.
    first, last : int
        The picked ones.
    morph : Morph or None
        Its frames are the two images alone where optimised ones were not asked for yet.
    route_hull, blend_hull : HullProjection or None
        Of 33 points of the route, and of every eighth sample of the blend, onto the training hull.
    problem : str
        Why there is no morph; else empty.
    """

    ends: list[End]
    first: int
    last: int
    morph: Morph | None
    route_hull: HullProjection | None
    blend_hull: HullProjection | None
    problem: str


class MorphPanel(ImageSearch):
    """Two images to pick, the frames as a film, class ribbons, both paths and their hull distances."""

    title = "Morph"
    overlays = ("route", "blend", "frame")

    def __init__(self, worker: Worker) -> None:
        self._wanted: Question | None = None  # for which optimised frames are made
        self._picked = [0, -1]  # -1: the nearest image of another class
        self._drawing = False
        self.first = Thumbs("From", lambda: self._pick_end(0, self.first))
        self.last = Thumbs("To", lambda: self._pick_end(1, self.last))
        self.route = ipywidgets.Dropdown(description="Route", options=list(ROUTES))
        self.source = ipywidgets.Dropdown(description="Frames", options=["decoded", "optimised"])
        self.make, self.gif, self.webp = (
            ipywidgets.Button(description=text, layout={"width": "auto"})
            for text in ("Make the frames", "Save as GIF", "Save as WebP")
        )
        self.note, self.link, self.facts = (ipywidgets.HTML() for _ in range(3))
        self.film = Film()
        self.route.observe(self._pick, "value")
        self.source.observe(self._pick, "value")
        self.make.on_click(lambda _: self._make())
        self.gif.on_click(lambda _: self._save("gif"))
        self.webp.on_click(lambda _: self._save("webp"))
        self.film.slider.observe(lambda change: self._mark(change["new"]), "value")
        kinds = [("feature route", TRAIN), ("pixel blend", TEST)]
        self.hulls = curves(
            "Outside the training hull", ("share of the way", "distance"),
            [(colour, "solid") for _, colour in kinds], kinds,
        )  # fmt: skip
        saving = side_by_side(self.gif, self.webp, self.link)
        super().__init__(
            worker,
            [
                side_by_side(self.first, self.last),
                side_by_side(self.route, self.source, self.make),
                self.note,
                side_by_side(self.film, self.hulls.box),
                self.facts,
                saving,
            ],
        )

    def missing(self, question: Question) -> str:
        """The model, and images of samples to morph to."""
        sentence = super().missing(question) or self.lacks_images(question) or self.too_large(question)
        if not sentence and question.space.pictured is None:
            title = question.space.title
            return f"{title!r} has no images of samples to morph to; pass images= with its features."
        return sentence

    def compute(self, question: Question, work: Work) -> Morphing:
        """The morph of what is picked; optimised frames only once they were asked for."""
        space, images = question.space, ends(question)
        first, last = self._picked
        if not first < len(images):
            first = 0
        if not 0 <= last < len(images):
            last = _other(question, images, images[first].class_index)
        decoded = space.decoder is not None and self.source.value == "decoded"
        count = FRAMES if decoded or self._wanted is question else 2
        made: list[MorphFrame] = []

        def frame(found: MorphFrame) -> None:
            made.append(found)
            work.progress(len(made) / count)

        try:
            morph = space.morph(
                images[first].image, images[last].image, through=ROUTES[self.route.value],
                decoded=decoded, frames=count, progress=frame, cancelled=work.stopped,
            )  # fmt: skip
        except ValueError as error:  # no flip point, for one; the controls must stay
            return Morphing(images, first, last, None, None, None, str(error))
        if space.bank is None:
            return Morphing(images, first, last, morph, None, None, "")
        hull = space.hull()
        route = hull.project(np.stack([morph.route.point(t) for t in SHARES]))
        work.progress(1.0)
        return Morphing(images, first, last, morph, route, hull.project(morph.blend.features[::EVERY]), "")

    def draw(self, question: Question, answer: Morphing) -> None:
        """Thumbnails, film, ribbons, chart, numbers, and both paths on the slice."""
        morph = answer.morph
        self._offer(question, answer)
        for part in (self.film, self.hulls.box, self.facts, self.gif, self.webp):
            self._reveal(part, morph is not None)
        self.link.value, self.note.value = "", f'<div class="fsw-note">{_note(answer)}</div>'
        for name in self.overlays:
            question.view.erase(name)
        if morph is None:
            return
        waits = len(morph.frames) < FRAMES
        self._reveal(self.make, waits)
        self._reveal(self.gif, not waits)
        self._reveal(self.webp, not waits)
        self.film.show([_frame(question, morph, place) for place in range(len(morph.frames))])
        self.facts.value = facts(_lines(morph))
        self._reveal(self.hulls.box, answer.route_hull is not None)
        if answer.route_hull is not None and answer.blend_hull is not None:
            shares = morph.blend.t[::EVERY]
            self.hulls.plot([(SHARES, answer.route_hull.distances), (shares, answer.blend_hull.distances)])
        legs = morph.route.legs
        stops = np.stack([legs[0].start, *(leg.end for leg in legs)])
        question.view.draw("route", stops)
        question.view.draw("blend", morph.blend.features[:: EVERY // 2])
        self._mark(0)

    def _offer(self, question: Question, answer: Morphing) -> None:
        shown = [(as_bytes(end.image), end.label) for end in answer.ends]
        self.first.offer(shown, answer.first)
        self.last.offer(shown, answer.last)
        self._drawing = True
        sources = ("decoded", "optimised") if question.space.decoder is not None else ("optimised",)
        if self.source.options != sources:
            self.source.options = sources
        self._drawing = False

    def _mark(self, place: int) -> None:
        """The frame on screen, on the slice."""
        question, answer = self._question, self.answer
        if question is not None and isinstance(answer, Morphing) and answer.morph is not None:
            frame = answer.morph.frames[min(place, len(answer.morph.frames) - 1)]
            question.view.draw("frame", frame.target[None], kind="points")

    def _pick_end(self, which: int, thumbs: Thumbs) -> None:
        self._picked[which] = thumbs.chosen
        self._again()

    def _pick(self, _change: dict[str, Any]) -> None:
        if not self._drawing:
            self._again()

    def _again(self) -> None:
        self._wanted = None
        self.ask_again()

    def _make(self) -> None:
        self._wanted = self._question
        self.ask_again()

    def _save(self, kind: str) -> None:
        """Offer the film as a file to download."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"morph.{kind}"
            self.answer.morph.save(file)
            data = file.read_bytes()
        address = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
        text = f"{file.name}, {len(data) / 1000:.0f} kB"
        self.link.value = f'<a download="{file.name}" href="{address}">{text}</a>'


def _other(question: Question, images: list[End], own: int) -> int:
    """The image of another class that is nearest in feature space to the point."""
    head, y = question.space.head, question.y
    logits = head.logits(y[None])[0]
    others = [k for k in range(1, len(images)) if images[k].class_index != own]
    return max(others, key=lambda k: logits[images[k].class_index], default=len(images) - 1)


def _note(answer: Morphing) -> str:
    morph = answer.morph
    if morph is None:
        return escape(f"There is no such morph: {answer.problem}.")
    if len(morph.frames) < FRAMES:
        return "The two images, their route and their blend; images between are optimised once you ask."
    return ""


def _frame(question: Question, morph: Morph, place: int) -> str:
    """One frame as HTML: its image, the pixel blend, and both ribbons with where it is on them."""
    head, frame = question.space.head, morph.frames[place]
    names, colours = head.class_names, class_colours(head.num_classes, question.classes)
    track = morph.blend.ribbon
    blended = int(track.classes[np.searchsorted(track.breakpoints[1:-1], frame.t, side="right")])
    images = [
        picture(image, text, text)
        for image, text in (
            (frame.image, f"{frame.source}, seen as {names[frame.predicted]}"),
            (morph.blended()[place], f"pixel blend, seen as {names[blended]}"),
        )
    ]
    bands = ("Classes of the feature route, exact", morph.route.ribbon), ("Classes of the pixel blend", track)
    ribbons = "".join(
        ribbon(title, band.breakpoints, band.classes, names, colours, frame.t) for title, band in bands
    )
    lines = [
        ("of the way", f"{100 * frame.t:.0f} %"),
        ("route's class", names[frame.expected]),
        ("residual", f"{frame.residual:.2g} (typical {morph.yardstick:.2f})"),
    ]
    return f'<div class="fsw-stills">{"".join(images)}{facts(lines)}</div>{ribbons}'


def _lines(morph: Morph) -> list[tuple[str, str]]:
    lines = [
        ("length of the route", f"{morph.route.length:.3g}"),
        ("of the blend's way", f"{morph.blend.length:.3g}"),
        ("ratio", f"{morph.length_ratio:.2f}"),
        ("blend off the chord", f"{morph.blend.deviation:.3g} at most"),
    ]
    if len(morph.frames) == FRAMES:
        worst = max(frame.residual for frame in morph.frames)
        lines.append(("frames on the route", f"{morph.verdict}, residual at most {worst:.2g}"))
    return lines
