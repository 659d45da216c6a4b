"""Two models, or two training stages, on the same three images: where they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ...geometry.arrays import Array
from ...geometry.disagreement import TRIANGLE, Disagreement, disagreement
from ...geometry.head import LinearHead
from ...space import FeatureSpace
from ..palette import class_colours
from ..png import picture
from .base import Question, facts
from .plans import cell_edges, cell_spots, extent_of, plan, view_of
from .trio import Trio, TrioPanel
from .work import Work, Worker

__all__ = ["Second", "TwoModels", "TwoModelsPanel", "same_classes"]

THUMBS = 18  # samples that fit
WHOLE = (-0.25, 1.25, -0.2, 1.1)  # around the triangle


@dataclass(frozen=True, eq=False)
class Second:
    """Another model with the same classes, in the first one's order.

    Attributes
    ----------
    space : FeatureSpace
    head : LinearHead
        Its head, with rows in the first model's order of classes.
    seen : (n,) int array
        The class it gives to each of the first model's images.
    """

    space: FeatureSpace
    head: LinearHead
    seen: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TwoModels:
    """Both partitions on the planes through the same images, and the samples.

    Attributes
    ----------
    trio : Trio
    second : Second
    section : Disagreement
    seen : (n,) int array
        The class the first model gives to each of its images.
    differing : (m,) int array
        Rows of the images to which the models give different classes.
    """

    trio: Trio
    second: Second
    section: Disagreement
    seen: NDArray[np.int64]
    differing: NDArray[np.int64]

    @property
    def share(self) -> float:
        """Share of the images on which the models disagree."""
        return len(self.differing) / len(self.seen)


class DifferentClassesError(ValueError):
    """The models do not know the same classes."""


def same_classes(first: LinearHead, second: LinearHead) -> LinearHead:
    """The second head with its classes in the order of the first.

    Raises
    ------
    DifferentClassesError
        If their names differ, or a name stands for two classes.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = LinearHead(np.eye(2), None, ["cat", "dog"]), LinearHead(np.eye(2), None, ["dog", "cat"])
    >>> same_classes(a, b).weight.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    names, others = first.class_names, second.class_names
    if names == others:
        return second
    if sorted(names) != sorted(others) or len(set(names)) < len(names):
        only = [name for name in others if name not in names][:3]
        raise DifferentClassesError(
            f"its classes are others ({', '.join(only)}, ...)" if only else "it has other classes"
        )
    order = [others.index(name) for name in names]
    return LinearHead(second.weight[order], second.bias[order], names)


class TwoModelsPanel(TrioPanel):
    """Two partitions in the coordinates of the same three images, the disagreement hatched."""

    title = "Two models"

    def __init__(self, worker: Worker) -> None:
        self.model = ipywidgets.Dropdown(options=[], description="Compare with")
        self.model.style.description_width = "initial"
        self.model.layout.width = "330px"
        self._seconds: dict[tuple[FeatureSpace, str], Second] = {}
        self._filling = False
        self.samples = ipywidgets.HTML()
        super().__init__(worker, [self.model], self._pointed)
        self.planes.same_plane = True
        self.model.observe(self._pick, "value")
        self.shown.children = [*self.shown.children, self.samples]

    def missing(self, question: Question) -> str:
        """A second model is needed."""
        if not question.others:
            return (
                "This explorer has one model. fsw.Explorer([first, second]) compares two models, or two "
                "stages of a training, with the same classes."
            )
        self._offer(question)
        return super().missing(question)

    def _offer(self, question: Question) -> None:
        options = [("the first with the same classes", ""), *((name, name) for name in question.others)]
        if list(self.model.options) != options:
            self._filling = True
            self.model.options, self.model.value = options, ""
            self._filling = False

    def _pick(self, _change: Any) -> None:
        if not self._filling:
            self.ask_again()

    def look(self) -> None:
        """Compute the window that a person moved to."""
        if self.answer is not None and self._question is not None:
            self.ask_again()

    def compute(self, question: Question, work: Work) -> TwoModels:
        """Load the second model, let it see the images, and cut both partitions with each other."""
        trio, space = self._trio, question.space
        assert trio is not None
        second = self._second(question, work)
        bank = space.pictured
        assert bank is not None
        seen = space.head.predict(bank.features)
        rows = list(trio.rows)
        corners = bank.features[rows].astype(np.float64), _features(space, second.space, rows, work)
        view = self.planes.view(0) or view_of(WHOLE)
        section = disagreement(
            (space.head, second.head), (space.domain, second.space.domain), corners, extent_of(view)
        )
        return TwoModels(trio, second, section, seen, np.flatnonzero(seen != second.seen))

    def _second(self, question: Question, work: Work) -> Second:
        """The model that is chosen, or the first one that fits; kept with what it saw."""
        chosen = self.model.value
        names = [chosen] if chosen else list(question.others)
        refused = []
        for name in names:
            key = (question.space, name)
            if key not in self._seconds:
                space = question.others[name]()
                try:
                    head = same_classes(question.space.head, space.head)
                except DifferentClassesError as error:
                    refused.append(f"{name}: {error}")
                    continue
                bank = question.space.pictured
                assert bank is not None
                features = _features(question.space, space, range(len(bank)), work)
                self._seconds[key] = Second(space, head, head.predict(features))
            return self._seconds[key]
        raise DifferentClassesError(
            f"only models with the same classes can disagree about them. {'; '.join(refused)}"
        )

    def draw(self, question: Question, answer: TwoModels) -> None:
        """Both partitions, the shares, and samples that the models see differently."""
        self._reveal(self.shown, True)
        head, section = question.space.head, answer.section
        labels = [question.space.title, answer.second.space.title]
        if labels[0] == labels[1]:
            labels = [f"{label} ({which})" for label, which in zip(labels, ("first", "second"), strict=True)]
        notes = ["Hatched: the models disagree. Veiled: outside this model's domain.", ""]
        view = self.planes.view(0) or view_of(WHOLE)
        panes = [
            plan(
                self._turn, label, view_of(WHOLE), [(cell.class_index, cell.polygon) for cell in cells],
                cell_edges(cells), spots=cell_spots(cells, domain), domain=domain, hatched=section.regions,
                corners=list(zip(answer.trio.labels, TRIANGLE, strict=True)), note=note,
            )
            for label, cells, domain, note in zip(labels, section.cells, section.domains, notes, strict=True)
        ]  # fmt: skip
        with self.planes.hold_sync():
            self.planes.class_names = list(head.class_names)
            self.planes.colors = class_colours(head.num_classes, question.classes)
            self.planes.panes = panes
        whole = view == view_of(WHOLE)
        self.facts.value = facts(
            [
                ("second model", answer.second.space.title),
                ("disagree on the triangle", _percent(section.share(TRIANGLE))),
                ("on the window" if whole else "on the window shown", _percent(section.share())),
                ("on its part in both domains", _percent(section.share(*section.domains))),
                (
                    "on the images",
                    f"{len(answer.differing)} of {len(answer.seen)} ({_percent(answer.share)})",
                ),
            ]
        )
        self.samples.value = _thumbnails(question, answer, labels)

    def _pointed(self, pane: int, at: Array) -> dict[str, Any]:
        """What both models say of a blend."""
        answer: TwoModels | None = self.answer
        if answer is None:
            return {}
        ones = np.append(1.0, at)
        weights = np.linalg.solve(np.vstack([np.ones(3), TRIANGLE.T]), ones)
        said, classes = [], set()
        for head, corners in zip(answer.section.heads, answer.section.corners, strict=True):
            logits = head.logits((weights @ corners)[None])[0]
            classes.add(int(logits.argmax()))
            said.append(_percent(float(1.0 / np.exp(logits - logits.max()).sum())))
        verdict = "they agree" if len(classes) == 1 else "they disagree"
        return {"at": at.tolist(), "text": f"softmax {said[0]} and {said[1]}: {verdict}"}


def _percent(share: float) -> str:
    return "no area" if np.isnan(share) else f"{100 * share:.1f} %"


def _features(first: FeatureSpace, second: FeatureSpace, rows: Any, work: Work) -> Array:
    """Features (n, d) that the second model gives to images of the first one's samples."""
    bank, other = first.pictured, second.pictured
    assert bank is not None
    assert bank.images is not None
    if other is not None and other.images is not None and _equal(bank.images, other.images):
        return other.features[list(rows)].astype(np.float64)
    if second.classifier is None:
        raise ValueError(
            f"{second.title!r} was built from arrays with other images, so nobody knows what it sees in "
            "these; FeatureSpace.from_model(model, images) makes a space that can be asked"
        )
    from ...pixels.preview import features_of

    return features_of(second.classifier, bank.images[list(rows)], work.progress)


def _equal(images: NDArray[Any], others: NDArray[Any]) -> bool:
    return images is others or (images.shape == others.shape and bool(np.array_equal(images, others)))


def _thumbnails(question: Question, answer: TwoModels, labels: list[str]) -> str:
    bank, names = question.space.pictured, question.space.head.class_names
    assert bank is not None
    assert bank.images is not None
    if not len(answer.differing):
        return "<p>The models give the same class to every image.</p>"
    parts = []
    for row in answer.differing[:THUMBS]:
        first, second = names[answer.seen[row]], names[answer.second.seen[row]]
        truth = "" if bank.labels is None else f", labelled {names[bank.labels[row]]}"
        alt = f"Image {row}: {first} for the first model, {second} for the second{truth}"
        parts.append(picture(bank.images[row], alt, f"{first} | {second}", small=True))
    more = len(answer.differing) - THUMBS
    rest = (
        f"<p>and {more} more: rows in <code>explorer.tabs.panel('Two models').answer.differing</code></p>"
        if more > 0
        else ""
    )
    heading = f"<p>Images seen differently: {escape(labels[0])} | {escape(labels[1])}</p>"
    return f'{heading}<div class="fsw-stills">{"".join(parts)}</div>{rest}'
