"""Where features can lie, read from how they are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy.optimize import Bounds
from torch import Tensor

__all__ = ["find_range", "range_of"]

# Operations that give values between the smallest and the largest they take.
_KEEP = {
    "AdaptiveAvgPool2D", "AdaptiveMaxPool2D", "Alias", "AvgPool2D", "Clone", "Expand", "MaxPool2DWithIndices",
    "Mean", "Permute", "ReshapeAlias", "Select", "Slice", "Squeeze", "T", "ToCopy", "Transpose",
    "UnsafeView", "Unsqueeze", "View",
}  # fmt: skip
_RANGES = {
    "Relu": (0.0, np.inf),
    "Sigmoid": (0.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Softplus": (0.0, np.inf),
    "Tanh": (-1.0, 1.0),
}


def find_range(features: Tensor) -> tuple[Bounds | None, str]:
    """Bounds of the features (n, d) from the operations that made them, and in words.

    Follows the autograd graph of `features` back through what keeps a range (reshaping, means, pooling)
    to the operation that sets it. None where that is not one with a known range.
    """
    node: Any = features.grad_fn
    through = False
    while node is not None and _kind(node) in _KEEP:
        through |= _kind(node) in {"Mean", "AvgPool2D", "AdaptiveAvgPool2D"}
        node = node.next_functions[0][0]
    kind = _kind(node)
    low, high = _RANGES.get(kind, (-np.inf, np.inf))
    name = {"Relu": "ReLU"}.get(kind, kind)
    if kind == "Hardtanh":
        low, high = float(node._saved_min_val), float(node._saved_max_val)
        name = "ReLU6" if (low, high) == (0.0, 6.0) else "hard tanh"
    if (low, high) == (-np.inf, np.inf):
        return None, "of any sign"
    means = "means of a " if through else "outputs of a "
    span = ">= 0" if (low, high) == (0.0, np.inf) else f"in [{low:g}, {high:g}]"
    d = features.shape[1]
    return Bounds(np.full(d, low), np.full(d, high)), f"{span} ({means}{name})"


def _kind(node: Any) -> str:
    """The operation of a node of the autograd graph."""
    return "" if node is None else type(node).__name__.split("Backward")[0]


@torch.enable_grad()
def range_of(classifier: Any, images: Tensor) -> tuple[Bounds | None, str]:
    """`find_range` of the features of images (n, C, H, W)."""
    return find_range(classifier.features(images.detach().clone().requires_grad_(True)))
