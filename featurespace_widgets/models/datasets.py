"""Reading the data sets that the bundled models come from: IDX files, pictures by class, CIFAR binaries."""

from __future__ import annotations

import gzip
import math
import os
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .recipes import DatasetFacts

__all__ = ["ImageSet", "read_dataset", "read_idx_folder", "read_pictures"]

_PARTS = {"train": "train", "test": "t10k"}


@dataclass(frozen=True)
class ImageSet:
    """Images (n, C, H, W) as uint8, with labels (n,) as int64."""

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


def read_pictures(source: str | os.PathLike[str], class_names: tuple[str, ...]) -> dict[str, ImageSet]:
    """Read the "train" and "test" parts of a data set of pictures, all of one size.

    Parameters
    ----------
    source : path
        A folder, or a zip archive of one, with the pictures in ``train/CLASS/`` and ``test/CLASS/``.
    class_names : tuple of str
        The classes, in the order of their labels.

    Raises
    ------
    ValueError
        If a class is missing or a picture has another size; the message names it.
    """
    root: Any = zipfile.Path(source) if zipfile.is_zipfile(source) else Path(source)
    parts = {}
    for part in _PARTS:
        images, labels = [], []
        for label, name in enumerate(class_names):
            folder = root / part / name
            files = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else []
            if not files:
                raise ValueError(f"{source} has no pictures in {part}/{name}/; every class needs some")
            for file in files:
                with Image.open(BytesIO(file.read_bytes())) as picture:
                    images.append(np.asarray(picture.convert("RGB")))
                if images[-1].shape != images[0].shape:
                    raise ValueError(
                        f"{source}: {part}/{name}/{file.name} has shape {images[-1].shape}, "
                        f"the pictures before it {images[0].shape}; all must have one size"
                    )
            labels += [label] * len(files)
        parts[part] = ImageSet(
            np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2)), np.array(labels, dtype=np.int64)
        )
    return parts


def _read_cifar_binaries(folder: Path) -> dict[str, ImageSet]:
    """The binary version of CIFAR-10: records of one label and 3 x 32 x 32 bytes."""
    parts = {}
    for part, pattern in (("train", "data_batch_*.bin"), ("test", "test_batch.bin")):
        raw = b"".join(path.read_bytes() for path in sorted(folder.glob(pattern)))
        if not raw or len(raw) % 3073:
            raise ValueError(f"{folder}: {pattern} holds {len(raw)} bytes, no whole number of images")
        records = np.frombuffer(raw, np.uint8).reshape(-1, 3073)
        parts[part] = ImageSet(records[:, 1:].reshape(-1, 3, 32, 32).copy(), records[:, 0].astype(np.int64))
    return parts


def read_dataset(dataset: DatasetFacts, source: str | os.PathLike[str]) -> dict[str, ImageSet]:
    """Read the full data set of a bundled model.

    Parameters
    ----------
    dataset : DatasetFacts
        Which data set.
    source : path
        For MNIST and Fashion-MNIST a folder with the four IDX files. For CIFAR-10 a folder with the
        files of its binary version, or pictures in ``train/CLASS/`` and ``test/CLASS/`` (a folder or
        a zip archive).

    Raises
    ------
    ValueError
        If the data set is not there or not whole; the message names the file.
    """
    if dataset.ships:
        return read_idx_folder(source)
    if next(Path(source).glob("data_batch_*.bin"), None):
        return _read_cifar_binaries(Path(source))
    return read_pictures(source, dataset.class_names)
