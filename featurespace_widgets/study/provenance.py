"""Where a result comes from: checksums of model and data, versions, options."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..space import FeatureSpace

__all__ = ["check_same", "circumstances", "data_facts", "identity"]

SAMPLED = 256  # items whose contents enter the checksum of a data set


def identity(kind: str, space: FeatureSpace, data: Any, **options: Any) -> dict[str, Any]:
    """What makes two studies the same one: a part of the one may be used in the other."""
    return {
        "study": kind,
        "model": {"title": space.title, "sha256": model_checksum(space)},
        "data": data_facts(data),
        "options": options,
        "featurespace_widgets": __version__,
    }


def circumstances() -> dict[str, Any]:
    """When and with what a study was made."""
    versions = {"python": platform.python_version()}
    for name in ("numpy", "scipy", "torch", "highspy", "zarr", "dask", "distributed"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"versions": versions, "platform": platform.platform(), "started": now}


def model_checksum(space: FeatureSpace) -> str:
    """SHA-256 of the head and, where there is one, of all weights of the classifier."""
    digest = hashlib.sha256()
    for array in (space.head.weight, space.head.bias):
        digest.update(np.ascontiguousarray(array).tobytes())
    if space.domain is not None:
        digest.update(np.stack([space.domain.lb, space.domain.ub]).tobytes())
    if space.classifier is not None:
        for name, tensor in sorted(space.classifier.state_dict().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()


def data_facts(data: Any) -> dict[str, Any]:
    """Number of items, and the SHA-256 of up to 256 of them, spread evenly."""
    rows = np.unique(np.linspace(0, len(data) - 1, min(SAMPLED, len(data))).astype(int))
    digest = hashlib.sha256()
    for row in rows.tolist():
        try:
            item = data[row]
        except Exception as error:  # reading may fail in any way, and is recorded when it matters
            item = np.array(type(error).__name__)
        for piece in item if isinstance(item, (tuple, list)) else (item,):
            array = np.ascontiguousarray(piece)
            digest.update(f"{array.shape}{array.dtype}".encode() + array.tobytes())
    return {"items": len(data), "sampled": len(rows), "sha256": digest.hexdigest()}


def check_same(folder: Path, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to go on with what is something else.

    Raises
    ------
    ValueError
        Names what differs.
    """
    wanted = json.loads(json.dumps(wanted))
    different = [key for key, value in wanted.items() if stored.get(key) != value]
    if different:
        raise ValueError(
            f"{folder} was made with another {' and another '.join(different)}; "
            "choose another folder, or delete this one"
        )
