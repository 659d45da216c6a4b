"""Extrapolation: how far outside the training hull the point lies, beside train and test samples."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ...geometry.arrays import Array, Features
from ...geometry.head import LinearHead
from ...geometry.hull import FeatureHull
from ...geometry.measures import HullMeasures
from ...space import FeatureSpace
from .base import Panel, Question, facts
from .charts import POINT, TEST, TRAIN, bqplot, figure, key, side_by_side
from .work import Work, Worker

__all__ = ["ExtrapolationPanel", "HullSample"]

SAMPLES = 120  # of each kind, evenly spread
LARGEST = 50_000  # training samples up to which each is left out of its own hull
BINS = 24


class HullSample:
    """Hull distances and logit margins of training and test samples, computed bit by bit and kept.

    Training samples lie in their hull, so each is measured against the hull of all others.

    Attributes
    ----------
    train, test : (n,) arrays
        Distances, NaN where not computed yet.
    train_margins, test_margins : (n,) arrays
    """

    def __init__(self, space: FeatureSpace) -> None:
        self._space = space
        count = len(space.features)
        self._train_rows = _spread(count) if 2 < count <= LARGEST else np.empty(0, np.intp)
        test = np.empty((0, space.head.dimension)) if space.test_bank is None else space.test_bank.features
        self._test_points = np.asarray(test[_spread(len(test))], dtype=np.float64)
        self.train = np.full(len(self._train_rows), np.nan)
        self.test = np.full(len(self._test_points), np.nan)
        self.train_margins = _margins(space.head, space.features[self._train_rows])
        self.test_margins = _margins(space.head, self._test_points)

    def advance(self, work: Work) -> None:
        """Compute what is not computed yet; where stopped, the next call goes on."""
        size = len(self.test) + len(self.train)
        for k in np.flatnonzero(np.isnan(self.test)):
            self.test[k] = _distance(self._space.hull(), self._test_points[k])
            work.progress(np.count_nonzero(np.isfinite(self.test)) / size)
        features = self._space.features
        for k in np.flatnonzero(np.isnan(self.train)):
            row = self._train_rows[k]
            others = FeatureHull(features, np.delete(np.arange(len(features)), row))
            self.train[k] = _distance(others, features[row])
            work.progress((len(self.test) + np.count_nonzero(np.isfinite(self.train))) / size)


def _spread(count: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLES)).astype(np.intp))


def _margins(head: LinearHead, features: Features) -> Array:
    if not len(features):
        return np.empty(0)
    logits = np.sort(head.logits(features), axis=1)
    margins: Array = logits[:, -1] - logits[:, -2]
    return margins


def _distance(hull: FeatureHull, point: Array) -> float:
    found = hull.project(point)
    return 0.0 if found.verdicts[0] == "inside" else float(found.distances[0])


@dataclass(frozen=True, eq=False)
class _Answer:
    sample: HullSample
    point: HullMeasures
    margin: float


class ExtrapolationPanel(Panel):
    """Histograms of hull distances with the point in them, and distance against margin."""

    title = "Extrapolation"

    def __init__(self, worker: Worker) -> None:
        self._samples: WeakKeyDictionary[FeatureSpace, HullSample] = WeakKeyDictionary()
        self.facts = ipywidgets.HTML()
        x, y, across, margin = self.scales = [bqplot.LinearScale(min=0.0, max=1.0) for _ in range(4)]
        self.histogram = bqplot.Bars(
            x=[0.0], y=[[0.0], [0.0]], scales={"x": x, "y": y}, type="grouped", colors=[TRAIN, TEST],
            padding=0.1,
        )  # fmt: skip
        self.mark = bqplot.Lines(
            x=[0.0, 0.0], y=[0.0, 1.0], scales={"x": x, "y": y}, colors=[POINT], stroke_width=2.5,
        )  # fmt: skip
        self.clouds = [
            bqplot.Scatter(x=[], y=[], scales={"x": across, "y": margin}, colors=[colour], default_size=14)
            for colour in (TRAIN, TEST)
        ]
        self.point = bqplot.Scatter(
            x=[], y=[], scales={"x": across, "y": margin}, colors=[POINT], default_size=140, marker="diamond"
        )
        histogram = figure(
            "How far outside the training hull", [self.histogram, self.mark], (x, y), ("distance", "share")
        )
        scatter = figure(
            "Distance and margin", [*self.clouds, self.point], (across, margin), ("distance", "logit margin")
        )
        kinds = [
            ("training samples, each left out of the hull", TRAIN),
            ("test samples", TEST),
            ("the point", POINT),
        ]
        legend = ipywidgets.HTML(key(kinds))
        super().__init__(worker, [self.facts, legend, side_by_side(histogram, scatter)])

    def missing(self, question: Question) -> str:
        """Features are missing in a bare head."""
        if question.space.bank is None:
            return (
                f"{question.space.title!r} has no training features, so there is no hull to be outside of; "
                "build the space with features=..."
            )
        return super().missing(question)

    def compute(self, question: Question, work: Work) -> _Answer:
        """Measures of the point, and of the samples where they are not known yet."""
        sample = self._samples.get(question.space)
        if sample is None:
            sample = self._samples[question.space] = HullSample(question.space)
        point = question.space.extrapolation(question.y)
        sample.advance(work)
        return _Answer(sample, point, float(_margins(question.space.head, question.y[None])[0]))

    def draw(self, question: Question, answer: _Answer) -> None:
        """Both charts and the numbers of the point."""
        sample, distance = answer.sample, float(answer.point.distances[0])
        top = max(distance, *(float(kind.max(initial=0.0)) for kind in (sample.train, sample.test))) or 1.0
        edges = np.linspace(0.0, top, BINS + 1)
        shares = [np.histogram(kind, edges)[0] / max(1, len(kind)) for kind in (sample.train, sample.test)]
        highest = [sample.train_margins, sample.test_margins, np.array([answer.margin])]
        tallest = float(np.concatenate(highest).max())
        ends = (edges[-1], float(np.max(shares)), edges[-1], tallest)
        for scale, end in zip(self.scales, ends, strict=True):
            scale.max = 1.04 * (end or 1.0)
        with self.histogram.hold_sync():
            self.histogram.x, self.histogram.y = (edges[:-1] + edges[1:]) / 2, np.array(shares)
        with self.mark.hold_sync():
            self.mark.x, self.mark.y = [distance] * 2, [0.0, float(np.max(shares))]
        data = ((sample.train, sample.train_margins), (sample.test, sample.test_margins))
        for cloud, (distances, margins) in zip(self.clouds, data, strict=True):
            with cloud.hold_sync():
                cloud.x, cloud.y = distances, margins
        with self.point.hold_sync():
            self.point.x, self.point.y = [distance], [answer.margin]
        self.facts.value = facts(_lines(answer, distance))


def _lines(answer: _Answer, distance: float) -> list[tuple[str, str]]:
    point, known = answer.point, answer.sample.test
    lines = [
        ("hull of the training features", str(point.projection.verdicts[0])),
        ("distance", f"{distance:.3g}"),
        ("of the nearest training point's", f"{100 * point.to_nearest[0]:.0f} %"),
        ("certified radius", f"{point.radii[0]:.3g}"),
    ]
    if distance > 0:
        lines.append(("changes no logit", f"{100 * point.null_share[0]:.0f} % of the square"))
    if len(known):
        lines.append(("test samples nearer", f"{100 * float((known < distance).mean()):.0f} %"))
    if not len(answer.sample.train):
        lines.append(("training samples", "left out: too many to measure each without itself"))
    return lines
