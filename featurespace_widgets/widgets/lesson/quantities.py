"""The quantities of a point and its model that a lesson may ask for; nothing else can be computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...geometry.arrays import Array
from ...space import FeatureSpace

__all__ = ["QUANTITIES", "Quantity", "Unanswerable", "measure"]

VERDICTS = ("inside", "outside", "undecided")


class Unanswerable(ValueError):
    """There is no value at this point; the sentence says why and what to do."""


@dataclass(frozen=True)
class Quantity:
    """A named answer.

    Attributes
    ----------
    measure : function
        Of a space and the feature vector (d,) of the point.
    kind : {"number", "class", "verdict"}
        "class" gives the name of a class, "verdict" one of inside, outside, undecided.
    about : str
        For lecturers.
    """

    measure: Callable[[FeatureSpace, Array], str | float]
    kind: str
    about: str

    def values(self, space: FeatureSpace) -> tuple[str, ...]:
        """All texts that it can be; empty for a number."""
        if self.kind == "class":
            return space.head.class_names
        return VERDICTS if self.kind == "verdict" else ()


def _logits(space: FeatureSpace, y: Array) -> Array:
    logits: Array = space.head.logits(y[None])[0]
    return logits


def _ranked(space: FeatureSpace, y: Array, rank: int) -> str:
    order = np.argsort(-_logits(space, y), kind="stable")
    return space.head.class_names[int(order[rank])]


def _margin(space: FeatureSpace, y: Array) -> float:
    top = np.sort(_logits(space, y))[-2:]
    return float(top[1] - top[0])


def _softmax(space: FeatureSpace, y: Array) -> float:
    logits = _logits(space, y)
    return float(100.0 / np.exp(logits - logits.max()).sum())


def _nearest_class(space: FeatureSpace, y: Array) -> str:
    """The class whose boundary decides the radius: argmin over j of (z_i - z_j) / |w_i - w_j|."""
    logits = _logits(space, y)
    own = int(logits.argmax())
    lengths = space.head.normal_lengths([own])[0]
    others = np.flatnonzero((lengths > 0) & (np.arange(len(lengths)) != own))
    if not len(others):
        raise Unanswerable("No other class has a boundary with the class of this point.")
    distances = (logits[own] - logits[others]) / lengths[others]
    return space.head.class_names[int(others[distances.argmin()])]


def _seen_as(space: FeatureSpace, y: Array) -> str:
    return space.head.class_names[int(space.preview(y[None]).seen[0])]


def _adjacent(space: FeatureSpace) -> NDArray[np.bool_]:
    found = space.adjacency()
    if (np.triu(found.signs == 0, 1)).any():
        raise Unanswerable("Whether some classes of this model touch is undecided.")
    return found.adjacent


def _touching(space: FeatureSpace, y: Array) -> float:
    own = int(space.head.predict(y[None])[0])
    return float(np.delete(_adjacent(space)[own], own).sum())


QUANTITIES: dict[str, Quantity] = {
    "class": Quantity(lambda space, y: _ranked(space, y, 0), "class", "the class at the point"),
    "second_class": Quantity(
        lambda space, y: _ranked(space, y, 1), "class", "the class with the second largest logit"
    ),
    "nearest_class": Quantity(_nearest_class, "class", "the class behind the nearest boundary"),
    "seen_as": Quantity(_seen_as, "class", "what the model sees in the image of the point"),
    "hull_verdict": Quantity(
        lambda space, y: str(space.hull().project(y[None]).verdicts[0]),
        "verdict",
        "where the point is with respect to the hull of the training features",
    ),
    "margin": Quantity(_margin, "number", "difference of the two largest logits"),
    "softmax": Quantity(_softmax, "number", "softmax share of the class at the point, in percent"),
    "radius": Quantity(
        lambda space, y: float(space.radius(y[None])[0]),
        "number",
        "distance to the nearest boundary in feature space",
    ),
    "hull_distance": Quantity(
        lambda space, y: float(space.hull().project(y[None]).distances[0]),
        "number",
        "distance to the hull of the training features",
    ),
    "residual": Quantity(
        lambda space, y: float(space.preview(y[None]).residuals[0]),
        "number",
        "distance of the image's features from the point",
    ),
    "touching_classes": Quantity(
        _touching, "number", "how many classes have a boundary with the class at the point"
    ),
    "touching_pairs": Quantity(
        lambda space, _: float(np.triu(_adjacent(space), 1).sum()),
        "number",
        "how many pairs of classes have a boundary",
    ),
    "features": Quantity(lambda space, _: float(space.head.dimension), "number", "how many features"),
    "classes": Quantity(lambda space, _: float(space.head.num_classes), "number", "how many classes"),
}


def measure(name: str, space: FeatureSpace, features: Array | None) -> str | float:
    """The value of a quantity at a point.

    Raises
    ------
    Unanswerable
        Where no feature vector lies over the point, or the model lacks what it takes.
    """
    if features is None:
        raise Unanswerable("No feature vector lies over this point; move it back inside the domain.")
    try:
        value = QUANTITIES[name].measure(space, features)
    except Unanswerable:
        raise
    except ValueError as error:
        raise Unanswerable(f"This model cannot answer: {error}.") from error
    if not isinstance(value, str) and not np.isfinite(value):
        raise Unanswerable("There is no finite answer at this point; move it.")
    return value
