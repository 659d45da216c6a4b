"""Margins: how far the point is from the boundary with each other class."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ...geometry.arrays import Array
from ..palette import class_colours
from .base import Panel, Question, facts
from .charts import bars, side_by_side
from .work import Work, Worker

__all__ = ["Margins", "MarginsPanel", "margins"]

MOST = 12  # classes that fit; the nearest are shown


@dataclass(frozen=True, eq=False)
class Margins:
    """Margins of a point with the other classes, nearest boundary first.

    Attributes
    ----------
    class_index : int
    others : (m,) int array
    logits : (m,) array
        ``z_i - z_k``.
    distances : (m,) array
        ``(z_i - z_k) / |w_i - w_k|``: to the hyperplane of the two classes, in R^d.
    share : float
        Softmax share of the class.
    """

    class_index: int
    others: NDArray[np.int64]
    logits: Array
    distances: Array
    share: float


def margins(question: Question) -> Margins:
    """Margins of the point in question; classes without a boundary with its class are left out."""
    head = question.space.head
    logits = head.logits(question.y[None])[0]
    own = int(logits.argmax())
    gaps, lengths = logits[own] - logits, head.normal_lengths([own])[0]
    others = np.flatnonzero((lengths > 0) & (np.arange(head.num_classes) != own))
    distances = gaps[others] / lengths[others]
    order = distances.argsort(kind="stable")
    share = float(1.0 / np.exp(-gaps).sum())
    return Margins(own, others[order], gaps[others][order], distances[order], share)


class MarginsPanel(Panel):
    """Two bar charts: distances to the boundaries, and logit margins."""

    title = "Margins"

    def __init__(self, worker: Worker) -> None:
        self.facts = ipywidgets.HTML()
        self.distance_figure, self.distances = bars(
            "Distance to the boundary with", "distance in feature space"
        )
        self.logit_figure, self.logits = bars("Logit margin over", "difference of logits")
        super().__init__(worker, [self.facts, side_by_side(self.distance_figure, self.logit_figure)])

    def compute(self, question: Question, work: Work) -> Margins:
        """Margins with all classes."""
        return margins(question)

    def draw(self, question: Question, answer: Margins) -> None:
        """Bars of the nearest classes."""
        head, shown = question.space.head, slice(MOST)
        names = [head.class_names[k] for k in answer.others[shown]]
        colours = class_colours(head.num_classes, question.classes)
        for mark, values in ((self.distances, answer.distances), (self.logits, answer.logits)):
            with mark.hold_sync():
                mark.colors = [colours[k] for k in answer.others[shown]]
                mark.x, mark.y = names[::-1], values[shown][::-1]
                mark.colors = mark.colors[::-1]
        lines = [("class", head.class_names[answer.class_index]), ("softmax", f"{100 * answer.share:.1f} %")]
        if len(answer.others):
            lines += [
                ("nearest boundary", head.class_names[answer.others[0]]),
                ("at", f"{answer.distances[0]:.3g}"),
            ]
        hidden = len(answer.others) - MOST
        if hidden > 0:
            lines.append(("not shown", f"{hidden} classes farther away"))
        self.facts.value = facts(lines)
