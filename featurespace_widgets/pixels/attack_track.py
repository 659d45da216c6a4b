"""Where an attack moves in feature space: the straight way of pixels from an image through its flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from .blend_track import blend_features
from .flips import PixelFlip
from .pixel_map import PixelMap

__all__ = ["AttackTrack", "attack_track"]

STEPS = 48  # of the way to the flip, and half as many beyond
BEYOND = 1.5  # end of the way, in lengths of the flip


@dataclass(frozen=True, eq=False)
class AttackTrack:
    """Features of the images ``x + t (x' - x)``, within [0, 1], from an image x through its flip x'.

    Attributes
    ----------
    flip : PixelFlip
    t : (m,) array
        0 at the image, 1 at the flip, 1.5 at the end.
    pixels : (m,) array
        L2 distance from x in pixels.
    features : (m, d) array
    classes : (m,) int array
        What the model sees; at the flip itself two classes tie.
    margins : (m,) array
        ``z_i - max_k z_k`` over all other classes k, for the class i of x.
    along : (m,) array
        Signed length of the feature move along the normal ``w_target - w_i`` of the boundary.
    null : (m,) array
        Length of its part in the directions that change no difference of logits.
    """

    flip: PixelFlip
    t: Array
    pixels: Array
    features: Array
    classes: NDArray[np.int64]
    margins: Array
    along: Array
    null: Array

    @property
    def moves(self) -> Array:
        """(m,) lengths of the feature move."""
        moves: Array = np.linalg.norm(self.features - self.features[0], axis=1)
        return moves

    def verify(self, classifier: Any, head: LinearHead) -> bool:
        """Verify the flip, and evaluate the way again by a float64 copy of the classifier."""
        again = attack_track(classifier, head, self.flip)
        return self.flip.verify(classifier, head) and all(
            np.allclose(getattr(again, name), getattr(self, name), rtol=0, atol=1e-9)
            for name in ("t", "pixels", "features", "margins", "along", "null")
        )


def attack_track(classifier: Any, head: LinearHead, flip: PixelFlip) -> AttackTrack:
    """Follow the way from an image through its flip in feature space.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    flip : PixelFlip

    Raises
    ------
    ValueError
        If the flip was not found.

    Examples
    --------
    >>> from featurespace_widgets.pixels.flips import flip_image
    >>> class Identity(torch.nn.Module):
    ...     def features(self, x):
    ...         return x.flatten(1)
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> flip = flip_image(Identity(), head, torch.tensor([[[0.75, 0.25]]]))
    >>> track = attack_track(Identity(), head, flip)
    >>> bool(np.allclose(track.moves, track.pixels)), track.verify(Identity(), head)
    (True, True)
    >>> track.classes[[0, -1]].tolist()
    [0, 1]
    """
    if not np.isfinite(flip.distance):
        raise ValueError("flip must be one that was found, received an undecided one without an image")
    network = PixelMap(classifier, head, torch.as_tensor(flip.original))
    end = np.clip(flip.original + BEYOND * (flip.image - flip.original), 0.0, 1.0)
    share = np.linspace(0.0, 1.0, STEPS + 1), np.linspace(0.0, 1.0, STEPS // 2 + 1)[1:]
    features = np.concatenate(
        [
            blend_features(network, flip.original, flip.image, share[0]),
            blend_features(network, flip.image, end, share[1]),
        ]
    )
    beyond = flip.image + share[1][:, None, None, None] * (end - flip.image) - flip.original
    far = np.linalg.norm(beyond.reshape(len(beyond), -1), axis=1)
    logits, own = head.logits(features), flip.class_index
    normal = head.weight[flip.target] - head.weight[own]
    move = features - features[0]
    return AttackTrack(
        flip,
        np.concatenate([share[0], 1.0 + (BEYOND - 1.0) * share[1]]),
        np.concatenate([share[0] * flip.distance, far]),
        features,
        head.predict(features),
        logits[:, own] - np.delete(logits, own, axis=1).max(axis=1),
        move @ normal / np.linalg.norm(normal),
        np.linalg.norm(move @ head.null_basis.T, axis=1),
    )
