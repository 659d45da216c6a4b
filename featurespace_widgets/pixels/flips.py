"""Pixel flip points: the nearest image found at which the class changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
import torch
from numpy.typing import NDArray

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from ..geometry.hull_projection import HullProjection
from .flip_search import FlipSearch
from .pixel_map import PixelMap
from .relu_network import as_image

__all__ = ["PixelFlip", "PixelFlips", "flip_image"]

TIE = 1e-10  # relative to the size of the logits


@dataclass(frozen=True, eq=False)
class PixelFlip:
    """The best found image on a decision boundary: its distance is an upper bound, not proven minimal.

    Attributes
    ----------
    image, original : (C, H, W) arrays in [0, 1]
    class_index, target : int
        Class of the original, and the class that reaches the top at the image. Where none was found,
        the class asked for, or -1 where any would do.
    distance : float
        L2 distance in pixels; infinite where no flip was found.
    tie : float
        ``|z_target - max_k z_k|`` over the other classes k, at the image.
    landing : (d,) array
        Features of the image; NaN where none was found.
    feature_move : float
        ``|phi(x') - phi(x)|``.
    amplification : float
        Feature move for each unit of pixel distance.
    alignment : float
        Cosine of the feature move with ``w_target - w_i``, the normal of the boundary.
    null_share : float
        Share of the squared feature move along which no difference of logits changes.
    linearised_distance : float
        ``(z_i - z_target) / |J' (w_i - w_target)|`` at the original: what a linear network would need.
    verdict : "found" or "undecided"
        "undecided" does not say that there is no flip.
    stopped : str
        Why the search ended: "finished", "cancelled", "diverged" (values that are not finite: the flip
        is the best one before) or "no flip" (none was found, which proves nothing).
    certified_distance : float
        No image of the box nearer than this has another class; NaN where nobody asked.
    hull : HullProjection or None
        Of `landing` onto the hull of the training features; None where there are none.
    """

    image: Array
    original: Array
    class_index: int
    target: int
    distance: float
    tie: float
    landing: Array
    feature_move: float
    amplification: float
    alignment: float
    null_share: float
    linearised_distance: float
    verdict: Literal["found", "undecided"]
    stopped: str = "finished"
    certified_distance: float = np.nan
    hull: HullProjection | None = None

    @property
    def box(self) -> float:
        """How far any pixel of the image lies outside [0, 1]; zero for a flip that verifies."""
        return float(max(-self.image.min(), self.image.max() - 1.0, 0.0))

    @property
    def relevant_share(self) -> float:
        """Share of the squared feature move that changes differences of logits."""
        return 1.0 - self.null_share

    @property
    def hull_verdict(self) -> str:
        """Whether the landing point is "inside" or "outside" the training hull, or "undecided"."""
        return "undecided" if self.hull is None else str(self.hull.verdicts[0])

    @property
    def hull_distance(self) -> float:
        """Distance of the landing point from the training hull; NaN where there is none."""
        return np.nan if self.hull is None else float(self.hull.distances[0])

    def row(self) -> dict[str, float | int | str]:
        """What a table shows: plain numbers and verdicts."""
        names = (
            "target", "verdict", "linearised_distance", "distance", "certified_distance", "tie", "box",
            "feature_move", "amplification", "alignment", "relevant_share", "null_share", "hull_verdict",
            "hull_distance",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def verify(self, classifier: Any, head: LinearHead) -> bool:
        """Evaluate a float64 copy of the classifier again: tie within 1e-10 (1 + max |z|), box, distances.

        Where they are known, the certified distance must not be above the distance and the hull verdict
        must be that of the landing point.
        """
        if self.verdict != "found" or self.box > 0:
            return False
        image, original = torch.as_tensor(self.image), torch.as_tensor(self.original)
        network = PixelMap(classifier, head, image)
        features = network.features(image)
        logits = head.logits(features)[0]
        first = int(head.predict(network.features(original))[0])
        distance = float(np.linalg.norm(self.image - self.original))
        in_hull = self.hull is None or (
            np.array_equal(self.hull.queries[0], self.landing) and bool(self.hull.verify().all())
        )
        return (
            first == self.class_index != self.target
            and _tie(logits, self.target) <= TIE * (1.0 + float(np.abs(logits).max()))
            and abs(distance - self.distance) <= 1e-10 * (1.0 + distance)
            and float(np.abs(features - self.landing).max()) <= 1e-10 * (1.0 + np.abs(features).max())
            and not self.certified_distance > distance
            and in_hull
        )


@dataclass(frozen=True, eq=False)
class PixelFlips:
    """Flips of one image towards every other class.

    Attributes
    ----------
    flips : tuple of K - 1 PixelFlip
        Nearest first; those that were not found come last, with distance infinity.
    """

    flips: tuple[PixelFlip, ...]

    def __len__(self) -> int:
        return len(self.flips)

    def __iter__(self) -> Iterator[PixelFlip]:
        return iter(self.flips)

    def __getitem__(self, place: int) -> PixelFlip:
        return self.flips[place]

    def to(self, target: int) -> PixelFlip:
        """The flip towards a class.

        Raises
        ------
        ValueError
            If there is none: it is the class of the image itself, or no class.
        """
        for flip in self.flips:
            if flip.target == target:
                return flip
        raise ValueError(
            f"target must be one of {sorted(flip.target for flip in self.flips)}, received {target!r}"
        )

    def table(self) -> list[dict[str, float | int | str]]:
        """One plain row for each target, nearest first; see `PixelFlip.row`."""
        return [flip.row() for flip in self.flips]

    def verify(self, classifier: Any, head: LinearHead) -> NDArray[np.bool_]:
        """Which of the flips verify; see `PixelFlip.verify`."""
        return np.array([flip.verify(classifier, head) for flip in self.flips], dtype=bool)


@overload
def flip_image(
    classifier: Any,
    head: LinearHead,
    image: Any,
    target: int | None = None,
    *,
    progress: Callable[[PixelFlip], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> PixelFlip: ...


@overload
def flip_image(
    classifier: Any,
    head: LinearHead,
    image: Any,
    target: Literal["all"],
    *,
    progress: Callable[[PixelFlip], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> PixelFlips: ...


def flip_image(
    classifier: Any,
    head: LinearHead,
    image: Any,
    target: int | Literal["all"] | None = None,
    *,
    progress: Callable[[PixelFlip], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> PixelFlip | PixelFlips:
    """Search the nearest image, in the box [0, 1], at which the class changes.

    The decoupled-direction-and-norm attack (Rony et al. 2019) towards several classes at once picks
    classes and basins; anchored linearisation from there and from shaken copies shortens the move; the
    tie is found on the segment from the original. See `flip_search.FlipSearch`. Same input, same flip.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    image : (C, H, W) in [0, 1]
    target : int or "all", optional
        The class to reach; where None, any, and the nearest found. "all" gives a flip to each of the
        other K - 1 classes: the one found for None, and a brief search for each of the rest.
    progress : callable, optional
        Called with each flip when it is there.
    cancelled : callable, optional
        Asked between steps; True ends the search with the best flips so far.

    Returns
    -------
    PixelFlip, or PixelFlips for ``target="all"``

    Raises
    ------
    ValueError
        For an image outside [0, 1] or of a shape that the classifier does not take, a model that gives no
        gradients, or a target that is no class or the image's own.

    Examples
    --------
    >>> class Identity(torch.nn.Module):
    ...     def features(self, x):
    ...         return x.flatten(1)
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> flip = flip_image(Identity(), head, torch.tensor([[[0.75, 0.25]]]))
    >>> flip.verdict, round(flip.distance, 3), flip.verify(Identity(), head)
    ('found', 0.354, True)
    """
    if isinstance(target, str) and target != "all":
        raise ValueError(f'target must be a class index, None or "all", received {target!r}')
    pixels = as_image(image)
    network, stopped = PixelMap(classifier, head, pixels), cancelled or (lambda: False)
    told = progress or (lambda flip: None)

    def found(goal: int | None, brief: bool = False) -> PixelFlip:
        search = FlipSearch(network, pixels, goal, stopped, brief=brief)
        search.run()
        flip = _described(search)
        told(flip)
        return flip

    if target != "all":
        return found(target)
    nearest = found(None)
    rest = set(range(head.num_classes)) - {nearest.class_index, nearest.target}
    flips = [nearest] if nearest.target >= 0 else []
    flips += [found(k, brief=True) for k in sorted(rest)]
    return PixelFlips(tuple(sorted(flips, key=lambda flip: flip.distance)))


def _tie(logits: Array, target: int) -> float:
    return float(abs(logits[target] - np.delete(logits, target).max()))


def _described(search: FlipSearch) -> PixelFlip:
    """What a search found, measured."""
    original, own, nan = search.image.numpy().copy(), search.own, np.nan
    head, best = search.head, search.best
    if best is None:
        wanted = -1 if search.target is None else search.target
        nowhere = np.full(head.dimension, nan)
        unknown = (nan, nan, nan, nan, nan)
        return PixelFlip(
            original, original, own, wanted, np.inf, np.inf, nowhere, *unknown, "undecided", search.stopped
        )
    logits = search.logits(best)
    rivals = logits.copy()
    rivals[own] = -np.inf
    target = int(rivals.argmax()) if search.target is None else search.target
    tie, landing = _tie(logits, target), search.features(best)
    move = landing - search.features(search.pixels)
    length, normal = float(np.linalg.norm(move)), head.weight[target] - head.weight[own]
    steep = float(np.linalg.norm(search.slope(search.pixels, target)))
    moved = length > 0
    return PixelFlip(
        best.reshape(original.shape), original, own, target, search.distance, tie, landing,
        length,
        length / search.distance if search.distance > 0 else nan,
        float(move @ normal / (length * np.linalg.norm(normal))) if moved else nan,
        float(np.linalg.norm(head.null_basis @ move) / length) ** 2 if moved else nan,
        float(search.start[own] - search.start[target]) / steep if steep > 0 else np.inf,
        "found" if tie <= TIE * (1.0 + float(np.abs(logits).max())) else "undecided",
        search.stopped,
    )  # fmt: skip
