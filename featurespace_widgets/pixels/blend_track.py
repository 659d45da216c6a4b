"""The blend of two images' pixels and its curved way through feature space."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.arrays import Array
from .pixel_map import PixelMap
from .routes import Ribbon

__all__ = ["BlendTrack", "blend_features", "blend_track"]

BATCH = 64


@dataclass(frozen=True, eq=False)
class BlendTrack:
    """The pixel blend ``(1 - t) a + t b`` and its curved way through feature space.

    Attributes
    ----------
    t, features : (m,), (m, d) arrays
        Samples.
    ribbon : Ribbon
        Each change by bisection to 1e-12; a class that is met between two samples only is missed.
    length : float
        Of the polygon through the samples: a lower bound of that of the curve.
    deviation : float
        Largest distance of a sample from the chord between the ends.
    """

    t: Array
    features: Array
    ribbon: Ribbon
    length: float
    deviation: float


@torch.no_grad()
def blend_features(network: PixelMap, a: Array, b: Array, t: Array) -> Array:
    """Features (m, d) of the pixel blend at parameters t (m,)."""
    first, last = torch.as_tensor(a), torch.as_tensor(b)
    parts = []
    for start in range(0, len(t), BATCH):
        share = torch.as_tensor(t[start : start + BATCH])[:, None, None, None]
        parts.append(network.model.features((1 - share) * first + share * last).numpy())
    return np.concatenate(parts)


def blend_track(network: PixelMap, a: Array, b: Array, samples: int) -> BlendTrack:
    """Follow the blend of two images (C, H, W) through feature space at equally spaced samples."""
    t = np.linspace(0.0, 1.0, samples)
    features = blend_features(network, a, b, t)
    steps = np.linalg.norm(np.diff(features, axis=0), axis=1)
    chord = features[-1] - features[0]
    square = float(chord @ chord)
    share = np.clip((features - features[0]) @ chord / square, 0, 1) if square > 0 else np.zeros(samples)
    away = np.linalg.norm(features - features[0] - share[:, None] * chord, axis=1)
    ribbon = _sampled_ribbon(network, a, b, t, network.head.predict(features))
    return BlendTrack(t, features, ribbon, float(steps.sum()), float(away.max()))


def _sampled_ribbon(network: PixelMap, a: Array, b: Array, t: Array, classes: NDArray[np.int64]) -> Ribbon:
    breakpoints, found = [0.0], [int(classes[0])]
    for (low, high), last in zip(pairwise(t), classes[1:], strict=True):
        left = float(low)
        while found[-1] != last:  # a third class may lie between
            lower, upper, after = left, float(high), int(last)
            while upper - lower > 1e-12:
                middle = (lower + upper) / 2
                seen = int(network.head.predict(blend_features(network, a, b, np.array([middle])))[0])
                lower, upper, after = (middle, upper, after) if seen == found[-1] else (lower, middle, seen)
            breakpoints.append(upper)
            found.append(after)
            left = upper
    return Ribbon(np.array([*breakpoints, 1.0]), np.array(found, dtype=np.int64))
