"""Train for certificates: classes that hold although features may move as far as the layers' norms let them.

Every other class gains what it could at most within a distance of the image (Lipschitz-margin training,
Tsuzuku et al. 2018; GloRo, Leino et al. 2021). Layers with small norms are then worth their loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .networks import Classifier

__all__ = ["Expansion", "prepare"]


def prepare(network: Classifier) -> None:
    """Weights to start from: every layer's rows orthogonal, so that no norm is far from 1."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.orthogonal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class Expansion:
    """The product of the norms of a sequential body's layers, differentiable in their weights.

    Each call improves the estimates by one step of power iteration. Estimates of a norm are from below:
    they train, and `pixels.layer_norms` certifies.

    Parameters
    ----------
    network : Classifier
        Whose body is a sequence of convolutions, linear layers, ReLUs and Flatten.
    shape : tuple of int
        (C, H, W) of its images.
    """

    def __init__(self, network: Classifier, shape: tuple[int, ...]) -> None:
        self.network = network
        self.layers: list[tuple[nn.Conv2d | nn.Linear, Tensor]] = []
        with torch.no_grad():
            value = torch.zeros(1, *shape)
            for layer in network.body:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    self.layers.append((layer, torch.randn_like(value)))
                value = layer(value)

    def __call__(self) -> Tensor:
        """Product of the norms."""
        product = torch.ones(())
        for layer, direction in self.layers:
            with torch.enable_grad():
                given = (direction / direction.norm()).requires_grad_()
                (step,) = torch.autograd.grad(0.5 * _linear(layer, given).square().sum(), given)
            direction.copy_(step)
            product = product * _linear(layer, direction / direction.norm()).norm()
        return product

    def gains(self, labels: Tensor, distance: float) -> Tensor:
        """What logits (n, K) can gain on that of the label while an image moves by a distance, at most."""
        rows = self.network.head.weight
        between = (rows[labels][:, None] - rows).square().sum(2)
        return distance * self() * (between + 1e-12).sqrt()


def _linear(layer: nn.Conv2d | nn.Linear, value: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        return functional.linear(value, layer.weight)
    return functional.conv2d(value, layer.weight, None, layer.stride, layer.padding)
