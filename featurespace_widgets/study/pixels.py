"""Pixel flip points and certified pixel radii of all images of a data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..geometry.head import LinearHead
from ..models.sources import image_at
from ..space import FeatureSpace
from .conduct import Rows, chosen_rows, conduct, in_parts
from .images import describe, first_shape, subset
from .provenance import identity
from .table import Answers, Study

__all__ = ["certify", "flips"]

PART = 8  # images that are asked about, and kept, together
NAN = float("nan")
Path = str | os.PathLike[str]
Record = dict[str, Any]  # of one image


def flips(
    space: FeatureSpace,
    images: Any = None,
    path: Path | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    keep_images: bool = True,
    client: Any = None,
    progress: bool = True,
) -> Study:
    """Pixel flip points of all images; see `pixels.flips.flip_image`.

    Parameters
    ----------
    space : FeatureSpace
        With a classifier.
    images : (n, C, H, W) array or torch ``Dataset``, optional
        uint8, or floats in [0, 1]; the test images of the space where not given.
    path : path, optional
        Folder of the study. Without one an interrupted study cannot be resumed.
    sample : int, optional
        Ask about that many images, drawn at random.
    seed : int
        Of the draw.
    keep_images : bool
        Whether the flip images are kept, in float64, in the column ``image``: with them the ties can
        be checked again.
    client : distributed.Client, optional
    progress : bool
        Whether a bar is shown.

    Returns
    -------
    Study
        Columns row, class_index, target, distance, tie, feature_move, amplification, alignment,
        null_share, linearised_distance, verdict, error.

    Raises
    ------
    ValueError
        If there is no classifier or there are no images, or the folder holds another study.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> found = fsw.study.flips(fsw.load("mnist"), sample=2, progress=False)
    >>> found["verdict"].tolist(), bool((found["distance"] > 0).all())
    (['found', 'found'], True)
    """
    images = _images(space, images)
    blank: Record = dict.fromkeys(FLIP_COLUMNS, NAN)
    blank |= {"class_index": -1, "target": -1, "verdict": "undecided"}
    if keep_images:
        blank["image"] = np.full(first_shape(images), NAN)
    made_from = identity("flips", space, images, sample=sample, seed=seed, keep_images=keep_images)
    return _ask(_flip, blank, made_from, space, images, path, sample, seed, client, progress)


FLIP_COLUMNS = (
    "class_index", "target", "distance", "tie", "feature_move", "amplification", "alignment",
    "null_share", "linearised_distance", "verdict",
)  # fmt: skip


def _flip(classifier: Any, head: LinearHead, image: Any) -> Record:
    from ..pixels.flips import flip_image

    flip = flip_image(classifier, head, image)
    return {name: getattr(flip, name) for name in (*FLIP_COLUMNS, "image")}


def certify(
    space: FeatureSpace,
    images: Any = None,
    path: Path | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    client: Any = None,
    progress: bool = True,
) -> Study:
    """Certified pixel radii of all images; see `pixels.bounds.certify_image`.

    Parameters
    ----------
    space : FeatureSpace
        With a classifier.
    images : (n, C, H, W) array or torch ``Dataset``, optional
        uint8, or floats in [0, 1]; the test images of the space where not given.
    path : path, optional
        Folder of the study. Without one an interrupted study cannot be resumed.
    sample : int, optional
        Ask about that many images, drawn at random.
    seed : int
        Of the draw.
    client : distributed.Client, optional
    progress : bool
        Whether a bar is shown.

    Returns
    -------
    Study
        Columns row, class_index, radius_l2, radius_linf, verdict, verified (both proofs, checked
        again), reason, passes, error.

    Raises
    ------
    ValueError
        If there is no classifier or there are no images, or the folder holds another study.

    Examples
    --------
    >>> import torch, featurespace_widgets as fsw
    >>> class Brightness(torch.nn.Module):
    ...     def features(self, x):
    ...         return torch.relu(x.flatten(1))
    >>> space = fsw.FeatureSpace(fsw.LinearHead(np.eye(2)), classifier=Brightness())
    >>> found = fsw.study.certify(space, np.array([[[[0.75, 0.25]]]]), progress=False)
    >>> found["radius_l2"].round(3).tolist(), found["verified"].tolist()
    ([0.354], [True])
    """
    images = _images(space, images)
    blank = {
        "class_index": -1,
        "radius_l2": 0.0,
        "radius_linf": 0.0,
        "verdict": "undecided",
        "verified": False,
        "reason": "",
        "passes": 0,
    }
    made_from = identity("certify", space, images, sample=sample, seed=seed)
    return _ask(_certify, blank, made_from, space, images, path, sample, seed, client, progress)


def _certify(classifier: Any, head: LinearHead, image: Any) -> Record:
    from ..pixels.bounds import certify_image

    found = certify_image(classifier, head, image)
    names = ("class_index", "radius_l2", "radius_linf", "verdict", "reason", "passes")
    return {"verified": found.verify(), **{name: getattr(found, name) for name in names}}


def _images(space: FeatureSpace, images: Any) -> Any:
    if space.classifier is None:
        raise ValueError(f"{space.title!r} has no classifier, which this study needs")
    if images is None:
        images = space.test_bank.images if space.test_bank is not None else None
    if images is None:
        raise ValueError(f"{space.title!r} has no test images; pass images=")
    if not len(images):
        raise ValueError("images must not be empty, received none")
    return images


def _ask(
    question: Callable[[Any, LinearHead, Any], Record],
    blank: Record,
    made_from: dict[str, Any],
    space: FeatureSpace,
    images: Any,
    path: Path | None,
    sample: int | None,
    seed: int,
    client: Any,
    progress: bool,
) -> Study:
    space.classifier.eval()
    return conduct(
        made_from,
        path,
        in_parts(chosen_rows(len(images), sample, seed), PART),
        ask_each,
        (question, space.classifier, space.head, blank),
        lambda rows: (subset(images, rows),),
        lost=partial(_without_answer, blank),
        client=client,
        progress=progress,
    )


def ask_each(
    shared: tuple[Callable[[Any, LinearHead, Any], Record], Any, LinearHead, Record], rows: Rows, images: Any
) -> Answers:
    """Answers to a question about some images; what goes wrong with one is its error."""
    question, classifier, head, blank = shared
    records = []
    for place, row in enumerate(rows.tolist()):
        try:
            answer = question(classifier, head, image_at(images, place)[0])
            record = {"row": row, **{name: answer[name] for name in blank}, "error": ""}
        except Exception as error:  # a data set and a model may raise anything
            record = {"row": row, **blank, "error": describe(error)}
        records.append(record)
    return _as_columns(records)


def _without_answer(blank: Record, rows: Rows, reason: str) -> Answers:
    return _as_columns([{"row": row, **blank, "error": reason} for row in rows.tolist()])


def _as_columns(records: list[Record]) -> Answers:
    return Answers({name: np.array([record[name] for record in records]) for name in records[0]})
