"""Where images come from: arrays, folders, torch data sets and loaders, Hugging Face data sets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps

__all__ = ["ImageFolder", "batches", "class_names_of", "image_at"]

SUFFIXES = frozenset(Image.registered_extensions())
IMAGE_KEYS, LABEL_KEYS = ("image", "img"), ("label", "labels", "fine_label")

Batch = tuple[NDArray[Any], NDArray[np.int64]]  # images (n, C, H, W) as stored; labels, -1 for none


class ImageFolder(Sequence[tuple[NDArray[np.uint8], int]]):
    """Pictures in one folder for each class, read when asked for.

    Parameters
    ----------
    path : path
        ``path/CLASS/picture.jpg``; folders below a class's belong to it. Without folders, the pictures
        themselves, unlabelled.
    size : int, optional
        Side in pixels of the centre square, to which every picture is scaled; as they are if not given.
    grey : bool
        One channel instead of three.

    Raises
    ------
    ValueError
        If there is no such folder, or no picture in it.

    Examples
    --------
    >>> import tempfile, numpy as np, featurespace_widgets as fsw
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("ant", "bee"):
    ...         (Path(folder) / name).mkdir()
    ...         Image.new("RGB", (40, 30)).save(Path(folder) / name / "1.png")
    ...     photos = fsw.ImageFolder(folder, size=16)
    ...     photos.class_names, len(photos), photos[1][0].shape, photos[1][1]
    (('ant', 'bee'), 2, (3, 16, 16), 1)
    """

    def __init__(self, path: str | os.PathLike[str], *, size: int | None = None, grey: bool = False) -> None:
        self.path, self.size, self.grey = Path(path), size, grey
        if not self.path.is_dir():
            raise ValueError(f"path must be a folder of pictures, received {str(path)!r}")
        if size is not None and size < 1:
            raise ValueError(f"size must be a number of pixels, received {size!r}")
        below = sorted(entry for entry in self.path.iterdir() if entry.is_dir() and entry.name[0] != ".")
        found = [_pictures(folder) for folder in below]
        kept = [(folder, files) for folder, files in zip(below, found, strict=True) if files]
        self.class_names = tuple(folder.name for folder, _ in kept)
        self.files = [file for _, files in kept for file in files]
        self.labels = np.repeat(np.arange(len(kept)), [len(files) for _, files in kept])
        if not kept:
            self.files = _pictures(self.path)
            self.labels = np.full(len(self.files), -1)
        if not self.files:
            raise ValueError(f"no picture was found in {str(path)!r}: expected {path}/CLASS/picture.jpg")

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: Any) -> Any:
        if isinstance(row, slice):
            return [self[k] for k in range(*row.indices(len(self)))]
        file = self.files[row]
        try:
            with Image.open(file) as picture:
                image = ImageOps.exif_transpose(picture).convert("L" if self.grey else "RGB")
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{file} cannot be read as a picture: {error}") from None
        if self.size is not None:
            image = ImageOps.fit(image, (self.size, self.size), Image.Resampling.BICUBIC)
        return _planes(image), int(self.labels[row])


def _pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())


def _planes(image: Image.Image) -> NDArray[np.uint8]:
    """A PIL image as (C, H, W)."""
    plain = image if image.mode in ("L", "RGB") else image.convert("RGB")
    array = np.asarray(plain)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def class_names_of(images: Any) -> tuple[str, ...] | None:
    """Class names that a source states: an `ImageFolder`, a torchvision or Hugging Face data set."""
    source = getattr(images, "dataset", images)
    names = getattr(source, "class_names", None) or getattr(source, "classes", None)
    features = getattr(source, "features", None)
    if names is None and isinstance(features, Mapping):
        names = next((getattr(features[key], "names", None) for key in LABEL_KEYS if key in features), None)
    return tuple(map(str, names)) if isinstance(names, Sequence) and names else None


def image_at(images: Any, row: int) -> tuple[NDArray[np.float32], int]:
    """An image (C, H, W) in [0, 1] and its label, -1 where there is none.

    Parameters
    ----------
    images : array (n, C, H, W), or anything indexable like a torch ``Dataset``
        Items are images, (image, label) pairs, or mappings with "image" and "label"; images are arrays
        of uint8, or of floats in [0, 1], or PIL images.
    row : int

    Raises
    ------
    ValueError
        If it is no such image. What reading the item raises is passed on.
    """
    image, label = _item(images[row])
    return as_floats(image), label


def as_floats(images: NDArray[Any]) -> NDArray[np.float32]:
    """Float32 pixels in [0, 1] of uint8 or float images."""
    plain: NDArray[np.float32] = images.astype(np.float32)
    return plain / np.float32(255) if images.dtype == np.uint8 else plain


def _item(item: Any) -> tuple[NDArray[Any], int]:
    label: Any = -1
    if isinstance(item, Mapping):
        keys = [key for key in IMAGE_KEYS if key in item]
        if not keys:
            raise ValueError(f"an item must have the key 'image' or 'img', received {sorted(map(str, item))}")
        label = next((item[key] for key in LABEL_KEYS if key in item), -1)
        item = item[keys[0]]
    elif isinstance(item, Sequence) and len(item) == 2:
        item, label = item
    image = _planes(item) if isinstance(item, Image.Image) else np.asarray(item)
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image must have shape (1 or 3, H, W), received {image.shape}")
    if image.dtype != np.uint8 and not _unit_floats(image):
        raise ValueError(f"an image must be uint8, or finite floats in [0, 1], received {_range(image)}")
    return image, int(label)


def _unit_floats(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "f" and bool(array.min() >= 0 and array.max() <= 1)  # NaN fails, too


def _range(array: NDArray[Any]) -> str:
    if array.dtype.kind in "fiu" and array.size:
        return f"{array.dtype} from {array.min():.4g} to {array.max():.4g}"
    return str(array.dtype)


def batches(images: Any, labels: ArrayLike | None, size: int) -> Iterator[Batch]:
    """Images and labels in batches, checked, from any source.

    Parameters
    ----------
    images : array or tensor (n, C, H, W), path of a folder, data set, or loader of batches
    labels : (n,) array of int, optional
        Instead of those that the source brings.
    size : int
        Images of a batch; a loader makes its own.

    Yields
    ------
    images (m, C, H, W), uint8 or floats in [0, 1]; labels (m,), -1 where there is none

    Raises
    ------
    ValueError
        For a source of another kind, and where an image is none, or has another shape than the first.
    """
    given = None if labels is None else np.asarray(labels)
    row, shape = 0, None
    for pixels, own in _raw(images, size):
        shape = shape or pixels.shape[1:]
        if pixels.shape[1:] != shape:
            raise ValueError(
                f"images must have one shape: image {row} has {pixels.shape[1:]}, the first {shape}; "
                "fsw.ImageFolder(path, size=224) scales pictures"
            )
        if given is not None:
            own = given[row : row + len(pixels)]
        row += len(pixels)
        yield pixels, own
    if given is not None and given.shape != (row,):
        raise ValueError(f"labels must be {row} whole numbers, received shape {given.shape}")
    if not row:
        raise ValueError("images must hold at least one image, received none")


def _raw(images: Any, size: int) -> Iterator[Batch]:
    if isinstance(images, str | os.PathLike):
        images = ImageFolder(images)
    if isinstance(images, torch.Tensor):
        images = images.detach().cpu().numpy()
    if isinstance(images, np.ndarray):
        yield from _array(images, size)
    elif hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        yield from _indexed(images, size)
    elif hasattr(images, "__iter__"):
        yield from _loaded(images)
    else:
        raise ValueError(
            "images must be an array (n, C, H, W), a folder, a data set or a loader, "
            f"received {type(images).__name__}"
        )


def _array(images: NDArray[Any], size: int) -> Iterator[Batch]:
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        hint = (
            "; move the channels: images.transpose(0, 3, 1, 2)" if images.shape[-1:] in ((1,), (3,)) else ""
        )
        raise ValueError(f"images must have shape (n, 1 or 3, H, W), received {images.shape}{hint}")
    for first in range(0, len(images), size):
        part = images[first : first + size]
        if part.dtype != np.uint8 and not _unit_floats(part):
            hint = "" if part.dtype.kind not in "fiu" else "; divide by 255 where that is their range"
            raise ValueError(
                f"images must be uint8, or finite floats in [0, 1], received {_range(part)}{hint}"
            )
        yield part, np.full(len(part), -1)


def _indexed(images: Any, size: int) -> Iterator[Batch]:
    for first in range(0, len(images), size):
        items = []
        for row in range(first, min(first + size, len(images))):
            try:
                items.append(_item(images[row]))
            except ValueError as error:
                raise ValueError(f"image {row}: {error}") from None
        yield _stack([image for image, _ in items], first), np.array([label for _, label in items])


def _stack(images: list[NDArray[Any]], first: int) -> NDArray[Any]:
    wrong = next((k for k, image in enumerate(images) if image.shape != images[0].shape), None)
    if wrong is not None:
        raise ValueError(
            f"images must have one shape: image {first + wrong} has {images[wrong].shape}, the one before "
            f"{images[0].shape}; fsw.ImageFolder(path, size=224) scales pictures"
        )
    same = all(image.dtype == images[0].dtype for image in images)
    return np.stack(images if same else [as_floats(image) for image in images])


def _loaded(loader: Any) -> Iterator[Batch]:
    """Batches of a loader: images, or (images, labels), or mappings of them."""
    for batch in loader:
        labels: Any = None
        if isinstance(batch, Mapping):
            labels = next((batch[key] for key in LABEL_KEYS if key in batch), None)
            batch = next((batch[key] for key in IMAGE_KEYS if key in batch), None)
        elif isinstance(batch, Sequence) and len(batch) == 2:
            batch, labels = batch
        pixels = np.asarray(batch)
        for part, none in _array(pixels, max(1, len(pixels)) if pixels.ndim else 1):
            yield part, none if labels is None else np.asarray(labels).astype(np.int64)
