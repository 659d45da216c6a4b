"""Saving what is on screen: the slice as SVG or PNG, the image, the data as ``.npz`` or JSON."""

from __future__ import annotations

import base64
import io
import json
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..models.store import write_atomically
from .slice_picture import SlicePicture
from .slice_view import SliceView

__all__ = ["picture", "save_image", "save_slice", "slice_data", "with_picture"]

ASPECT = 1 / 1.3  # height over width: the whole extent of a fresh view fits


def save_slice(view: SliceView, path: str | PathLike[str]) -> Path:
    """Save the slice (``.svg``, ``.png``) or its data (``.npz``, ``.json``); returns the path.

    Raises
    ------
    ValueError
        For another suffix, or where the path is a folder or its folder does not exist.
    """
    makers = {
        ".svg": lambda: picture(view).svg(),
        ".png": lambda: picture(view).png(),
        ".npz": lambda: _npz(slice_data(view)),
        ".json": lambda: _json(slice_data(view)),
    }
    target = checked_path(path, tuple(makers))
    write_atomically(target, makers[target.suffix.lower()]())
    return target


def save_image(content: dict[str, Any], path: str | PathLike[str]) -> Path:
    """Save the image of an `ImagePanel`'s content as PNG, pixel by pixel; returns the path.

    Raises
    ------
    ValueError
        If the panel shows no image, or for a suffix that is not ``.png``.
    """
    target = checked_path(path, (".png",))
    image = content.get("image")
    if not image:
        reason = content.get("placeholder") or "the model has no images"
        raise ValueError(f"no image is shown ({reason}); move the point to where there is one")
    stream = io.BytesIO()
    Image.fromarray(_pixels(image)).save(stream, "PNG")
    write_atomically(target, stream.getvalue())
    return target


def with_picture(mimebundle: Any, view: SliceView) -> Any:
    """A widget's mimebundle with a still picture for viewers that show no widgets."""
    data = mimebundle[0] if isinstance(mimebundle, tuple) else mimebundle
    if data is not None:  # a widget that was closed shows nothing
        data["image/png"] = base64.b64encode(picture(view).png(scale=1)).decode("ascii")
    return mimebundle


def picture(view: SliceView) -> SlicePicture:
    """The slice on screen as a still picture; the window's height is `ASPECT` of its width."""
    plane, scene, extent = view.plane, view.scene, _extent(view)
    _, features, labels = _samples(view)
    names = view.space.head.class_names
    if plane.is_boundary_plane:
        domain, strength, marks = plane.domain_shadow(extent), np.full(len(features), 0.85), []
        kind = "boundary plane of " + ", ".join(names[k] for k in plane.chosen)
    else:
        domain = plane.domain_polygon(extent)
        strength = 0.1 + 0.75 * np.exp(-np.square(plane.distance(features) / scene["spread"]))
        labelled = zip(scene["section"]["labels"], scene["section"]["handles"], view.corners, strict=True)
        # A corner that was dragged stands on nothing with a name.
        marks = [(name if old == list(at) else "", np.asarray(at)) for name, old, at in labelled]
        kind = "section"
    return SlicePicture(
        caption=f"{view.space.title} · {kind} · width {extent[1] - extent[0]:.3g}",
        extent=extent,
        class_names=names,
        colours=scene["colors"],
        cells=plane.cells(extent),
        domain=domain,
        samples=plane.to_plane(features),
        labels=labels,
        strength=strength,
        marks=marks,
        probe=view.probe.st,
    )


def slice_data(view: SliceView) -> dict[str, Any]:
    """The data behind the slice on screen.

    Returns
    -------
    dict
        ``model``, ``mode``, ``class_names``; the plane as ``origin`` (d,), ``basis`` (2, d) and
        ``extent`` (s0, s1, t0, t1); ``anchors`` (3, d) of a section, (0, d) on a boundary plane;
        ``point_st`` (2,), ``verdict``, ``point`` (d,) and ``logits`` (K,), NaN where no feature vector
        was found; ``sample_rows`` (n,), ``sample_labels`` (n,), ``sample_st`` (n, 2) and
        ``sample_distance`` (n,) from the plane; ``cells``, a list of `Cell`.
    """
    plane, probe, head = view.plane, view.probe, view.space.head
    rows, features, labels = _samples(view)
    point = np.full(head.dimension, np.nan) if probe.features is None else probe.features
    corners = np.reshape(view.corners, (-1, 2))
    return {
        "model": view.space.title,
        "mode": view.mode,
        "class_names": list(head.class_names),
        "origin": plane.origin,
        "basis": plane.basis,
        "extent": np.array(_extent(view)),
        "anchors": plane.from_plane(corners) if len(corners) else np.empty((0, head.dimension)),
        "point_st": probe.st,
        "verdict": probe.verdict,
        "point": point,
        "logits": np.full(head.num_classes, np.nan) if probe.features is None else head.logits(point)[0],
        "sample_rows": rows,
        "sample_labels": labels,
        "sample_st": plane.to_plane(features),
        "sample_distance": plane.distance(features),
        "cells": plane.cells(_extent(view)),
    }


def checked_path(path: str | PathLike[str], suffixes: tuple[str, ...]) -> Path:
    """The path, if its suffix is allowed and its folder is there."""
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise ValueError(
            f"the file's name must end in {' or '.join(suffixes)}, received {str(path)!r}; the suffix "
            "says what is saved"
        )
    if target.is_dir() or not target.parent.is_dir():
        what = "is a folder" if target.is_dir() else f"lies in {str(target.parent)!r}, which is no folder"
        raise ValueError(f"path must name a file in an existing folder, but {str(path)!r} {what}")
    return target


def _extent(view: SliceView) -> tuple[float, float, float, float]:
    """The window on screen, as wide as there."""
    s, t, span = (float(x) for x in view.window)
    return s - span / 2, s + span / 2, t - ASPECT * span / 2, t + ASPECT * span / 2


def _samples(view: SliceView) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[np.int64]]:
    """Rows, features and labels of the samples that are drawn."""
    space, plane = view.space, view.plane
    if space.bank is None:
        none = np.empty(0, np.int64)
        return none, np.empty((0, space.head.dimension)), none
    rows = np.frombuffer(view.scene["samples"]["ids"], "<u4").astype(np.int64)
    if plane.is_boundary_plane:
        rows = rows[np.isin(space.labels[rows], plane.classes)]
    return rows, space.features[rows], space.labels[rows]


def _pixels(image: dict[str, Any]) -> Any:
    height, width, channels = image["height"], image["width"], image["channels"]
    pixels = np.frombuffer(image["pixels"], np.uint8).reshape(height, width, channels)
    return pixels[..., 0] if channels == 1 else pixels


def _npz(data: dict[str, Any]) -> bytes:
    """Arrays only; cells as ``cell_classes`` and ``cell_vertices`` from ``cell_starts[k]`` to ``[k + 1]``."""
    cells = data.pop("cells")
    sizes = [len(cell.polygon) for cell in cells]
    arrays = {name: np.asarray(value) for name, value in data.items()} | {
        "cell_classes": np.array([cell.class_index for cell in cells]),
        "cell_vertices": np.vstack([cell.polygon for cell in cells]),
        "cell_starts": np.cumsum([0, *sizes]),
    }
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _json(data: dict[str, Any]) -> bytes:
    """Strict JSON: null where a number is missing."""
    cells = [
        {"class": cell.class_index, "polygon": cell.polygon.tolist(), "neighbours": list(cell.neighbours)}
        for cell in data.pop("cells")
    ]
    plain = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in data.items()}
    if np.isnan(data["point"]).any():
        plain |= {"point": None, "logits": None}
    text = json.dumps({**plain, "cells": cells}, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")
