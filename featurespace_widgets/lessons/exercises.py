"""Exercises of the notebooks; each right answer is computed from the bundled model, not written down."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from ..catalogue import load
from ..space import FeatureSpace

__all__ = ["EXERCISES", "Exercise", "check"]


@dataclass(frozen=True)
class Exercise:
    """A question with a way to find its answer.

    Attributes
    ----------
    truth : function
        Computes the answer: a number, a text, or a set of class names or indices.
    hint : str
        What helps somebody who is wrong.
    tolerance : float
        Relative, for numbers.
    """

    truth: Callable[[], Any]
    hint: str
    tolerance: float = 0.02


def check(name: str, answer: Any) -> bool:
    """Say whether an answer is right; returns whether it is. ``...`` stands for no answer yet.

    Raises
    ------
    ValueError
        If there is no such exercise, or the answer is of another kind than a right one.

    Examples
    --------
    >>> from featurespace_widgets.lessons import check
    >>> check("partition-walls", 45)
    Right.
    True
    >>> check("partition-walls", ...)
    Not answered yet: write your answer in place of the three dots.
    False
    """
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name!r}; the exercises are {', '.join(EXERCISES)}")
    if answer is ...:
        print("Not answered yet: write your answer in place of the three dots.")
        return False
    exercise = EXERCISES[name]
    right = _same(answer, exercise.truth(), exercise.tolerance)
    print("Right." if right else f"Not yet. {exercise.hint}")
    return right


def _same(answer: Any, truth: Any, tolerance: float) -> bool:
    if isinstance(truth, frozenset):
        if isinstance(answer, str) or not isinstance(answer, Collection):
            raise ValueError(f"the answer is several things, such as {{1, 2}}; received {answer!r}")
        return frozenset(map(_plain, answer)) == frozenset(map(_plain, truth))
    if isinstance(truth, str):
        if not isinstance(answer, str):
            raise ValueError(f"the answer is a text, such as 'yes'; received {answer!r}")
        return bool(_plain(answer) == _plain(truth))
    value = np.asarray(answer)
    if value.size != 1 or value.dtype.kind not in "fiu":
        raise ValueError(f"the answer is a number; received {answer!r}")
    return bool(abs(float(value.reshape(())) - truth) <= tolerance * abs(truth))


def _plain(value: Any) -> Any:
    """Numbers of all kinds alike, and texts without regard to case or space around them."""
    if isinstance(value, str):
        return value.strip().casefold()
    return float(value) if isinstance(value, Real) else value


MORPHED = (0, 4)  # classes of the two unseen images of the lesson

_SPACES: dict[str, FeatureSpace] = {}


def _space(name: str = "fashion-mnist") -> FeatureSpace:
    if name not in _SPACES:
        _SPACES[name] = load(name)
    return _SPACES[name]


def _neighbours_of_one() -> frozenset[int]:
    return frozenset(np.flatnonzero(_space("mnist-2d").adjacency().adjacent[1]).tolist())


def _touching_pairs() -> int:
    return int(np.triu(_space("mnist-2d").adjacency().adjacent, 1).sum())


def _null_dimensions() -> int:
    head = _space().head
    return head.dimension - int(np.linalg.matrix_rank(head.weight - head.weight.mean(axis=0)))


def _radius() -> float:
    return float(_space().radius(_space().features[:1])[0])


def _blend_depth() -> float:
    space = _space()
    rows = np.flatnonzero((space.labels == 8) & (space.predictions == 8))[:2]
    return float(space.radius(space.features[rows]).mean())


def _tests_inside() -> int:
    space = _space()
    assert space.test_bank is not None
    return int((space.hull().project(space.test_bank.features[:40]).verdicts == "inside").sum())


def _carriers() -> int:
    space = _space()
    assert space.test_bank is not None
    found = space.hull().project(space.test_bank.features[:1])
    return len(found.support[0])


def _relative_residual() -> float:
    space = _space()
    assert space.test_bank is not None
    return float(space.preview(space.test_bank.features[:1]).residuals[0] / space.yardstick)


def _on_the_way() -> frozenset[str]:
    space = _space()
    tests = space.test_bank
    assert tests is not None
    assert tests.labels is not None
    a, b = (tests.features[tests.labels == k][0] for k in MORPHED)
    return frozenset(space.head.class_names[k] for k in space.path(a, b).classes)


def _tie_share() -> float:
    return 1 / 3


def _farthest_class() -> str:
    space = _space()
    distances = space.faces(space.features[0]).distance
    return space.head.class_names[int(np.argmax(np.where(np.isfinite(distances), distances, -1.0)))]


EXERCISES: dict[str, Exercise] = {
    "plane-neighbours": Exercise(_neighbours_of_one, "Zoom out: some borders are far from the samples."),
    "plane-borders": Exercise(_touching_pairs, "adjacency().adjacent is symmetric: count each pair once."),
    "partition-walls": Exercise(lambda: 45, "Each pair of the ten classes has one.", 0.0),
    "partition-null": Exercise(
        _null_dimensions, "Subtract the mean row from W: only the span of what is left matters.", 0.0
    ),
    "partition-path": Exercise(lambda: 1, "A region is convex: what does a line do with a convex set?", 0.0),
    "certified-radius": Exercise(_radius, "(z_i - z_j) / |w_i - w_j|, and the smallest over all j.", 1e-3),
    "certified-blend": Exercise(_blend_depth, "The depth is concave: average the depths of the two.", 1e-3),
    "hull-inside": Exercise(_tests_inside, "Count the verdicts that are 'inside'.", 0.0),
    "hull-carriers": Exercise(_carriers, "The nearest blend uses few samples: found.support[0].", 0.0),
    "pixels-residual": Exercise(_relative_residual, "Divide residuals[0] by the yardstick."),
    "pixels-unique": Exercise(lambda: "no", "784 pixels, 64 features: how many ways are left to go?"),
    "morph-classes": Exercise(_on_the_way, "morph.route.ribbon.classes, as names."),
    "ambiguity-share": Exercise(_tie_share, "Equal logits have equal shares, and all shares sum to one."),
    "ambiguity-plane": Exercise(
        lambda: 3, "Two numbers to choose, and each further class in the tie takes one away.", 0.0
    ),
    "adversarial-farthest": Exercise(
        _farthest_class, "space.faces(y).distance is infinite where no boundary exists."
    ),
    "adversarial-certified": Exercise(
        lambda: "no", "A certificate is a proof. What would such an image prove?"
    ),
    "own-domain": Exercise(lambda: 0, "What is the smallest value that a ReLU gives?", 0.0),
}
