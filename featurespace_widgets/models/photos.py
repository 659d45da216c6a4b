"""Own photos as classes: a linear head trained on the features of a frozen network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from ..geometry.arrays import Array

__all__ = ["TrainedHead", "train_head"]

FOLDS = 5
DECAY = 1e-3  # half the weight of |W|^2 beside the mean loss, for features of unit mean square length


@dataclass(frozen=True)
class TrainedHead:
    """Weights (K, d) and biases (K,) of a softmax regression, and how good they are on unseen samples."""

    weight: Array
    bias: Array
    accuracy: float  # cross-validated share of rightly classified samples
    folds: int


def train_head(features: Array, labels: NDArray[np.int64]) -> TrainedHead:
    """Softmax regression with weight decay; its accuracy by stratified cross-validation.

    Parameters
    ----------
    features : (n, d)
    labels : (n,) in 0 ... K - 1

    Raises
    ------
    ValueError
        With fewer than two classes, or fewer than two samples of one.

    Examples
    --------
    >>> import numpy as np
    >>> from featurespace_widgets.models.photos import train_head
    >>> features = np.repeat(np.eye(2), 10, axis=0)
    >>> train_head(features, np.repeat([0, 1], 10)).accuracy
    1.0
    """
    counts = np.bincount(labels)
    if len(counts) < 2 or counts.min() < 2:
        raise ValueError(f"needs two classes and two samples of each, received {counts.tolist()} samples")
    folds = min(FOLDS, int(counts.min()))
    fold = _stratified(labels, folds)
    right = 0
    for k in range(folds):
        weight, bias = _fit(features[fold != k], labels[fold != k], len(counts))
        right += int(((features[fold == k] @ weight.T + bias).argmax(1) == labels[fold == k]).sum())
    weight, bias = _fit(features, labels, len(counts))
    return TrainedHead(weight, bias, right / len(labels), folds)


def _stratified(labels: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """The fold of each sample: every class spread evenly over them."""
    fold = np.empty(len(labels), np.int64)
    order = np.random.default_rng(0).permutation(len(labels))
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def _fit(features: Array, labels: NDArray[np.int64], classes: int) -> tuple[Array, Array]:
    """Minimise ``mean(logsumexp(z) - z_label) + DECAY/2 |W|^2`` with z = W y + b."""
    centre = features.mean(axis=0)
    scale = float(np.sqrt(np.square(features - centre).sum(axis=1).mean())) or 1.0
    x = (features - centre) / scale
    n, d = x.shape
    wanted = np.eye(classes)[labels]

    def loss(flat: Array) -> tuple[float, Array]:
        weight, bias = flat[: classes * d].reshape(classes, d), flat[classes * d :]
        logits = x @ weight.T + bias
        total = logsumexp(logits, axis=1)
        slope = (np.exp(logits - total[:, None]) - wanted) / n
        value = float((total - logits[np.arange(n), labels]).mean() + 0.5 * DECAY * np.square(weight).sum())
        return value, np.concatenate([(slope.T @ x + DECAY * weight).ravel(), slope.sum(axis=0)])

    start = np.zeros(classes * (d + 1))
    flat = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    weight = flat[: classes * d].reshape(classes, d) / scale
    bias: Array = flat[classes * d :] - weight @ centre
    return weight, bias
