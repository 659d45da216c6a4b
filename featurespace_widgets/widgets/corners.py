"""Where a section's corners can be put: means, the point, what lies nearest to it; whole planes; samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..geometry.arrays import Array
from ..geometry.directions import main_directions
from ..space import FeatureSpace
from .pictures import image_message

__all__ = ["corner_vector", "plane_corners", "sample_page"]

PAGE = 24  # samples offered at a time


def corner_vector(
    space: FeatureSpace, classes: Sequence[int], features: Array | None, kind: str, label: int = 0
) -> tuple[Array, str]:
    """A feature vector (d,) with its name.

    "mean" of a class, or for the probe's features "point", "hull" (its projection to the training hull),
    "flip" (nearest point of its class's boundary in the domain) or "tie" (closest point where the chosen
    classes tie).

    Raises
    ------
    ValueError
        For another kind, or where there is no such vector; says why.
    """
    if kind == "mean":
        return _mean(space, label)
    makers: dict[str, Callable[[], tuple[Array, str]]] = {
        "point": lambda: (_point(features), "point"),
        "hull": lambda: (space.hull().project(_point(features)[None]).points[0], "hull projection"),
        "flip": lambda: _flip(space, _point(features)),
        "tie": lambda: _tie(space, _point(features), classes),
    }
    if kind not in makers:
        raise ValueError(f"kind must be one of mean, {', '.join(makers)}, received {kind!r}")
    return makers[kind]()


def _point(features: Array | None) -> Array:
    if features is None:
        raise ValueError("no feature vector of the domain was found over this point; move it back inside")
    return features


def _mean(space: FeatureSpace, label: int) -> tuple[Array, str]:
    if type(label) is not int or not 0 <= label < space.head.num_classes:
        raise ValueError(f"label must be a class from 0 to {space.head.num_classes - 1}, received {label!r}")
    name = space.head.class_names[label]
    near = space.features[space.labels == label]
    if not len(near):
        raise ValueError(f"class {name!r} has no samples, so no mean")
    mean: Array = near.mean(axis=0, dtype=np.float64)
    return mean, f"mean {name}"


def _flip(space: FeatureSpace, y: Array) -> tuple[Array, str]:
    faces = space.faces(y)
    found = np.where(faces.verdicts == "yes", faces.distance, np.inf)
    nearest = int(found.argmin())
    if not np.isfinite(found[nearest]):
        raise ValueError("no boundary of the point's class was found in the domain")
    return faces.points[nearest], f"boundary with {space.head.class_names[nearest]}"


def _tie(space: FeatureSpace, y: Array, classes: Sequence[int]) -> tuple[Array, str]:
    tie = space.ambiguous(y, classes)
    names = ", ".join(space.head.class_names[k] for k in classes)
    if tie.verdict != "yes":
        reason = "these classes do not tie in the domain" if tie.verdict == "no" else "no tie was found"
        raise ValueError(f"{reason} ({names}); choose others")
    return tie.point, f"tie of {names}"


def plane_corners(
    space: FeatureSpace, classes: Sequence[int], features: Array | None, kind: str, step: float
) -> tuple[Array, list[str]]:
    """Corners (3, d) of a plane through the probe's features, `step` apart, with their names.

    "principal": along the two main directions of the chosen classes' samples; "pair": along the normals
    between the first chosen class and the next two, for two classes along theirs and the main direction
    across it.
    """
    point, names = _point(features), space.head.class_names
    if kind == "principal":
        directions, labels = _principal(space, classes, None), ["principal 1", "principal 2"]
    elif kind == "pair":
        pairs = [(classes[0], other) for other in classes[1:]][:2]
        directions = np.array([space.head.weight[i] - space.head.weight[j] for i, j in pairs])
        labels = [f"{names[i]} − {names[j]}" for i, j in pairs]
        if len(pairs) == 1:
            directions = np.vstack([directions, _principal(space, classes, directions[0])])
            labels.append("across")
    else:
        raise ValueError(f"kind must be 'principal' or 'pair', received {kind!r}")
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.vstack([point, point + step * directions / np.where(lengths > 0, lengths, 1)]), [
        "point",
        *labels,
    ]


def _principal(space: FeatureSpace, classes: Sequence[int], across: Array | None) -> Array:
    """The two main directions (2, d) of the classes' samples, or the one across a direction."""
    if space.bank is None:
        raise ValueError("without samples there are no principal directions; pass features= and labels=")
    some = np.asarray(space.features[np.isin(space.labels, classes)], dtype=np.float64)
    wanted = 2 if across is None else 1
    found = main_directions(some - some.mean(axis=0), wanted, across) if len(some) else some
    if len(found) < wanted:
        raise ValueError(f"the {len(some)} samples of these classes do not spread in two directions")
    return found


def sample_page(space: FeatureSpace, label: int, start: int) -> dict[str, Any]:
    """Training samples of a class to pick from, with their images where there are any."""
    if space.bank is None:
        raise ValueError("this model has no samples; pass features= and labels=")
    if type(label) is not int or type(start) is not int or not 0 <= start < 2**31:
        raise ValueError(f"label and from must be whole numbers, received {label!r} and {start!r}")
    rows = np.flatnonzero(space.labels == label)
    shown, images = rows[start : start + PAGE], space.bank.images
    items = [
        {"row": int(row)} if images is None else image_message(images[row], row=int(row)) for row in shown
    ]
    return {"label": label, "from": start, "total": len(rows), "items": items}
