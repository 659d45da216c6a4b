"""Previews of feature vectors: images, each with what the classifier makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from ..models.sources import as_floats

__all__ = ["Preview", "decode", "features_of", "preview"]

BATCH = 256


@dataclass(frozen=True)
class Preview:
    """Images for feature vectors, with their re-evaluation.

    Attributes
    ----------
    images : (n, C, H, W) array
        Floats in [0, 1], or uint8 where they are images of samples.
    landed : (n, d) array
        ``phi(image)``: where the images really lie in feature space.
    residuals : (n,) array
        ``|phi(image) - y|``.
    seen : (n,) array
        The class that the model sees in the images.
    yardstick : float
        Median nearest-neighbour distance of the training features, to compare residuals with.
    source : str
        What the images were made from: "decoder", "nearest training image" or "nearest example image".
    """

    images: NDArray[Any]
    landed: Array
    residuals: Array
    seen: NDArray[np.int64]
    yardstick: float
    source: str = "decoder"


@torch.no_grad()
def decode(decoder: Any, features: Array) -> NDArray[np.float32]:
    """Images (n, C, H, W) in [0, 1] of features (n, d)."""
    images: NDArray[np.float32] = decoder(_for(decoder, features)).float().cpu().numpy()
    return images


@torch.no_grad()
def features_of(
    classifier: Any, images: NDArray[Any], progress: Callable[[float], object] | None = None
) -> Array:
    """Features (n, d) of images (n, C, H, W), uint8 or floats in [0, 1], batch by batch.

    ``progress`` is called with the share done.
    """
    parts = []
    for start in range(0, max(len(images), 1), BATCH):
        batch = _for(classifier, as_floats(images[start : start + BATCH]))
        parts.append(classifier.features(batch).double().cpu().numpy())
        if progress is not None:
            progress(min(1.0, (start + BATCH) / max(len(images), 1)))
    features: Array = np.concatenate(parts)
    return features


@torch.no_grad()
def preview(
    classifier: Any, head: LinearHead, features: Array, images: NDArray[np.float32], yardstick: float
) -> Preview:
    """Push images that were decoded from `features` back through the classifier."""
    landed = features_of(classifier, images)
    residuals = np.linalg.norm(landed - features, axis=1)
    return Preview(images, landed, residuals, head.predict(landed), yardstick)


def _for(network: Any, array: NDArray[Any]) -> torch.Tensor:
    """An array where the network is, and in its precision."""
    parameters = getattr(network, "parameters", tuple)
    first = next(iter(parameters()), None)
    given = torch.as_tensor(array, dtype=torch.float32)
    return given if first is None else given.to(first)
