"""Files of the bundled zoo: pickle-free ``.npz`` with a checksum each, written atomically.

Layout below the folder: ``DATASET.images.npz`` (uint8 images and labels: train and test where they
may be handed on, a few examples otherwise),
``MODEL.weights.npz`` (float16), ``MODEL.features.npz`` (float32 features of those images) and
``MODEL.card.json`` (facts, figures and the SHA-256 of the three files it stands on).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archives import read_npz
from .datasets import ImageSet

__all__ = [
    "BUNDLED",
    "DamagedFileError",
    "read_arrays",
    "read_card",
    "read_examples",
    "write_dataset",
    "write_model",
]

BUNDLED = Path(__file__).parent / "bundled"
Arrays = Mapping[str, NDArray[Any]]


class DamagedFileError(ValueError):
    """A file of the zoo is missing, cut or changed; the message names it and the remedy."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}; reinstall featurespace_widgets to restore it")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def pack(arrays: Arrays) -> bytes:
    """Pack arrays as a compressed ``.npz`` whose bytes depend on the arrays alone."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            entry = BytesIO()
            np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)
            # A fixed date, so that training again gives the same checksum.
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def write_dataset(folder: Path, name: str, parts: Mapping[str, ImageSet]) -> None:
    """Write the images of a data set that ship, as ``NAME.images.npz``."""
    arrays: dict[str, NDArray[Any]] = {}
    for part, images in parts.items():
        arrays[f"{part}_images"] = images.images
        arrays[f"{part}_labels"] = images.labels.astype(np.uint8)
    write_atomically(folder / f"{name}.images.npz", pack(arrays))


def read_examples(name: str) -> ImageSet:
    """The example images that ship with a data set whose own images may not."""
    stored = read_npz(BUNDLED / f"{name}.images.npz")
    return ImageSet(stored["examples_images"], stored["examples_labels"].astype(np.int64))


def write_model(folder: Path, card: dict[str, Any], weights: Arrays, features: Arrays) -> dict[str, Any]:
    """Write weights, features and the card, which gets the checksums; returns the card."""
    name = card["name"]
    contents = {f"{name}.weights.npz": pack(weights), f"{name}.features.npz": pack(features)}
    images = f"{card['dataset']}.images.npz"
    checksums = {images: hashlib.sha256((folder / images).read_bytes()).hexdigest()}
    for file, content in contents.items():
        write_atomically(folder / file, content)
        checksums[file] = hashlib.sha256(content).hexdigest()
    card = {**card, "sha256": checksums}
    write_atomically(folder / f"{name}.card.json", (json.dumps(card, indent=2) + "\n").encode())
    return card


def read_card(name: str, folder: Path | None = None) -> dict[str, Any]:
    """Read the card of a model.

    Raises
    ------
    DamagedFileError
        If it is missing or not the card of this model.
    """
    path = (folder or BUNDLED) / f"{name}.card.json"
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedFileError(path, f"cannot be read ({error})") from error
    if not isinstance(card, dict) or card.get("name") != name or not isinstance(card.get("sha256"), dict):
        raise DamagedFileError(path, "is not the card of this model")
    return card


def read_arrays(card: Mapping[str, Any], file: str, folder: Path | None = None) -> dict[str, NDArray[Any]]:
    """Read one of the ``.npz`` files that a card names, after checking its SHA-256.

    Raises
    ------
    DamagedFileError
        If the file is missing or its checksum differs.
    """
    path = (folder or BUNDLED) / file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFileError(path, f"cannot be read ({error})") from error
    found = hashlib.sha256(content).hexdigest()
    if found != card["sha256"].get(file):
        raise DamagedFileError(
            path, f"has SHA-256 {found[:12]}..., the card says {str(card['sha256'].get(file))[:12]}..."
        )
    return read_npz(path, content)
