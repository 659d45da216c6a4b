"""A classifier's features as a graph of convolutions, affine maps, ReLUs and sums, in float64.

What is exact or certified in pixel space needs to know every layer: this is the graph it works on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["NoRuleError", "Node", "ReluNetwork", "as_image"]


class NoRuleError(ValueError):
    """The model has a layer for which nothing exact or certified is known here."""


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the graph.

    Attributes
    ----------
    kind : str
        ``"input"``, ``"conv"`` (also pooling and normalisation), ``"linear"``, ``"flatten"``,
        ``"relu"`` or ``"add"``.
    parents : tuple of int
    shape : tuple of int
        Of the value, without the batch.
    weight, bias : Tensor or None
        Of a convolution (out, in, kh, kw) or a linear map (out, in).
    stride, padding : pairs of int
    """

    kind: str
    parents: tuple[int, ...]
    shape: tuple[int, ...]
    weight: Tensor | None = None
    bias: Tensor | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def __call__(self, *values: Tensor) -> Tensor:
        """Value of the node for values (n, ...) of its parents."""
        if self.kind == "conv":
            assert self.weight is not None
            return functional.conv2d(values[0], self.weight, self.bias, self.stride, self.padding)
        if self.kind == "linear":
            assert self.weight is not None
            return functional.linear(values[0], self.weight, self.bias)
        if self.kind == "flatten":
            return values[0].flatten(1)
        if self.kind == "relu":
            return values[0].clamp_min(0.0)
        return values[0] + values[1]


@dataclass(frozen=True, eq=False)
class ReluNetwork:
    """The feature map ``phi`` as a graph in topological order; node 0 is the image, the last one phi.

    Layers with a rule: Conv2d, Linear, ReLU, Flatten, AvgPool2d, AdaptiveAvgPool2d(1), BatchNorm2d
    in eval mode, Dropout in eval mode, Identity; the functions and methods of the same meaning;
    sums of two branches (residual blocks); per-channel arithmetic with constants (normalisation).
    """

    nodes: tuple[Node, ...]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(C, H, W) of the image."""
        return self.nodes[0].shape

    @property
    def relus(self) -> tuple[int, ...]:
        """Indices of the ReLU nodes."""
        return tuple(index for index, node in enumerate(self.nodes) if node.kind == "relu")

    def values(self, images: Tensor) -> Iterator[Tensor]:
        """Values of all nodes, in order, for float64 images (n, C, H, W)."""
        last_use = {p: index for index, node in enumerate(self.nodes) for p in node.parents}
        kept: dict[int, Tensor] = {0: images}
        yield images
        for index, node in enumerate(self.nodes[1:], 1):
            kept[index] = node(*(kept[p] for p in node.parents))
            yield kept[index]
            for parent in node.parents:
                if last_use[parent] == index:
                    kept.pop(parent, None)

    def features(self, images: Tensor) -> Tensor:
        """Features (n, d) of float64 images (n, C, H, W)."""
        *_, features = self.values(images)
        return features


def as_image(image: Any) -> Tensor:
    """Float64 copy (C, H, W) of an image in [0, 1], on the CPU."""
    try:
        value = torch.as_tensor(image).detach().cpu().to(torch.float64, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"image must be an array of numbers (C, H, W), received {error}") from None
    if value.ndim == 4 and len(value) == 1:
        value = value[0]
    if value.ndim != 3:
        raise ValueError(f"image must have shape (C, H, W), received {tuple(value.shape)}")
    if not bool(((value >= 0) & (value <= 1)).all()):
        raise ValueError(
            f"image must lie in [0, 1], received values from {float(value.min()):.3g} "
            f"to {float(value.max()):.3g}"
        )
    return value
