"""Banks on disk: feature vectors and thumbnails of more images than memory holds."""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bank import Bank
from .store import write_atomically

__all__ = ["BankPart", "DiskBank"]

PENDING, DONE, FAILED = 0, 1, 2
# Types and axes of the arrays, and the most that a bank may declare.
KINDS = {
    "features": (("float32", "float16"), 2),
    "labels": (("int64",), 1),
    "thumbnails": (("uint8",), 4),
    "status": (("uint8",), 1),
}
MOST_IMAGES = 10**8
MOST_BYTES = 2**30  # of a chunk


@dataclass(frozen=True, eq=False)
class BankPart:
    """What was found for m images in a row.

    Attributes
    ----------
    features : (m, d) array
    labels : (m,) array of int
        -1 where an image has none.
    thumbnails : (m, C, h, w) array of uint8
    errors : dict
        Why an image failed, by its place among the m.
    """

    features: NDArray[Any]
    labels: NDArray[np.int64]
    thumbnails: NDArray[np.uint8]
    errors: dict[int, str] = field(default_factory=dict)


class DiskBank:
    """Features (n, d), labels and thumbnails of n images in Zarr, written chunk by chunk.

    A chunk counts as written when its ``status`` is, which comes last; so a process may be killed at
    any moment and the next one goes on with the chunks that are missing.

    Parameters
    ----------
    folder : path
        Of a bank that `create` has made. It holds ``bank.zarr`` (arrays ``features``, ``labels``,
        ``thumbnails``, ``status``) and, once they were asked for, memory maps of its contents.

    Attributes
    ----------
    facts : dict
        What the bank was made from.

    Raises
    ------
    ValueError
        If there is no bank in the folder, or a damaged one.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not (self.folder / "bank.zarr").is_dir():
            raise ValueError(f"{self.folder} holds no bank; featurespace_widgets.study.extract makes one")
        zarr = _zarr()
        try:
            # Format 3 alone: arrays of format 2 may ask for pickles.
            group = zarr.open_group(self.folder / "bank.zarr", mode="r+", zarr_format=3)
            arrays = {name: group[name] for name in KINDS}
            self.facts: dict[str, Any] = dict(group.attrs)
            _check(arrays)
        except Exception as error:  # damaged files raise almost anything
            raise ValueError(
                f"{self.folder} is damaged ({type(error).__name__}: {error}); extract to a new folder"
            ) from error
        self._features: Any = arrays["features"]
        self._labels: Any = arrays["labels"]
        self._thumbnails: Any = arrays["thumbnails"]
        self._status: Any = arrays["status"]

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        count: int,
        dimension: int,
        thumbnail: tuple[int, int, int],
        *,
        dtype: str = "float32",
        chunk: int = 256,
        facts: dict[str, Any] | None = None,
    ) -> DiskBank:
        """Make an empty bank.

        Parameters
        ----------
        folder : path
            Must not exist.
        count, dimension : int
            Number of images n and of features d.
        thumbnail : (C, h, w)
        dtype : "float32" or "float16"
            Of the features on disk.
        chunk : int
            Images that are written at a time.
        facts : dict, optional
            What the bank is made from; anything JSON can hold.

        Raises
        ------
        ValueError
            If the folder exists, the bank would be empty or the dtype is another one.
        """
        target = Path(folder).absolute()
        if target.exists():
            raise ValueError(f"{target} exists; choose a new folder or open the bank in it")
        if dtype not in ("float32", "float16"):
            raise ValueError(f"dtype must be 'float32' or 'float16', received {dtype!r}")
        if min(count, dimension, chunk) < 1:
            raise ValueError(
                f"a bank needs images, features and chunks, received {count}, {dimension}, {chunk}"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        # Made aside and renamed: a folder of this name is always a whole bank.
        aside = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        group = _zarr().create_group(aside / "bank.zarr", attributes=facts or {})
        checked = _zarr().codecs.ZstdCodec(checksum=True)  # or flipped bits would be read as numbers
        for name, kind, shape, empty in (
            ("features", dtype, (dimension,), np.nan),
            ("labels", "int64", (), -1),
            ("thumbnails", "uint8", thumbnail, 0),
            ("status", "uint8", (), PENDING),
        ):
            group.create_array(
                name,
                compressors=checked,
                shape=(count, *shape),
                chunks=(min(chunk, count), *shape),
                dtype=kind,
                fill_value=empty,
            )
        (aside / "failures").mkdir()
        aside.rename(target)
        return cls(target)

    def __len__(self) -> int:
        return int(self._status.shape[0])

    def __repr__(self) -> str:
        return (
            f"DiskBank({str(self.folder)!r}, {len(self)} images, {self.dimension} features, "
            f"{len(self.missing)} of {self.chunks} chunks missing)"
        )

    @property
    def dimension(self) -> int:
        """Number of features d."""
        return int(self._features.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the features on disk."""
        found: np.dtype[Any] = np.dtype(self._features.dtype)
        return found

    @property
    def thumbnail(self) -> tuple[int, int, int]:
        """Shape (C, h, w) of a thumbnail."""
        channels, height, width = self._thumbnails.shape[1:]
        return int(channels), int(height), int(width)

    # writing

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return -(-len(self) // int(self._status.chunks[0]))

    def rows_of(self, chunk: int) -> slice:
        """Images of a chunk."""
        size = int(self._status.chunks[0])
        return slice(chunk * size, min((chunk + 1) * size, len(self)))

    @property
    def missing(self) -> list[int]:
        """Chunks that are still to be written."""
        status = self._read(self._status)
        return [chunk for chunk in range(self.chunks) if (status[self.rows_of(chunk)] == PENDING).any()]

    def write(self, chunk: int, part: BankPart) -> None:
        """Write a chunk. Features beyond the range of the dtype make their image a failed one."""
        rows = self.rows_of(chunk)
        with np.errstate(over="ignore"):
            features = np.asarray(part.features).astype(self.dtype)
        errors = dict(part.errors)
        for place in np.flatnonzero(~np.isfinite(features).all(axis=1)):
            errors.setdefault(int(place), f"a feature is not finite as {self.dtype}")
        status = np.full(len(features), DONE, np.uint8)
        status[list(errors)] = FAILED
        self._features[rows] = features
        self._labels[rows] = part.labels
        self._thumbnails[rows] = part.thumbnails
        if errors:
            texts = {rows.start + place: text for place, text in sorted(errors.items())}
            write_atomically(self.folder / "failures" / f"{chunk}.json", json.dumps(texts).encode())
        self._status[rows] = status

    # reading

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """(m,) images that did not fail; the rows of `features`, `labels` and `thumbnails`."""
        missing = len(self.missing)
        if missing:
            raise ValueError(
                f"{self.folder}: {missing} of {self.chunks} chunks are missing; "
                "extract the same images to the same folder again to go on"
            )
        rows: NDArray[np.intp] = np.flatnonzero(self._read(self._status) == DONE)
        if not len(rows):
            raise ValueError(f"{self.folder}: all {len(self)} images failed, the first: {self._first()}")
        return rows

    def _read(self, stored: Any, rows: slice = slice(None)) -> Any:
        """Rows of an array; a damaged chunk is named."""
        try:
            return stored[rows]
        except Exception as error:  # damaged chunks raise almost anything
            raise ValueError(
                f"{self.folder}: {stored.path} is damaged ({type(error).__name__}: {error}); "
                "extract to a new folder"
            ) from error

    def _first(self) -> str:
        return next(iter(self.failures.values()), "unknown")

    @property
    def failures(self) -> dict[int, str]:
        """Why images failed, by their row in the data set."""
        found = {}
        for path in (self.folder / "failures").glob("*.json"):
            found.update({int(row): str(text) for row, text in json.loads(path.read_text()).items()})
        return dict(sorted(found.items()))

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """(m, d) feature vectors as a memory map in float32, which the hull takes as it is."""
        features: NDArray[np.float32] = self._mapped("features", self._features, "float32")
        return features

    @cached_property
    def thumbnails(self) -> NDArray[np.uint8]:
        """(m, C, h, w) thumbnails as a memory map."""
        thumbnails: NDArray[np.uint8] = self._mapped("thumbnails", self._thumbnails, "uint8")
        return thumbnails

    @cached_property
    def labels(self) -> NDArray[np.int64] | None:
        """(m,) labels, or None where an image has none."""
        labels: NDArray[np.int64] = self._read(self._labels)[self.rows]
        return None if (labels < 0).any() else labels

    @property
    def features_file(self) -> Path:
        """The ``.npy`` file behind `features`."""
        self.features  # noqa: B018 (makes the file)
        return self.folder / "features.npy"

    def _mapped(self, name: str, stored: Any, dtype: str) -> Any:
        """A memory map needs the rows in one piece, which chunks are not: written once, chunk by chunk."""
        path, rows = self.folder / f"{name}.npy", self.rows
        if not path.exists():
            aside = path.with_name(f".{name}.{os.getpid()}.npy")
            shape = (len(rows), *stored.shape[1:])
            target = np.lib.format.open_memmap(aside, "w+", dtype, shape)
            for chunk in range(self.chunks):
                part = self.rows_of(chunk)
                first, last = np.searchsorted(rows, [part.start, part.stop])
                target[first:last] = self._read(stored, part)[rows[first:last] - part.start]
            target.flush()
            del target
            os.replace(aside, path)
        return np.load(path, mmap_mode="r")

    def as_bank(self, *, thumbnails: bool = True) -> Bank:
        """The bank of a feature space, memory-mapped.

        Parameters
        ----------
        thumbnails : bool
            Whether they are its images. They must not where a classifier is to see them and they are
            smaller than what it takes.
        """
        return Bank(self.features, self.labels, self.thumbnails if thumbnails else None)


def _check(arrays: dict[str, Any]) -> None:
    """Arrays must be those that `DiskBank.create` makes, and no larger than can be meant."""
    rows = {array.shape[:1] for array in arrays.values()}
    if len(rows) > 1 or not 1 <= min(rows)[0] <= MOST_IMAGES:
        raise ValueError(f"its arrays declare {sorted(rows)} images")
    for name, array in arrays.items():
        dtypes, axes = KINDS[name]
        bytes_ = math.prod(array.chunks) * array.dtype.itemsize
        if str(array.dtype) not in dtypes or array.ndim != axes or bytes_ > MOST_BYTES:
            raise ValueError(f"{name} declares {array.dtype} {array.shape} in chunks of {bytes_} bytes")
    if len({array.chunks[0] for array in arrays.values()}) > 1:
        raise ValueError("its arrays have different chunks")


def _zarr() -> Any:
    try:
        import zarr
    except ImportError as error:
        raise ValueError(
            f"banks on disk need zarr ({error}): pip install 'featurespace-widgets[zarr]'"
        ) from None
    return zarr
