"""Reading ``.npz`` files that may be damaged or made to harm: refused before anything large is allocated."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["read_npz"]

DEFLATE = 1032  # what a compressed byte holds at most


def read_npz(path: Path, content: bytes | None = None) -> dict[str, NDArray[Any]]:
    """All arrays of a ``.npz`` file: no pickles, no more memory than the file can fill.

    Parameters
    ----------
    path : path
    content : bytes, optional
        Of the file, if it was read already.

    Raises
    ------
    ValueError
        If it is missing or damaged, holds objects or declares more than is there.
    """
    try:
        with zipfile.ZipFile(path if content is None else BytesIO(content)) as archive:
            return {
                entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.infolist()
            }
    except Exception as error:  # broken archives raise almost anything
        raise ValueError(f"{path.name} cannot be read as arrays ({type(error).__name__}: {error})") from error


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    if entry.file_size > DEFLATE * entry.compress_size + 1024:
        raise ValueError(f"{entry.filename} declares {entry.file_size} bytes")
    with archive.open(entry) as stream:
        _check_size(stream, entry.file_size)
    with archive.open(entry) as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1):  # also makes zipfile compare the checksum
            raise ValueError(f"{entry.filename} goes on behind its array")
        return array


def _check_size(stream: IO[bytes], size: int) -> None:
    """The header of an array must declare what its file holds."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"array format {version} is not known")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    declared = dtype.itemsize
    for length in shape:
        declared *= length
    if dtype.hasobject or min(shape, default=0) < 0 or declared > size:
        raise ValueError(f"an array declares {dtype} {shape}, its file holds {size} bytes")
