"""Adversarial: where an attack on the image moves in feature space, and how near one is ruled out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from ...geometry.hull_projection import HullProjection
from ..palette import class_colours
from .base import Question, facts
from .charts import POINT, TEST, TRAIN, curves, ribbon, side_by_side
from .flips import ANY, ONE, flip_pictures
from .image_search import ImageSearch
from .margins import MOST, margins
from .starts import CHOICES, Start, nearest_flip, start
from .work import Work, Worker

if TYPE_CHECKING:
    from ...pixels.attack_track import AttackTrack
    from ...pixels.bounds import PixelCertificate

__all__ = ["AdversarialPanel", "Attack"]

EVERY = 4  # samples of the way of which one is projected onto the hull
CERTIFIED = 300  # batches that a certificate takes, about
NEAREST = -1  # of the targets: any class


@dataclass(frozen=True, eq=False)
class Attack:
    """An attack on the image at the point, followed in feature space.

    Attributes
    ----------
    start : Start
    track : AttackTrack
        ``track.flip`` is the nearest image found at which the class changes.
    hull : HullProjection or None
        Of every fourth sample of the way onto the training hull; None without training features.
    certificate : PixelCertificate
        Of the image: what the norms of the layers prove, more once it was asked for.
    searched : bool
        Whether more was asked for.
    """

    start: Start
    track: AttackTrack
    hull: HullProjection | None
    certificate: PixelCertificate
    searched: bool = False


class AdversarialPanel(ImageSearch):
    """Margin, feature move and hull distance along the way to the flip, and what is certified."""

    title = "Adversarial"
    overlays = ("attack",)

    def __init__(self, worker: Worker) -> None:
        self._wanted: Attack | None = None  # of which the image is to be certified
        self._proof: tuple[Question, str, PixelCertificate] | None = None  # the last one made
        self._drawing = False
        self.facts, self.ribbon, self.pictures, self.note = (ipywidgets.HTML() for _ in range(4))
        self.target = ipywidgets.Dropdown(description="Towards", options=[("any class", NEAREST)])
        self.land, self.certify = (
            ipywidgets.Button(description=text, layout={"width": "auto"})
            for text in ("Landing point on slice", "Certify the image")
        )
        self.image = ipywidgets.Dropdown(description="Image", options=CHOICES)
        self.image.observe(self.ask_again, "value")
        self.target.observe(self._pick, "value")
        self.land.on_click(lambda _: self._land())
        self.certify.on_click(lambda _: self._certify())
        across, plain = "distance in pixels", "solid"
        lines = [("margin", TRAIN), ("flip found", POINT), ("linearised (dashed), certified", TEST)]
        self.margins = curves(
            "Margin over the next class", (across, "logit margin"),
            [(TRAIN, plain), (POINT, plain), (TEST, "dashed"), (TEST, plain)], lines,
        )  # fmt: skip
        parts = [("whole move", TRAIN), ("along the normal", POINT), ("changes no logit", TEST)]
        styles = [(colour, plain) for _, colour in parts]
        self.moves = curves("Move in feature space", (across, "length"), styles, parts)
        self.hull = curves("Outside the training hull", (across, "distance"), [(TRAIN, plain)])
        charts = side_by_side(self.margins.box, self.moves.box, self.hull.box)
        self.controls = side_by_side(self.image, self.target, self.land, self.certify)
        super().__init__(worker, [self.controls, self.facts, self.note, self.pictures, self.ribbon, charts])

    def missing(self, question: Question) -> str:
        """The model and an image are needed."""
        return super().missing(question) or self.lacks_images(question) or self.too_large(question)

    def compute(self, question: Question, work: Work) -> Attack:
        """The flip, its way and hull distances, what is proved at once; the longer proof once asked for."""
        space, known = question.space, self._wanted
        if known is not None and known is self.answer:
            image = known.track.flip.original
            proof = space.certify_image(image, norms=("L2",), cancelled=work.counter(CERTIFIED))
            self._proof = (question, known.start.source, proof)
            return replace(known, certificate=proof, searched=True)
        target = self.target.value
        begin = start(question, self.image.value)
        if target not in range(space.head.num_classes) or target == begin.class_index:
            target = None
        if target is None:
            flip = nearest_flip(space, begin.image, work.counter(ANY))
        else:
            flip = space.flip_image(begin.image, target, cancelled=work.counter(ONE))
        if not np.isfinite(flip.distance):
            raise ValueError("no image of another class was found; that does not say that there is none")
        track = space.attack_track(flip)
        hull = None if space.bank is None else space.hull().project(track.features[::EVERY])
        last = self._proof
        if last is not None and last[0] is question and last[1] == begin.source:
            return Attack(begin, track, hull, last[2], searched=True)
        at_once = space.certify_image(begin.image, norms=("L2",), passes=0)
        return Attack(begin, track, hull, at_once)

    def draw(self, question: Question, answer: Attack) -> None:
        """Numbers, images, the classes along the way, three charts and the way on the slice."""
        head, track = question.space.head, answer.track
        self._offer(question)
        self.facts.value = facts(_lines(answer))
        self.note.value = f'<div class="fsw-note">{_certified(answer)}</div>'
        self.pictures.value = flip_pictures(question, track.flip)
        changes = np.flatnonzero(np.diff(track.classes)) + 1
        ends = [0.0, *track.pixels[changes].tolist(), float(track.pixels[-1])]
        seen = [int(track.classes[k]) for k in (0, *changes)]
        self.ribbon.value = ribbon(
            f"Class along the way, at {len(track.t)} images of it", ends, seen, head.class_names,
            class_colours(head.num_classes, question.classes),
        )  # fmt: skip
        self._plot(answer)
        name = head.class_names[track.flip.target]
        question.view.draw("attack", track.features[track.t <= 1.0], label=f"attack to {name}")

    def _offer(self, question: Question) -> None:
        """The nearest classes to aim at; the one that is chosen stays."""
        names, before = question.space.head.class_names, self.target.value
        nearest = [int(k) for k in margins(question).others[:MOST]]
        self._drawing = True
        self.target.options = [("any class", NEAREST), *((names[k], k) for k in nearest)]
        self.target.value = before if before in nearest else NEAREST
        self._drawing = False

    def _plot(self, answer: Attack) -> None:
        track, flip = answer.track, answer.track.flip
        ends = np.array([track.margins.min(), track.margins.max()])
        radius = answer.certificate.radius_l2
        far = flip.linearised_distance > track.pixels[-1]
        upright = (flip.distance, 0.0 if far else flip.linearised_distance, radius)
        self.margins.plot([(track.pixels, track.margins), *((np.full(2, x), ends) for x in upright)], None)
        self.margins.marks[2].visible, self.margins.marks[3].visible = not bool(far), bool(radius > 0)
        self.moves.plot([(track.pixels, part) for part in (track.moves, np.abs(track.along), track.null)])
        self._reveal(self.hull.box, answer.hull is not None)
        if answer.hull is not None:
            self.hull.plot([(track.pixels[::EVERY], answer.hull.distances)])

    def _pick(self, _change: dict[str, Any]) -> None:
        if not self._drawing:
            self.ask_again()

    def _certify(self) -> None:
        self._wanted = self.answer
        self.ask_again()

    def _land(self) -> None:
        question, flip = self._question, self.answer.track.flip
        assert question is not None
        self.put_on_slice(question, flip.landing, f"attack to {question.space.head.class_names[flip.target]}")


def _lines(answer: Attack) -> list[tuple[str, str]]:
    flip = answer.track.flip
    lines = [
        ("move in pixels", f"{flip.distance:.3g}"),
        ("move in features", f"{flip.feature_move:.3g}"),
        ("amplified", f"{flip.amplification:.3g} times"),
        ("along the boundary's normal", f"{100 * flip.alignment**2:.0f} % of the square"),
        ("changes no logit", f"{100 * flip.null_share:.0f} % of the square"),
    ]
    if answer.hull is not None:
        first, last = (
            f"{answer.hull.distances[k]:.2g}" for k in (0, np.searchsorted(answer.track.t, 1.0) // EVERY)
        )
        lines.append(("outside the training hull", f"{first} at first, {last} at the flip"))
    return lines


def _certified(answer: Attack) -> str:
    flip, proven = answer.track.flip, answer.certificate
    found = f"An image of another class was found at {flip.distance:.3g}"
    if proven.verdict != "yes":
        return f"{found}. Nothing is certified: {escape(proven.reason)}."
    more = "" if answer.searched else " A search may prove more; for a deep network it takes minutes."
    return f"No image nearer than {proven.radius_l2:.3g} has another class (proof); {found.lower()}.{more}"
