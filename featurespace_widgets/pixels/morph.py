"""Morphing: images along a path in feature space, beside the blend of their pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from ..geometry.arrays import Array, as_matrix
from ..geometry.head import LinearHead
from ..geometry.hull import FeatureHull
from ..geometry.hull_projection import HullProjection
from ..geometry.path import Path
from .blend_track import BlendTrack, blend_features, blend_track
from .inversion import invert
from .pixel_map import PixelMap
from .preview import decode
from .relu_network import as_image
from .routes import SAME, Route, given_route, route_through

__all__ = ["Morph", "MorphFrame", "morph", "morph_frames", "representative"]

SAMPLES = 257  # of the pixel blend


@dataclass(frozen=True, eq=False)
class MorphFrame:
    """One image of a morph.

    Attributes
    ----------
    t : float
    target : (d,) array
        The point of the path.
    expected : int
        Its class, exact.
    image : (C, H, W) array in [0, 1]
    landed : (d,) array
        Features of the image, evaluated again in float64.
    residual : float
        ``|landed - target|``.
    predicted : int
        Class of the image.
    source : str
        "given" (an end, where the path ends at its features), "optimised" or "decoded".
    """

    t: float
    target: Array
    expected: int
    image: Array
    landed: Array
    residual: float
    predicted: int
    source: Literal["given", "optimised", "decoded"]


@dataclass(frozen=True, eq=False)
class Morph:
    """Images along a feature path, with the pixel blend beside them.

    Attributes
    ----------
    a, b : (C, H, W) arrays in [0, 1]
    route : Route
        The feature path; ``route.ribbon`` has its exact class intervals.
    frames : tuple of MorphFrame
    blend : BlendTrack
    yardstick : float
        Size of "near" in feature space, as given; nan where none was given.
    verdict : "reached" or "undecided"
        "reached": every image meets its point of the path within the tolerance. "undecided" does not say
        that there is no such image.
    tolerance : float
        Relative to the length of each point of the path.
    """

    a: Array
    b: Array
    route: Route
    frames: tuple[MorphFrame, ...]
    blend: BlendTrack
    yardstick: float
    verdict: Literal["reached", "undecided"]
    tolerance: float

    @property
    def images(self) -> Array:
        """(n, C, H, W) images of the frames."""
        return np.stack([frame.image for frame in self.frames])

    @property
    def length_ratio(self) -> float:
        """Length of the pixel blend's track over the length of the feature path; nan for a path of none."""
        return self.blend.length / self.route.length if self.route.length > 0 else float("nan")

    def blended(self) -> Array:
        """(n, C, H, W) pixel blends at the parameters of the frames."""
        t = np.array([frame.t for frame in self.frames])[:, None, None, None]
        blends: Array = (1.0 - t) * self.a + t * self.b
        return blends

    def hull_distances(self, hull: FeatureHull) -> tuple[HullProjection, HullProjection]:
        """Projections onto a hull: of the path at the frames, and of the samples of the pixel blend."""
        path_points = np.stack([frame.target for frame in self.frames])
        return hull.project(path_points), hull.project(self.blend.features)

    def verify(self, classifier: Any, head: LinearHead) -> bool:
        """Evaluate legs, frames and blend again by a float64 copy; undecided results verify as False."""
        if self.verdict != "reached" or not all(leg.verify() for leg in self.route.legs):
            return False
        network = PixelMap(classifier, head, torch.as_tensor(self.a))
        for frame in self.frames:
            landed = network.features(torch.as_tensor(frame.image))
            away = float(np.linalg.norm(landed - frame.target))
            size = float(np.linalg.norm(frame.target)) or 1.0
            if not (frame.image.min() >= 0 and frame.image.max() <= 1 and away <= self._limit(size)):
                return False
            if np.linalg.norm(frame.target - self.route.point(frame.t)) > SAME * size:
                return False
            if not np.allclose(landed, frame.landed, rtol=0, atol=1e-10 * (1 + size)):
                return False
            if int(head.predict(landed[None])[0]) != frame.predicted:
                return False
        seen = head.predict(blend_features(network, self.a, self.b, self.blend.t))
        ribbon = self.blend.ribbon
        inside = np.searchsorted(ribbon.breakpoints[1:-1], self.blend.t, side="right")
        clear = np.abs(self.blend.t[:, None] - ribbon.breakpoints).min(axis=1) > 1e-9
        return bool((ribbon.classes[inside] == seen)[clear].all())

    def _limit(self, size: float) -> float:
        return self.tolerance * size * (1 + 1e-6)

    def save(self, file: str | FilePath, *, milliseconds: int = 80, scale: int = 6) -> None:
        """Write the frames as an animated GIF or WebP, there and back.

        Raises
        ------
        ValueError
            If the file's name ends in neither .gif nor .webp, a number is below 1, or images have neither one
            channel nor three.
        """
        kind = FilePath(file).suffix.lower()
        if kind not in (".gif", ".webp"):
            raise ValueError(f"file must end in .gif or .webp, received {str(file)!r}")
        if milliseconds < 1 or scale < 1:
            raise ValueError(
                f"milliseconds and scale must be at least 1, received {milliseconds} and {scale}"
            )
        if self.a.shape[0] not in (1, 3):
            raise ValueError(f"images must have 1 or 3 channels to be saved, received {self.a.shape[0]}")
        pictures = [_picture(frame.image, scale) for frame in self.frames]
        pictures += pictures[-2:0:-1]
        options: dict[str, Any] = {"lossless": True} if kind == ".webp" else {}
        pictures[0].save(
            file, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, **options
        )


def _picture(image: Array, scale: int) -> Image.Image:
    values = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8).repeat(scale, 1).repeat(scale, 2)
    return Image.fromarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0)).convert("RGB")


class _Plan:
    """A checked task: the network, both images, the path and where its frames are."""

    def __init__(
        self, classifier: Any, head: LinearHead, a: Any, b: Any, frames: int, route: Any, through: Any
    ) -> None:
        if frames < 2:
            raise ValueError(f"frames must be at least 2, received {frames}")
        if route is not None and through is not None:
            raise ValueError("pass a route or points to go through, received both")
        self.first, self.last = as_image(a), as_image(b)
        if self.first.shape != self.last.shape:
            raise ValueError(
                f"a and b must have the same shape, received {tuple(self.first.shape)} "
                f"and {tuple(self.last.shape)}"
            )
        self.network = PixelMap(classifier, head, self.first)
        self.ends = self.network.features(self.first), self.network.features(self.last)
        if route is None:
            self.route = route_through(head, through, *self.ends)
        else:
            self.route = given_route(route, head.dimension)
        self.t = np.linspace(0.0, 1.0, frames)

    def blend(self, t: float) -> Tensor:
        return ((1.0 - t) * self.first + t * self.last).clamp(0, 1)

    def frame(self, t: float, image: Tensor, source: Literal["given", "optimised", "decoded"]) -> MorphFrame:
        target, landed = self.route.point(t), self.network.features(image)
        return MorphFrame(
            float(t), target, self.route.class_at(t), image.numpy().copy(), landed,
            float(np.linalg.norm(landed - target)), int(self.network.head.predict(landed[None])[0]), source,
        )  # fmt: skip

    def known(self, t: float) -> Tensor | None:
        """The image of an end, where the path ends at its features."""
        for end, image, features in ((0.0, self.first, self.ends[0]), (1.0, self.last, self.ends[1])):
            near = np.linalg.norm(self.route.point(end) - features) <= SAME * np.linalg.norm(features)
            if t == end and near:
                return image
        return None

    def run(self, classifier: Any, decoder: Any, options: dict[str, Any]) -> Iterator[MorphFrame]:
        image, before = self.first, 0.0
        for t in self.t.tolist():
            if decoder is not None:
                decoded = decode(decoder, self.route.point(t)[None])[0]
                yield self.frame(t, torch.as_tensor(np.clip(decoded, 0, 1)).double(), "decoded")
                continue
            known = self.known(t)
            if known is not None:
                image = known
            else:
                blend = self.blend(t)
                start = (image + blend - self.blend(before)).clamp(0, 1)
                point = self.route.point(t)
                found = invert(classifier, self.network.head, point, start, anchor=blend, **options)
                image = torch.as_tensor(found.image)
            before = t
            yield self.frame(t, image, "optimised" if known is None else "given")


def morph_frames(
    classifier: Any,
    head: LinearHead,
    a: Any,
    b: Any,
    *,
    frames: int = 16,
    route: Path | Sequence[Path] | None = None,
    through: ArrayLike | None = None,
    decoder: Any = None,
    **options: Any,
) -> Iterator[MorphFrame]:
    """Frames of `morph`, one after the other."""
    plan = _Plan(classifier, head, a, b, frames, route, through)
    return plan.run(classifier, decoder, options)


def morph(
    classifier: Any,
    head: LinearHead,
    a: Any,
    b: Any,
    *,
    frames: int = 16,
    route: Path | Sequence[Path] | None = None,
    through: ArrayLike | None = None,
    decoder: Any = None,
    tolerance: float = 1e-6,
    yardstick: float = float("nan"),
    progress: Callable[[MorphFrame], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **options: Any,
) -> Morph:
    """Images along a path in feature space from the features of one image to those of another.

    Each frame is optimised from the one before, moved by what the pixel blend moves; with a decoder it is
    decoded. Class changes along the path are exact.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    a, b : (C, H, W) images in [0, 1]
    frames : int
        At least 2.
    route : Path or sequence of Path, optional
        Connected legs; the straight segment if not given.
    through : (m, d) array, optional
        Points that the path goes through on its way instead, such as a flip point.
    decoder : torch module (n, d) -> (n, C, H, W), optional
        Makes the images; they are optimised if not given.
    tolerance : float
        Relative residual for "reached".
    yardstick : float
        Size of "near" in feature space; only kept.
    progress : callable, optional
        Receives every frame.
    cancelled : callable, optional
        Asked between steps; True ends the morph with the frames so far, "undecided".
    **options
        For `pixels.inversion.invert`: ``closeness`` (to the pixel blend), ``total_variation``, ``max_steps``.

    Examples
    --------
    >>> class Identity(torch.nn.Module):
    ...     def features(self, x):
    ...         return x.flatten(1)
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> found = morph(Identity(), head, torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]]), frames=5)
    >>> found.route.ribbon.breakpoints.tolist(), [frame.predicted for frame in found.frames]
    ([0.0, 0.5, 1.0], [0, 0, 0, 1, 1])
    >>> found.verdict, round(found.length_ratio, 9), found.verify(Identity(), head)
    ('reached', 1.0, True)
    """
    plan = _Plan(classifier, head, a, b, frames, route, through)
    first, last = plan.first.numpy().copy(), plan.last.numpy().copy()
    stop = cancelled or (lambda: False)
    made: list[MorphFrame] = []
    for frame in plan.run(classifier, decoder, {"tolerance": tolerance, "cancelled": stop, **options}):
        made.append(frame)
        if progress is not None:
            progress(frame)
        if stop():
            break
    whole = len(made) == frames and all(
        frame.residual <= tolerance * (float(np.linalg.norm(frame.target)) or 1.0) for frame in made
    )
    track = blend_track(plan.network, first, last, SAMPLES)
    verdict: Literal["reached", "undecided"] = "reached" if whole else "undecided"
    return Morph(first, last, plan.route, tuple(made), track, yardstick, verdict, tolerance)


def representative(head: LinearHead, features: ArrayLike, labels: ArrayLike, class_index: int) -> int:
    """Row of the rightly classified sample of a class that is nearest to their mean: an end for a morph.

    Raises
    ------
    ValueError
        If no sample of the class is rightly classified.

    Examples
    --------
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> representative(head, [[3.0, 0.0], [2.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 0, 1], 0)
    1
    """
    vectors = as_matrix("features", features, head.dimension)
    rows = np.flatnonzero((np.asarray(labels) == class_index) & (head.predict(vectors) == class_index))
    if not len(rows):
        raise ValueError(f"class {class_index} has no rightly classified sample to start a morph from")
    away = np.linalg.norm(vectors[rows] - vectors[rows].mean(axis=0), axis=1)
    return int(rows[away.argmin()])
