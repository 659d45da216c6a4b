"""Arrangement: which classes meet, how far apart their hulls are, and the angles between boundaries."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ...geometry.adjacency import Adjacency, adjacency
from ...geometry.arrangement import class_angles, normal_angles, pair_distances
from ...geometry.arrays import Array
from ...geometry.hull_pairs import HullPair
from ...models.bank import in_unit
from ...space import FeatureSpace
from .base import Panel, Question, facts
from .matrix import Matrix
from .work import Work, Worker

if TYPE_CHECKING:
    from ...pixels.comparison import Comparison

__all__ = ["Arrangement", "ArrangementPanel", "shown_classes"]

MOST = 20  # classes that fit
PATIENCE = 10.0  # seconds after which pairs stay undecided
MATRICES = {
    "adjacency": "which classes meet, and by how much others are below",
    "gap": "gap between the hulls of the classes' samples",
    "distance": "distance of the point from each pair's boundary",
    "normals": "angles between the boundaries of the point's class",
    "classes": "angles between the classes' weights, less their mean",
    "pixels": "angles in pixels around the nearest image",
}
UNKNOWN = "undecided"


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A matrix of class pairs, and what it was made from.

    Attributes
    ----------
    kind : str
        One of `MATRICES`.
    classes : tuple of int
        Rows and columns.
    values : (m, m) array
        NaN where there is none.
    marks : (m, m) array of "", "no" or "undecided"
    said : (m, m) nested lists of str
        Each entry in words, with how good it is.
    adjacency : Adjacency or None
    gaps : dict of (i, j), i < j, to HullPair
    comparison : Comparison or None
        Pixel space against feature space at the nearest image; where the matrix is "pixels".
    """

    kind: str
    classes: tuple[int, ...]
    values: Array
    marks: NDArray[np.str_]
    said: list[list[str]]
    adjacency: Adjacency | None = None
    gaps: dict[tuple[int, int], HullPair] | None = None
    comparison: Comparison | None = None


def shown_classes(question: Question) -> tuple[int, ...]:
    """All classes; beyond 20 the chosen ones and those whose boundaries are nearest to the point."""
    head = question.space.head
    if head.num_classes <= MOST:
        return tuple(range(head.num_classes))
    logits = head.logits(question.y[None])[0]
    own = int(logits.argmax())
    lengths = head.normal_lengths([own])[0]
    distances = np.where(lengths > 0, (logits[own] - logits) / np.where(lengths > 0, lengths, 1.0), np.inf)
    order = [own, *question.classes, *(int(k) for k in distances.argsort(kind="stable"))]
    return tuple(sorted(list(dict.fromkeys(order))[:MOST]))


class ArrangementPanel(Panel):
    """A matrix of class pairs; the pair that is clicked is shown on the slice."""

    title = "Arrangement"

    def __init__(self, worker: Worker) -> None:
        self.which = ipywidgets.Dropdown(
            options=[(text, kind) for kind, text in MATRICES.items()], description="Show"
        )
        self.which.layout.width = "500px"
        self.which.observe(self.ask_again, "value")
        self.witness = ipywidgets.Button(
            description="Put where they meet on the slice", tooltip="Pull a corner of the section there"
        )
        self.witness.layout.width = "auto"
        self.witness.on_click(lambda _: self._put_witness())
        self.note, self.facts, self.table = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.matrix = Matrix(self._picked)
        self._adjacency: WeakKeyDictionary[FeatureSpace, Adjacency] = WeakKeyDictionary()
        self._gaps: WeakKeyDictionary[FeatureSpace, dict[tuple[int, int], HullPair]] = WeakKeyDictionary()
        self._pair: tuple[int, int] | None = None
        row = ipywidgets.HBox([self.which, self.witness])
        row.add_class("fsw-chart-row")
        super().__init__(worker, [row, self.note, self.facts, self.matrix, self.table])

    def compute(self, question: Question, work: Work) -> Arrangement:
        """The chosen matrix, in words and numbers."""
        kind, classes = self.which.value, shown_classes(question)
        if kind == "adjacency":
            return self._meeting(question, classes, work)
        if kind == "gap":
            return self._hull_gaps(question, classes, work)
        return _in_pixels(question, work) if kind == "pixels" else _plain(question, classes, kind)

    def _meeting(self, question: Question, classes: tuple[int, ...], work: Work) -> Arrangement:
        space = question.space
        found = self._adjacency.get(space)
        if found is None:
            work.progress(0.1)
            features = None if space.bank is None else space.features
            found = adjacency(space.head, space.domain, features, seconds=PATIENCE)
            self._adjacency[space] = found
        values, marks, said = _blank(len(classes))
        for a, i in enumerate(classes):
            for b, j in enumerate(classes):
                if i == j:
                    continue
                sign = int(found.signs[i, j])
                if sign > 0:
                    values[a, b] = found.witness(i, j).margin
                    said[a][b] = f"meet, by a witness: all others are {values[a, b]:.3g} below"
                elif sign < 0:
                    marks[a, b] = "no"
                    said[a][b] = (
                        f"do not meet in the domain, by a proof (bound {found.proof(i, j).bound:.1e})"
                    )
                else:
                    marks[a, b] = UNKNOWN
                    said[a][b] = "undecided: neither a witness nor a proof was found"
        return Arrangement("adjacency", classes, values, marks, said, adjacency=found)

    def _hull_gaps(self, question: Question, classes: tuple[int, ...], work: Work) -> Arrangement:
        space, known = question.space, self._gaps.setdefault(question.space, {})
        values, marks, said = _blank(len(classes))
        count, done = len(classes) * (len(classes) - 1) // 2, 0
        for a, i in enumerate(classes):
            for b, j in enumerate(classes[a + 1 :], a + 1):
                work.progress(done / count)
                done += 1
                try:
                    pair = known.get((i, j)) or known.setdefault((i, j), space.separate(i, j))
                except ValueError as error:  # a class without rightly classified samples has no hull
                    marks[a, b], said[a][b] = UNKNOWN, str(error)
                else:
                    values[a, b], marks[a, b], said[a][b] = _gap_entry(pair)
                values[b, a], marks[b, a], said[b][a] = values[a, b], marks[a, b], said[a][b]
        return Arrangement("gap", classes, values, marks, said, gaps=dict(known))

    def missing(self, question: Question) -> str:
        """Hulls need samples, pixels need the model and images."""
        space, kind = question.space, self.which.value
        lacks = ""
        if kind == "gap" and space.bank is None:
            lacks = f"{space.title!r} has no training features, so its classes have no hulls."
        elif kind == "pixels":
            lacks = self.lacks_images(question)
            if not lacks and space.pictured is None:
                lacks = f"{space.title!r} has no images; pass images= with its features."
            if not lacks and space.head.num_classes > MOST:
                count = space.head.num_classes
                lacks = f"Pixel space is compared for up to {MOST} classes; this model has {count}."
        self._reveal(self.witness, False)
        return lacks or super().missing(question)

    def _say(self, sentence: str) -> None:
        super()._say(sentence)
        # The choice of another matrix stays at hand.
        self.children = [self.text, self.busy, self.content]
        self._reveal(self.content, True)
        for part in (self.note, self.facts, self.matrix, self.table):
            self._reveal(part, False)

    def draw(self, question: Question, answer: Arrangement) -> None:
        """The matrix with the pair of the slice framed."""
        head = question.space.head
        for part in (self.note, self.facts, self.matrix, self.table):
            self._reveal(part, True)
        names = [head.class_names[k] for k in answer.classes]
        none = "meet" if answer.kind == "gap" else "no"
        self.matrix.show(MATRICES[answer.kind], names, answer.values, answer.marks, answer.said, none)
        pair = question.classes[:2]
        shown = all(k in answer.classes for k in pair)
        self.matrix.chosen = [answer.classes.index(k) for k in pair] if shown else []
        self._pair = (pair[0], pair[1])
        lines = [] if not shown else [_pair_line(head.class_names, answer, pair)]
        self.note.value = _note(question, answer)
        self.facts.value = facts([*lines, *_summary(question, answer)])
        self.table.value = _distances(question, answer)
        meets = answer.adjacency is not None and answer.adjacency.signs[pair] > 0
        self._reveal(self.witness, bool(meets))

    def _picked(self, row: int, column: int) -> None:
        """Show the pair on the slice; the panel is asked again by that."""
        if self._question is not None and self.answer is not None:
            classes = self.answer.classes
            self._question.view.show(classes=(classes[row], classes[column]))

    def _put_witness(self) -> None:
        question, answer = self._question, self.answer
        if question is None or answer is None or answer.adjacency is None or self._pair is None:
            return
        names = [question.space.head.class_names[k] for k in self._pair]
        point = answer.adjacency.witness(*self._pair).point
        question.view.through_point(point, f"where {names[0]} and {names[1]} meet"[:60])


def _blank(count: int) -> tuple[Array, NDArray[np.str_], list[list[str]]]:
    return (
        np.full((count, count), np.nan),
        np.full((count, count), "", dtype="<U9"),
        [[""] * count for _ in range(count)],
    )


def _gap_entry(pair: HullPair) -> tuple[float, str, str]:
    if pair.verdict == "apart":
        return pair.gap, "", f"apart by {pair.gap:.3g}, with a plane between them"
    if pair.verdict == "meet":
        return np.nan, "no", "meet: there is a common point, so no gap"
    return np.nan, UNKNOWN, f"undecided: at most {pair.distance:.3g} apart"


def _plain(question: Question, classes: tuple[int, ...], kind: str) -> Arrangement:
    """Closed forms: distances of the point, and angles."""
    head = question.space.head
    own = int(head.predict(question.y[None])[0])
    if kind == "distance":
        values, unit = pair_distances(head, question.y, classes), "away from the point"
    elif kind == "normals":
        classes = tuple(k for k in classes if k != own)
        values, unit = normal_angles(head, own, classes), "degrees"
    else:
        values, unit = class_angles(head, classes), "degrees"
    _, marks, _ = _blank(len(classes))
    said = [
        [f"{value:.3g} {unit}" if np.isfinite(value) else "no boundary" for value in row] for row in values
    ]
    return Arrangement(kind, classes, values, marks, said)


def _in_pixels(question: Question, work: Work) -> Arrangement:
    """Angles in pixel space around the image of the sample nearest to the point."""
    space = question.space
    bank = space.pictured
    assert bank is not None
    assert bank.images is not None
    row = int(space.nearest_images(question.y[None], 1)[1][0, 0])
    image = bank.images[row : row + 1]
    work.progress(0.2)
    found = space.compare(in_unit(image))
    values = found.pixel_summary[0].angles
    classes = tuple(int(k) for k in found.others[0])
    _, marks, _ = _blank(len(classes))
    features = found.feature_summary[0].angles
    said = [
        [
            f"{pixel:.0f} degrees in pixels, {feature:.0f} in features"
            for pixel, feature in zip(*rows, strict=True)
        ]
        for rows in zip(values, features, strict=True)
    ]
    return Arrangement("pixels", classes, values, marks, said, comparison=found)


def _pair_line(names: tuple[str, ...], answer: Arrangement, pair: tuple[int, ...]) -> tuple[str, str]:
    a, b = (answer.classes.index(k) for k in pair)
    return f"{names[pair[0]]} and {names[pair[1]]}", answer.said[a][b] or "the same"


def _note(question: Question, answer: Arrangement) -> str:
    head = question.space.head
    text = "Click a pair to see its boundary on the slice."
    if answer.kind in ("normals", "pixels"):
        own = answer.comparison.classes[0] if answer.comparison else head.predict(question.y[None])[0]
        text += (
            f" Angles are between the boundaries of {escape(head.class_names[int(own)])} with these classes."
        )
    if answer.kind == "adjacency":
        text += " Hatched: no, with a proof. Dashed: undecided."
    if answer.kind == "gap":
        text += " Hatched: the hulls meet. Dashed: undecided, or no samples."
    if head.num_classes > MOST:
        text += (
            f" Of {head.num_classes} classes {len(answer.classes)} are shown: the chosen ones, and those "
            "whose boundaries are nearest to the point."
        )
    return f"<p>{text}</p>"


def _summary(question: Question, answer: Arrangement) -> list[tuple[str, str]]:
    above = np.triu(np.ones_like(answer.values, dtype=bool), 1)
    lines = []
    if answer.kind in ("adjacency", "gap"):
        values = answer.values[above]
        kinds = (
            ("pairs that meet", "that do not") if answer.kind == "adjacency" else ("pairs apart", "that meet")
        )
        lines = [
            (kinds[0], str(int(np.isfinite(values).sum()))),
            (kinds[1], str(int((answer.marks[above] == "no").sum()))),
            (UNKNOWN, str(int((answer.marks[above] == UNKNOWN).sum()))),
        ]
        if answer.adjacency is not None and len(answer.adjacency.signs) <= MOST:
            lines.append(
                ("checked again", "all right" if answer.adjacency.verify().all() else "not all hold")
            )
    found = answer.comparison
    if found is not None:
        feature, pixel = found.feature_summary[0], found.pixel_summary[0]
        flat = found.rank_correlation[0]
        lines = [
            ("order of the distances, rank correlation", f"{flat:.2f}"),
            ("farthest / nearest in features", f"{feature.spread:.3g}"),
            ("in pixels", f"{pixel.spread:.3g}"),
            ("directions span (effective rank) in features", f"{feature.effective_rank:.2f}"),
            ("in pixels ", f"{pixel.effective_rank:.2f}"),
        ]
    return lines


def _distances(question: Question, answer: Arrangement) -> str:
    """A table of the distances to all boundaries in both spaces."""
    found = answer.comparison
    if found is None:
        return ""
    names = question.space.head.class_names
    own = names[int(found.classes[0])]
    rows = "".join(
        f"<tr><th>{escape(names[int(k)])}</th><td>{feature:.3g}</td><td>{pixel:.3g}</td></tr>"
        for k, feature, pixel in zip(
            found.others[0], found.feature_distances[0], found.linear_distances[0], strict=True
        )
    )
    return (
        f"<p>Distance of the nearest image, seen as {escape(own)}, to its boundary with each class; in "
        "pixels by the linearised model, an estimate.</p>"
        '<table class="fsw-numbers-table"><tr><th></th><th>in features</th><th>in pixels</th></tr>'
        f"{rows}</table>"
    )
