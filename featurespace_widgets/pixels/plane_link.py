"""Two planes through the same three images: their blends in pixel space and in feature space."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from ..geometry.arrays import Array, as_matrix, as_vector
from ..geometry.head import LinearHead
from ..geometry.plane import Slice, section_plane
from .pixel_plane import PixelPlane, pixel_plane, plane_features

__all__ = ["NearestBlend", "PlaneLink", "plane_link"]

SIDE = 25  # points of the lattice a side
CHUNK = 16  # images between two questions whether to go on
ROUNDS = 16  # steps around the nearest point of the lattice
BOX = 1e-9  # beyond [0, 1] that counts as rounding


@dataclass(frozen=True)
class NearestBlend:
    """The image of a pixel plane whose features were found nearest to a feature vector.

    Attributes
    ----------
    st : (2,) array
        Where it lies on the pixel plane.
    features : (d,) array
    distance : float
        From its features to the vector: an upper bound for the plane, since the search is local.
    """

    st: Array
    features: Array
    distance: float


@dataclass(frozen=True, eq=False)
class PlaneLink:
    """The pixel plane and the slice through the same three images, and what one says of the other.

    Attributes
    ----------
    classifier : torch module with a method ``features``
    pixels : PixelPlane
    slice : Slice
        Through the features of the three images.
    corners : (3, d) array
        These features.
    lattice : (n, 2) array
        Points of the pixel plane within [0, 1] whose `features` (n, d) are known.
    features : (n, d) array
    """

    classifier: Any
    pixels: PixelPlane
    slice: Slice
    corners: Array
    lattice: Array
    features: Array

    def shares(self, st: ArrayLike) -> Array:
        """Weights (n, 3) of the three images at pixel plane points (n, 2)."""
        ones = np.ones(3)
        matrix = np.vstack([self.pixels.corners.T, ones])
        points = as_matrix("st", st, 2)
        weights: Array = np.linalg.solve(matrix, np.vstack([points.T, np.ones(len(points))])).T
        return weights

    def land(self, st: ArrayLike) -> Array:
        """Features (n, d) of the images at pixel plane points (n, 2)."""
        return plane_features(self.classifier, self.pixels, st)

    def allowed(self, st: ArrayLike) -> NDArray[np.bool_]:
        """Whether the images at pixel plane points (n, 2) lie in [0, 1]."""
        return _allowed(self.pixels, as_matrix("st", st, 2))

    def nearest(self, y: ArrayLike, seconds: float = np.inf) -> NearestBlend:
        """The image of the pixel plane with features nearest to y (d,): a lattice, then smaller steps.

        No further step is taken when `seconds` are spent.
        """
        late = time.monotonic() + seconds
        vector = as_vector("y", y, self.corners.shape[1])
        away = np.linalg.norm(self.features - vector, axis=1)
        best = int(away.argmin())
        st, features, distance = self.lattice[best], self.features[best], float(away[best])
        step = np.ptp(self.lattice, axis=0).max() / np.sqrt(len(self.lattice))
        around = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j], dtype=float)
        for _ in range(ROUNDS):
            if time.monotonic() > late:
                break
            candidates = st + step * around
            candidates = candidates[self.allowed(candidates)]
            landed = self.land(candidates) if len(candidates) else np.empty((0, len(vector)))
            away = np.linalg.norm(landed - vector, axis=1)
            if len(away) and away.min() < distance:
                best = int(away.argmin())
                st, features, distance = candidates[best], landed[best], float(away[best])
            else:
                step /= 2
        return NearestBlend(st, features, distance)

    def agreement(self) -> float:
        """Share of the lattice's blends whose image has the class of the same blend of features."""
        weights = self.shares(self.lattice)
        inside = (weights >= -BOX).all(axis=1)
        head = self.slice.head
        seen, blended = (
            head.predict(rows) for rows in (self.features[inside], weights[inside] @ self.corners)
        )
        return float((seen == blended).mean())


def _allowed(plane: PixelPlane, st: Array) -> NDArray[np.bool_]:
    flat = plane.origin + st @ plane.basis
    allowed: NDArray[np.bool_] = np.all((flat >= -BOX) & (flat <= 1 + BOX), axis=1)
    return allowed


def plane_link(
    classifier: Any,
    head: LinearHead,
    domain: Bounds | None,
    images: Any,
    *,
    seconds: float = np.inf,
    cancelled: Callable[[], bool] | None = None,
) -> PlaneLink | None:
    """The planes through three images (3, C, H, W) in [0, 1] in both spaces; None where it was cancelled.

    Parameters
    ----------
    seconds : float
        The lattice grows from coarse to fine, 25 x 25 at most, until they are spent.

    Raises
    ------
    ValueError
        If the images, or their features, coincide or lie on one line.

    Examples
    --------
    >>> import numpy as np, torch
    >>> class Plain(torch.nn.Module):
    ...     def features(self, x):
    ...         return 2.0 * x.flatten(1)
    >>> head = LinearHead(np.eye(3))
    >>> link = plane_link(Plain(), head, None, np.eye(3).reshape(3, 1, 1, 3))
    >>> link.agreement() > 0.9  # all but ties
    True
    >>> near = link.nearest(link.corners.mean(axis=0))
    >>> near.distance < 1e-3, link.shares(near.st[None]).round(3)
    (True, array([[0.333, 0.333, 0.333]]))
    """
    plane = pixel_plane(images)
    corners = plane_features(classifier, plane, plane.corners)
    section = section_plane(head, domain, corners)
    (s0, t0), (s1, t1) = plane.corners.min(axis=0), plane.corners.max(axis=0)
    grid = np.stack(np.meshgrid(np.linspace(s0, s1, SIDE), np.linspace(t0, t1, SIDE)), axis=-1)
    points = grid[_coarse_to_fine()]
    lattice = np.vstack([plane.corners, points[_allowed(plane, points)]])
    late, parts = time.monotonic() + seconds, [corners]
    for start in range(3, len(lattice), CHUNK):
        if cancelled is not None and cancelled():
            return None
        if start > 3 and time.monotonic() > late:
            break
        parts.append(plane_features(classifier, plane, lattice[start : start + CHUNK]))
    features = np.concatenate(parts)
    return PlaneLink(classifier, plane, section, corners, lattice[: len(features)], features)


def _coarse_to_fine() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of a lattice: every eighth first, then every fourth, second, and all others."""
    number = np.arange(SIDE)
    level = np.select([number % 8 == 0, number % 4 == 0, number % 2 == 0], [0, 1, 2], 3)
    order = np.maximum(level[:, None], level).ravel().argsort(kind="stable")
    rows, columns = np.unravel_index(order, (SIDE, SIDE))
    return rows, columns
