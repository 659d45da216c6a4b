"""Reading the data sets that the bundled models come from, out of a folder of IDX files."""

from __future__ import annotations

import gzip
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["ImageSet", "read_idx_folder"]

_PARTS = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class ImageSet:
    """Images (n, 1, H, W) as uint8, with labels (n,) as int64."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def first_of_each_class(self, count: int) -> ImageSet:
        """The first `count` images of every class, in the order of the data set."""
        rows = np.concatenate(
            [np.flatnonzero(self.labels == label)[:count] for label in np.unique(self.labels)]
        )
        rows.sort()
        return ImageSet(self.images[rows], self.labels[rows])


def _read_idx(folder: Path, stem: str) -> NDArray[np.uint8]:
    for path in (folder / stem, folder / f"{stem}.gz"):
        if path.is_file():
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            break
    else:
        raise ValueError(
            f"{folder} holds neither {stem} nor {stem}.gz; point to a folder with the four IDX "
            "files of the data set (train and t10k, images and labels)"
        )
    dimensions = raw[3] if len(raw) > 4 and raw[:3] == b"\x00\x00\x08" else 0
    start = 4 + 4 * dimensions
    shape = tuple(int.from_bytes(raw[k : k + 4], "big") for k in range(4, start, 4))
    if not shape or len(raw) != start + math.prod(shape):
        raise ValueError(f"{path} is not a complete IDX file of bytes: {len(raw)} bytes received")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape).copy()


def read_idx_folder(folder: str | os.PathLike[str]) -> dict[str, ImageSet]:
    """Read the "train" and "test" parts of MNIST or Fashion-MNIST from a folder.

    Parameters
    ----------
    folder : path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the ``t10k`` pair, each
        plain or gzipped.

    Raises
    ------
    ValueError
        If a file is missing, cut, or images and labels do not match; the message names it.
    """
    folder = Path(folder)
    parts = {}
    for part, prefix in _PARTS.items():
        images = _read_idx(folder, f"{prefix}-images-idx3-ubyte")
        labels = _read_idx(folder, f"{prefix}-labels-idx1-ubyte")
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise ValueError(
                f"{folder}: {part} images have shape {images.shape} and labels {labels.shape}; "
                "(n, H, W) and (n,) with the same n are allowed"
            )
        parts[part] = ImageSet(images[:, None], labels.astype(np.int64))
    return parts
