"""Pixel space against feature space: distances and directions of the boundaries in both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from scipy.stats import rankdata

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from .relu_network import as_image

__all__ = ["Comparison", "SpaceSummary", "compare", "effective_rank"]


@dataclass(frozen=True, eq=False)
class SpaceSummary:
    """The boundaries around one image, seen in one space.

    Attributes
    ----------
    spread : float
        Ratio of the largest to the smallest of the K - 1 distances.
    angles : (K - 1, K - 1) array
        Angles in degrees between the directions towards the boundaries; NaN for a zero direction.
    effective_rank : float
        exp of the entropy of the singular values of the unit directions.
    """

    spread: float
    angles: Array
    effective_rank: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Boundaries around m images in feature space and in pixel space.

    Attributes
    ----------
    classes : (m,) array
        The class of each image.
    others : (m, K - 1) array
        The other classes, in the order of the columns below.
    feature_distances, linear_distances : (m, K - 1) arrays
        To the hyperplane with each other class, exact in R^d; in pixel space the linearised distance
        ``g_ij / |J' v_ij|`` at the image, an estimate. Infinite where there is no boundary.
    flip_distances : (m, K - 1) array or None
        Distances of images that were found on the boundaries: upper bounds. NaN where none was found.
    feature_scale, pixel_scale : float
        Median distance between the images in each space; 1 for a single image.
    rank_correlation : (m,) array
        Spearman's, between the two orders of the other classes: feature against flip distances where
        there are all, linearised ones otherwise. NaN when one of the orders is constant.
    feature_summary, pixel_summary : tuple of SpaceSummary
    """

    classes: NDArray[np.int64]
    others: NDArray[np.int64]
    feature_distances: Array
    linear_distances: Array
    flip_distances: Array | None
    feature_scale: float
    pixel_scale: float
    rank_correlation: Array
    feature_summary: tuple[SpaceSummary, ...]
    pixel_summary: tuple[SpaceSummary, ...]

    def table(self) -> list[dict[str, float | int]]:
        """One plain row for each image and other class; distances over the median between images."""
        rows: list[dict[str, float | int]] = []
        for k, own in enumerate(self.classes):
            for j, other in enumerate(self.others[k]):
                row: dict[str, float | int] = {
                    "image": k,
                    "class": int(own),
                    "other": int(other),
                    "feature": float(self.feature_distances[k, j]) / self.feature_scale,
                    "pixel_linear": float(self.linear_distances[k, j]) / self.pixel_scale,
                }
                if self.flip_distances is not None:
                    row["pixel_flip"] = float(self.flip_distances[k, j]) / self.pixel_scale
                rows.append(row)
        return rows


def effective_rank(directions: Array) -> float:
    """``exp(H)`` of the singular values s of the unit rows, H the entropy of ``s / sum s``; 0 without rows.

    Examples
    --------
    >>> import numpy as np
    >>> round(effective_rank(np.eye(3)), 6), round(effective_rank(np.ones((3, 4))), 6)
    (3.0, 1.0)
    """
    lengths = np.linalg.norm(directions, axis=1)
    rows = directions[lengths > 0] / lengths[lengths > 0, None]
    if not len(rows):
        return 0.0
    sizes = np.linalg.svd(rows, compute_uv=False)
    shares = sizes / sizes.sum()
    shares = shares[shares > 1e-15]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def compare(
    classifier: Any,
    head: LinearHead,
    images: Any,
    *,
    flip: Callable[[Array, int], float | None] | None = None,
) -> Comparison:
    """Compare the boundaries around a few images in feature space and in pixel space.

    Parameters
    ----------
    classifier : torch module with a method ``features``
        Needs gradients with respect to the image. It is not changed.
    head : LinearHead
    images : (m, C, H, W) in [0, 1]
    flip : callable, optional
        ``flip(image, other_class)`` gives the L2 distance to an image found on the boundary with
        that class, or None: called m (K - 1) times.

    Raises
    ------
    ValueError
        If images are not of one shape in [0, 1], or the model has no gradients or another width.

    Examples
    --------
    >>> import torch
    >>> from featurespace_widgets.geometry.head import LinearHead
    >>> class Plain(torch.nn.Module):
    ...     def features(self, x):
    ...         return 2.0 * x.flatten(1)
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> found = compare(Plain(), head, torch.tensor([[[[0.75, 0.25]]]]))
    >>> found.feature_distances.round(3), found.linear_distances.round(3)
    (array([[0.707]]), array([[0.354]]))
    """
    checked = [as_image(image) for image in images]
    if not checked or len({image.shape for image in checked}) != 1:
        raise ValueError(
            f"images must be one or more of one shape, received {[tuple(i.shape) for i in checked]}"
        )
    pixels = torch.stack(checked).flatten(1).numpy()
    found = [_gradients(classifier, head, image) for image in checked]
    features = np.array([y for y, _ in found])
    classes = head.predict(features)
    every = np.arange(head.num_classes)
    others = np.array([np.delete(every, own) for own in classes])
    logits = head.logits(features)
    gaps = np.array([z[own] - z[rest] for z, own, rest in zip(logits, classes, others, strict=True)])
    normals = [head.weight[own] - head.weight[rest] for own, rest in zip(classes, others, strict=True)]
    slopes = [g[own] - g[rest] for (_, g), own, rest in zip(found, classes, others, strict=True)]
    feature_distances, linear = _over(gaps, normals), _over(gaps, slopes)
    flips = None
    if flip is not None:
        flips = np.array(
            [
                [_found(flip(image.numpy(), int(other))) for other in rest]
                for image, rest in zip(checked, others, strict=True)
            ]
        )
    pixel_distances = linear if flips is None else np.where(np.isfinite(flips), flips, linear)
    return Comparison(
        classes,
        others,
        feature_distances,
        linear,
        flips,
        _median_distance(features),
        _median_distance(pixels),
        np.array(
            [
                _spearman(f, p if flips is None or np.isfinite(flips[k]).all() else linear[k])
                for k, (f, p) in enumerate(zip(feature_distances, pixel_distances, strict=True))
            ]
        ),
        tuple(_summary(d, v) for d, v in zip(feature_distances, normals, strict=True)),
        tuple(_summary(d, v) for d, v in zip(linear, slopes, strict=True)),
    )


def _found(distance: float | None) -> float:
    return np.nan if distance is None else float(distance)


@torch.enable_grad()
def _gradients(classifier: Any, head: LinearHead, image: torch.Tensor) -> tuple[Array, Array]:
    """Features (d,) and the gradients (K, n) of all logits at an image."""
    first = next(iter(classifier.parameters()), None)
    given = image[None] if first is None else image[None].to(first)
    given = given.detach().clone().requires_grad_()
    features = classifier.features(given)
    if features.shape != (1, head.dimension):
        raise ValueError(
            f"the head takes {head.dimension} features, the model gives shape {tuple(features.shape)}"
        )
    if not features.requires_grad:
        raise ValueError("the model's features have no gradients with respect to the image")
    logits = features @ torch.as_tensor(head.weight).to(features).T
    rows = [
        torch.autograd.grad(logits[0, k], given, retain_graph=True)[0].flatten().cpu().double().numpy()
        for k in range(head.num_classes)
    ]
    return features[0].detach().cpu().double().numpy(), np.array(rows)


def _over(gaps: Array, directions: list[Array]) -> Array:
    lengths = np.array([np.linalg.norm(rows, axis=1) for rows in directions])
    distances: Array = np.where(lengths > 0, gaps / np.where(lengths > 0, lengths, 1.0), np.inf)
    return distances


def _median_distance(rows: Array) -> float:
    """Median distance between rows; 1 where there is none but zero."""
    median = float(np.median(pdist(rows))) if len(rows) > 1 else 1.0
    return median if median > 0 else 1.0


def _spearman(first: Array, second: Array) -> float:
    """Pearson's correlation of the ranks; NaN without two different ones on both sides."""
    a, b = rankdata(first), rankdata(second)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else np.nan


def _summary(distances: Array, directions: Array) -> SpaceSummary:
    lengths = np.linalg.norm(directions, axis=1)
    unit = directions / np.where(lengths > 0, lengths, np.nan)[:, None]
    angles = np.degrees(np.arccos(np.clip(unit @ unit.T, -1.0, 1.0)))
    finite = distances[np.isfinite(distances)]
    smallest = float(finite.min(initial=np.inf))
    spread = float(finite.max()) / smallest if len(finite) and smallest > 0 else np.inf
    return SpaceSummary(spread, angles, effective_rank(directions))
