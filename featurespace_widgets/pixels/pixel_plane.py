"""Planes through three images in pixel space, and what any model says on them, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..geometry.arrays import Array, as_matrix
from ..geometry.cells import check_extent, window
from ..geometry.head import LinearHead
from .polygons import clip_window
from .relu_network import as_image

__all__ = ["ClassGrid", "PixelPlane", "pixel_plane", "plane_classes", "plane_features"]

DEGENERATE = 1e-9
BATCH = 512


@dataclass(frozen=True, eq=False)
class PixelPlane:
    """The images ``origin + s * basis[0] + t * basis[1]``.

    Attributes
    ----------
    origin : (n,) array
        The first of the three images, flat.
    basis : (2, n) array
        Orthonormal rows; axis 1 runs from the first image to the second.
    image_shape : (C, H, W)
    corners : (3, 2) array
        Plane coordinates of the three images.
    """

    origin: Array
    basis: Array
    image_shape: tuple[int, ...]
    corners: Array

    def to_plane(self, images: ArrayLike) -> Array:
        """Plane coordinates of the orthogonal projection: (n, C, H, W) -> (n, 2)."""
        flat = np.asarray(images, np.float64).reshape(-1, len(self.origin))
        st: Array = (flat - self.origin) @ self.basis.T
        return st

    def from_plane(self, st: ArrayLike) -> Array:
        """Images (n, C, H, W) of plane points (n, 2); outside [0, 1] beyond `domain_polygon`."""
        flat: Array = self.origin + as_matrix("st", st, 2) @ self.basis
        return flat.reshape(-1, *self.image_shape)

    def extent(self, margin: float = 0.25) -> tuple[float, float, float, float]:
        """A window around the three images."""
        s0, t0, s1, t1 = map(float, [*self.corners.min(axis=0), *self.corners.max(axis=0)])
        room = margin * max(s1 - s0, t1 - t0)
        return s0 - room, s1 + room, t0 - room, t1 + room

    def domain_polygon(self, extent: Sequence[float]) -> Array:
        """Part (m, 2) of the window whose images lie in the box [0, 1]; empty where there is none."""
        rows = np.vstack(
            [
                np.column_stack([self.origin, self.basis.T]),
                np.column_stack([1.0 - self.origin, -self.basis.T]),
            ]
        )
        return clip_window(rows, window(extent))


def pixel_plane(images: Any) -> PixelPlane:
    """Plane through three images (3, C, H, W) in [0, 1].

    Raises
    ------
    ValueError
        If they are not three images of one shape in [0, 1], coincide or lie on one line.

    Examples
    --------
    >>> import numpy as np
    >>> plane = pixel_plane(np.eye(3).reshape(3, 1, 1, 3))
    >>> plane.corners.round(3)
    array([[0.   , 0.   ],
           [1.414, 0.   ],
           [0.707, 1.225]])
    """
    if len(images) != 3:
        raise ValueError(f"a plane needs 3 images, received {len(images)}")
    checked = [as_image(image) for image in images]
    if len({image.shape for image in checked}) != 1:
        raise ValueError(f"images must have one shape, received {[tuple(i.shape) for i in checked]}")
    flat = torch.stack(checked).flatten(1).numpy()
    first, second = flat[1:] - flat[0]
    length = float(np.linalg.norm(first))
    size = max(length, float(np.linalg.norm(second)), 1e-300)
    u = first / max(length, 1e-300)
    rest = second - (second @ u) * u
    rest -= (rest @ u) * u  # once more: the first pass leaves rounding along u
    if length <= DEGENERATE * size or np.linalg.norm(rest) <= DEGENERATE * size:
        raise ValueError("the three images coincide or lie on one line: they span no plane; change one")
    basis = np.array([u, rest / np.linalg.norm(rest)])
    return PixelPlane(flat[0], basis, tuple(checked[0].shape), (flat - flat[0]) @ basis.T)


@torch.no_grad()
def plane_features(classifier: Any, plane: PixelPlane, st: ArrayLike) -> Array:
    """Features (n, d) of plane points (n, 2): what a cursor on the pixel plane draws in feature space.

    The points of a curve give the feature trajectory of that curve; `Slice.to_plane` of the slice
    through the features of the three images projects it there.
    """
    images = torch.as_tensor(plane.from_plane(st))
    first = next(iter(classifier.parameters()), None)
    if first is not None:
        images = images.to(first)
    try:
        parts = [classifier.features(part).cpu().double() for part in images.split(BATCH)]
    except RuntimeError as error:
        raise ValueError(f"images of shape {plane.image_shape} do not fit the model: {error}") from None
    features: Array = torch.cat(parts).numpy()
    return features


@dataclass(frozen=True, eq=False)
class ClassGrid:
    """Classes at the points of a lattice on a window of the plane.

    Attributes
    ----------
    extent : (s0, s1, t0, t1)
    classes : (r, r) int array
        Row by row from t0 to t1, each from s0 to s1, both ends included.
    """

    extent: tuple[float, float, float, float]
    classes: NDArray[np.int64]


def plane_classes(
    classifier: Any,
    head: LinearHead,
    plane: PixelPlane,
    extent: Sequence[float],
    *,
    levels: int = 8,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[ClassGrid]:
    """Class grids of any model with a method ``features``, from coarse to fine.

    Each lattice has ``2**k + 1`` points a side, k from 3 to `levels`, and evaluates only the points
    that the one before does not have.

    Parameters
    ----------
    cancelled : callable, optional
        Asked before each batch of 512 images; True ends the frames.
    """
    box = check_extent(extent)
    if not 3 <= levels <= 12:
        raise ValueError(f"levels must be from 3 (9 x 9 points) to 12 (4097 x 4097), received {levels}")
    classes = np.full((1, 1), -1)
    for level in range(3, levels + 1):
        side = 2**level + 1
        finer = np.full((side, side), -1)
        if level > 3:
            finer[::2, ::2] = classes
        rows, columns = np.nonzero(finer < 0)
        st = np.column_stack(
            [
                box[0] + (box[1] - box[0]) * columns / (side - 1),
                box[2] + (box[3] - box[2]) * rows / (side - 1),
            ]
        )
        for start in range(0, len(st), BATCH):
            if cancelled is not None and cancelled():
                return
            part = slice(start, start + BATCH)
            finer[rows[part], columns[part]] = head.predict(plane_features(classifier, plane, st[part]))
        classes = finer
        yield ClassGrid((float(box[0]), float(box[1]), float(box[2]), float(box[3])), classes.copy())
