"""The affine piece of a ReLU network around an image: an exact certified polytope in pixel space.

Where every ReLU keeps the sign it has at the image, the features are an affine function of the
pixels. Those images form a convex polytope with one half-space for each unit; the class cell, pulled
back through the affine function, cuts it with K - 1 more. All of it has the image's class, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..geometry.arrays import Array
from ..geometry.cells import window
from ..geometry.head import LinearHead
from .network_reader import read_network
from .patches import Patches
from .pixel_plane import PixelPlane
from .polygons import clip_window
from .relaxation import Ball, Relaxation, unit_rows, walk_back
from .relu_network import ReluNetwork, as_image

__all__ = ["LargestBall", "ReluPiece", "relu_piece"]

BATCH = 256


@dataclass(frozen=True, eq=False)
class LargestBall:
    """The largest L2 ball around the image inside a piece, in R^n without the box.

    Attributes
    ----------
    radius : float
    foot : (n,) array
        The point of the nearest face that touches the ball.
    normal : (n,) array
        Of that face, pointing inwards; ``normal . x + constant >= 0`` on the piece.
    constant : float
    centre : (n,) array
    face : str
        What happens there: ``"unit 5 of layer 3"`` changes sign, or ``"class 7"`` takes over.
    distances : (m,) array
        Distances to all half-spaces, units layer by layer, then the other classes; infinite where
        a unit does not depend on the image.
    """

    radius: float
    foot: Array
    normal: Array
    constant: float
    centre: Array
    face: str
    distances: Array

    def verify(self) -> bool:
        """Whether the foot is on the face, at the radius, and no distance is smaller (1e-9)."""
        if not np.isfinite(self.radius):
            return bool(np.isinf(self.distances).all())
        size = float(np.linalg.norm(self.normal))
        value = float(self.normal @ self.foot) + self.constant
        scale = 1.0 + abs(self.constant) + float(np.abs(self.normal) @ np.abs(self.foot))
        away = float(np.linalg.norm(self.foot - self.centre))
        exact = (float(self.normal @ self.centre) + self.constant) / size if size > 0 else np.inf
        return (
            abs(value) <= 1e-9 * scale
            and abs(away - self.radius) <= 1e-9 * (1.0 + self.radius)
            and abs(exact - self.radius) <= 1e-9 * scale / size
            and float(self.distances.min(initial=np.inf)) >= self.radius * (1 - 1e-9)
        )


@dataclass(frozen=True, eq=False)
class ReluPiece:
    """The images with the activation pattern and the class of one image.

    A unit at zero belongs to both sides: the polytope is closed.

    Attributes
    ----------
    network : ReluNetwork
    head : LinearHead
    image : (C, H, W) tensor, float64
    patterns : dict
        For each ReLU node which units are positive at the image.
    class_index : int
    """

    network: ReluNetwork
    head: LinearHead
    image: Tensor
    patterns: dict[int, Tensor]
    class_index: int

    @torch.no_grad()
    def contains(self, images: ArrayLike) -> NDArray[np.bool_]:
        """Whether images (n, C, H, W) of R^n lie in the polytope: (n,)."""
        given = torch.as_tensor(np.asarray(images, np.float64))
        if given.ndim != 4 or given.shape[1:] != self.image.shape:
            raise ValueError(
                f"images must have shape (n, {', '.join(map(str, self.image.shape))}), "
                f"received {tuple(given.shape)}"
            )
        return np.concatenate([self._holds(part) for part in given.split(BATCH)] or [np.empty(0, bool)])

    def _holds(self, images: Tensor) -> NDArray[np.bool_]:
        inside = torch.ones(len(images), dtype=torch.bool)
        previous = images
        for index, value in enumerate(self.network.values(images)):
            if index in self.patterns:
                on = self.patterns[index]
                inside &= torch.where(on, previous >= 0, previous <= 0).flatten(1).all(dim=1)
            previous = value  # a ReLU follows its input in the graph
        logits = self.head.logits(previous.numpy())
        wins: NDArray[np.bool_] = logits[:, self.class_index] >= logits.max(axis=1)
        return inside.numpy() & wins

    @property
    def affine_map(self) -> tuple[Array, Array]:
        """Jacobian (d, n) and offset (d,): ``phi(x) = jacobian @ x + offset`` on the piece."""
        return self._affine

    @cached_property
    def _affine(self) -> tuple[Array, Array]:
        start = len(self.network.nodes) - 1
        rows = torch.eye(self.head.dimension, dtype=torch.float64)[None]
        with torch.no_grad():
            _, _, constant, last = walk_back(
                self.network, start, Patches(rows), self._exact, self._point, parallel=False
            )
            jacobian = last.dense(self.network.image_shape)[0].flatten(1)
        return jacobian.numpy(), constant[0].numpy()

    @cached_property
    def _exact(self) -> Relaxation:
        """The ReLUs of the piece are linear: both lines coincide."""
        slopes = {index: on.double() for index, on in self.patterns.items()}
        zeros = {index: torch.zeros_like(slope) for index, slope in slopes.items()}
        return Relaxation(slopes, slopes, zeros)

    @property
    def _point(self) -> Ball:
        return Ball(self.image, 0.0, "L2")

    def _halfspaces(self) -> Iterator[tuple[int, Tensor, Tensor, Tensor, Patches]]:
        """Places (L,), units, values (L, R) and coefficients of what is before each ReLU, in batches."""
        for index in self.network.relus:
            before = self.network.nodes[index].parents[0]
            every = torch.ones(self.network.nodes[before].shape, dtype=torch.bool)
            for places, units, rows in unit_rows(self.network, before, every):
                value, _, _, last = walk_back(
                    self.network, before, rows, self._exact, self._point, parallel=True
                )
                yield index, places, units, value, last

    def _class_faces(self) -> tuple[Array, Array, NDArray[np.int64]]:
        """Normals (K - 1, n), constants and classes of the pulled-back cell."""
        jacobian, offset = self.affine_map
        others = np.delete(np.arange(self.head.num_classes), self.class_index)
        directions = self.head.weight[self.class_index] - self.head.weight[others]
        constants = directions @ offset + self.head.bias[self.class_index] - self.head.bias[others]
        return directions @ jacobian, constants, others

    @torch.no_grad()
    def largest_ball(self) -> LargestBall:
        """Exact largest L2 ball around the image inside the piece, in R^n without the box.

        The smallest distance to a half-space. It needs the gradient of every unit: as much work as
        one relaxation of the network, about a second for 50,000 units.
        """
        nearest, best = np.inf, (0, 0, np.zeros(0), 0.0)
        distances = []
        pixels = self.image.flatten().numpy()
        for index, places, units, value, last in self._halfspaces():
            inside = last.windows(torch.ones_like(self.image))
            length = (last.flat.square() @ inside)[..., 0].sqrt()
            away = torch.where(length > 0, value.abs() / length.clamp_min(1e-300), torch.inf)
            distances.append(away.flatten().numpy())
            low = int(away.argmin())
            place, row = divmod(low, away.shape[1])
            if float(away[place, row]) < nearest:
                nearest = float(away[place, row])
                single = last.one(place, row).dense(self.network.image_shape)[0, 0].flatten().numpy()
                shape = self.network.nodes[index].shape
                unit = int(units[place, row]) * math.prod(shape[1:]) + int(places[place])
                sign = 1.0 if bool(self.patterns[index].flatten()[unit]) else -1.0
                best = (index, unit, sign * single, sign * (float(value[place, row]) - single @ pixels))
        face = f"unit {best[1]} of layer {best[0]}"
        normals, constants, others = self._class_faces()
        lengths = np.linalg.norm(normals, axis=1)
        gaps = normals @ pixels + constants
        away_class = np.where(lengths > 0, gaps / np.maximum(lengths, 1e-300), np.inf)
        distances.append(away_class)
        normal, constant = best[2], best[3]
        if len(away_class) and away_class.min() < nearest:
            j = int(away_class.argmin())
            nearest, face = float(away_class[j]), f"class {others[j]}"
            normal, constant = normals[j], float(constants[j])
        every = np.concatenate(distances)
        if not np.isfinite(nearest):
            return LargestBall(np.inf, pixels, np.zeros(len(pixels)), 0.0, pixels, "none", every)
        foot = pixels - normal * (nearest / np.linalg.norm(normal))
        return LargestBall(nearest, foot, normal, constant, pixels, face, every)

    @torch.no_grad()
    def section(self, plane: PixelPlane, extent: tuple[float, float, float, float]) -> Array:
        """Exact polygon (m, 2) of the piece on a window of a pixel plane; empty where there is none."""
        if plane.image_shape != tuple(self.image.shape):
            raise ValueError(
                f"the plane holds images of shape {plane.image_shape}, the piece {tuple(self.image.shape)}"
            )
        corner = torch.as_tensor(np.vstack([plane.origin, plane.basis])).view(3, *self.image.shape)
        kept = {0: corner}
        rows = []
        for index, node in enumerate(self.network.nodes[1:], 1):
            values = [kept[p] for p in node.parents]
            if index in self.patterns:
                on = self.patterns[index]
                sign = torch.where(on, 1.0, -1.0).double().flatten()
                rows.append((values[0].flatten(1) * sign).T.numpy())
                kept[index] = values[0] * on
            else:
                slopes = replace(node, bias=None)
                kept[index] = torch.cat([node(*(v[:1] for v in values)), slopes(*(v[1:] for v in values))])
        features = kept[len(self.network.nodes) - 1].numpy()
        logits = self.head.weight @ features.T
        logits[:, 0] += self.head.bias
        rows.append(logits[self.class_index] - np.delete(logits, self.class_index, axis=0))
        return clip_window(np.vstack(rows), window(list(extent)))


@torch.no_grad()
def relu_piece(classifier: Any, head: LinearHead, image: Any) -> ReluPiece:
    """The affine piece of a ReLU network that an image (C, H, W) in [0, 1] lies in.

    Raises
    ------
    ValueError
        `NoRuleError` names a layer without a rule; also for a bad image or a head that does not fit.

    Examples
    --------
    >>> import torch
    >>> from featurespace_widgets.geometry.head import LinearHead
    >>> class Dark(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.body = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU())
    ...
    ...     def features(self, x):
    ...         return self.body(x)
    >>> piece = relu_piece(Dark(), LinearHead([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[[0.75, 0.5]]]))
    >>> piece.contains([[[[0.6, 0.5]]], [[[0.4, 0.5]]]])
    array([ True, False])
    >>> ball = piece.largest_ball()
    >>> round(ball.radius, 3), ball.face, ball.verify()
    (0.177, 'class 1', True)
    """
    pixels = as_image(image)
    network = read_network(classifier, pixels)
    if network.nodes[-1].shape != (head.dimension,):
        raise ValueError(
            f"the head takes {head.dimension} features, the model gives {network.nodes[-1].shape[0]}"
        )
    patterns: dict[int, Tensor] = {}
    value = pixels[None]
    for index, value in enumerate(network.values(pixels[None])):
        if network.nodes[index].kind == "relu":
            patterns[index] = value[0] > 0
    return ReluPiece(network, head, pixels, patterns, int(head.predict(value.numpy())[0]))
