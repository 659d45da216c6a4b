"""Extraction: the features of all images of a data set, into a bank on disk."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from tqdm.auto import tqdm

from ..models.disk_bank import BankPart, DiskBank
from ..models.sources import image_at
from ..space import FeatureSpace
from .images import describe, first_shape, shrink, subset
from .provenance import check_same, circumstances, identity
from .run import Lost, run_parts

__all__ = ["extract"]

THUMBNAIL = 64  # pixels along the longer side, at most


def extract(
    space: FeatureSpace,
    images: Any,
    path: str | os.PathLike[str],
    *,
    labels: ArrayLike | None = None,
    dtype: str = "float32",
    batch_size: int = 256,
    client: Any = None,
    progress: bool = True,
) -> DiskBank:
    """Features and thumbnails of all images of a data set, written to a folder batch by batch.

    Interrupted extractions go on where they stopped when called again with the same arguments. An
    image that cannot be read, or whose features are not finite, is recorded in ``failures``.

    Parameters
    ----------
    space : FeatureSpace
        With a classifier.
    images : (n, C, H, W) array, memory-mapped or not, or a torch ``Dataset`` with a length
        uint8, or floats in [0, 1], all of one shape. Items of a data set may be (image, label) pairs.
    path : path
        Folder of the bank.
    labels : (n,) array of int, optional
        Where the items bring none.
    dtype : "float32" or "float16"
        Of the features on disk.
    batch_size : int
        Images that go through the network, and are written, together.
    client : distributed.Client, optional
        Its workers compute; this process alone writes.
    progress : bool
        Whether a bar is shown.

    Raises
    ------
    ValueError
        If there is no classifier, no image can be read, or the folder holds something else.

    Examples
    --------
    >>> import tempfile, featurespace_widgets as fsw
    >>> space = fsw.load("mnist")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bank = fsw.study.extract(space, space.test_bank.images[:300], f"{folder}/bank", progress=False)
    ...     bank.features.shape, bank.failures
    ((300, 64), {})
    """
    if space.classifier is None:
        raise ValueError(f"{space.title!r} has no classifier to extract features with")
    if not len(images) or batch_size < 1:
        raise ValueError(f"images and batches must not be empty, received {len(images)} and {batch_size}")
    known = None if labels is None else _checked_labels(labels, len(images))
    space.classifier.eval()
    bank = _open(space, images, Path(path), dtype, batch_size)
    shape = tuple(bank.facts["image"])
    missing = bank.missing

    def arguments(chunk: int) -> tuple[int, tuple[Any, ...]]:
        rows = bank.rows_of(chunk)
        own = subset(images, np.arange(rows.start, rows.stop))
        return chunk, (own, None if known is None else known[rows], shape, bank.thumbnail)

    parts = run_parts(features_of, space.classifier, map(arguments, missing), client)
    with tqdm(total=len(images), desc="features", unit="image", disable=not progress) as bar:
        bar.update(len(images) - sum(_size(bank.rows_of(chunk)) for chunk in missing))
        for chunk, part in parts:
            size = _size(bank.rows_of(chunk))
            bank.write(chunk, _failed(size, bank, part.reason) if isinstance(part, Lost) else part)
            bar.update(size)
    return bank


def _open(space: FeatureSpace, images: Any, path: Path, dtype: str, batch_size: int) -> DiskBank:
    """The bank of this extraction: a new one, or the one that an earlier run has begun."""
    made_from = identity("extract", space, images, dtype=dtype, batch_size=batch_size)
    if path.exists():
        bank = DiskBank(path)
        check_same(path, bank.facts, made_from)
        return bank
    shape = first_shape(images)
    small = min(1.0, THUMBNAIL / max(shape[1:]))
    thumbnail = (shape[0], max(1, round(small * shape[1])), max(1, round(small * shape[2])))
    facts = {**made_from, **circumstances(), "image": shape}
    return DiskBank.create(
        path, len(images), space.head.dimension, thumbnail, dtype=dtype, chunk=batch_size, facts=facts
    )


def _size(rows: slice) -> int:
    size: int = rows.stop - rows.start
    return size


def _checked_labels(labels: ArrayLike, count: int) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {count} whole numbers, received shape {array.shape} of {array.dtype}"
        )
    return array.astype(np.int64)


def _failed(size: int, bank: DiskBank, reason: str) -> BankPart:
    return BankPart(
        np.full((size, bank.dimension), np.nan, np.float32),
        np.full(size, -1),
        np.zeros((size, *bank.thumbnail), np.uint8),
        dict.fromkeys(range(size), reason),
    )


def features_of(
    classifier: Any,
    images: Sequence[Any],
    labels: NDArray[np.int64] | None,
    shape: tuple[int, int, int],
    thumbnail: tuple[int, int, int],
) -> BankPart:
    """Features, labels and thumbnails of a few images of the same shape; the others fail."""
    count = len(images)
    pixels = np.zeros((count, *shape), np.float32)
    found = np.full(count, -1) if labels is None else labels
    errors: dict[int, str] = {}
    for place in range(count):
        try:
            image, label = image_at(images, place)
            if image.shape != shape:
                raise ValueError(f"has shape {image.shape}, the images before it {shape}")
        except Exception as error:  # whatever a data set raises
            errors[place] = describe(error)
            continue
        pixels[place] = image
        found[place] = label if labels is None else labels[place]
    features = _through(classifier, pixels, errors)
    return BankPart(features, found, shrink(pixels, thumbnail), errors)


@torch.no_grad()
def _through(classifier: Any, pixels: NDArray[np.float32], errors: dict[int, str]) -> NDArray[np.float32]:
    """Features of a batch; image by image where the batch does not go through."""
    device = next((tensor.device for tensor in classifier.parameters()), torch.device("cpu"))

    def features(images: NDArray[np.float32]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = classifier.features(torch.as_tensor(images).to(device)).cpu().numpy()
        return vectors

    try:
        return features(pixels)
    except Exception as whole:
        vectors: list[NDArray[np.float32] | None] = []
        for place, image in enumerate(pixels):
            try:
                vectors.append(features(image[None])[0])
            except Exception as error:
                errors.setdefault(place, describe(error))
                vectors.append(None)
        width = next((len(vector) for vector in vectors if vector is not None), None)
        if width is None:
            raise ValueError(f"no image of a batch goes through the model: {describe(whole)}") from whole
        empty = np.full(width, np.nan, np.float32)
        return np.stack([empty if vector is None else vector for vector in vectors])
