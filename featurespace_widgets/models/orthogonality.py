"""Train for certificates: layers that keep lengths, so that the product of their norms tells the truth.

A layer with equal singular values moves nothing further than another layer of its norm would have to; how
sure the network is comes from the temperature of its logits alone, which no certificate sees (Bethune et
al. 2022). Convolutions are held there frequency by frequency on a torus (Wang et al. 2020 do it in space).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..pixels.layer_norms import transfer_matrices
from .networks import Classifier

__all__ = ["orthogonality", "prepare"]

FREQUENCIES = 8  # of each axis, at which a convolution is looked at


def prepare(network: Classifier) -> None:
    """Weights to start from: every norm near 1, no bias."""
    for layer in _layers(network):
        nn.init.orthogonal_(layer.weight)
        with torch.no_grad():
            layer.weight /= torch.linalg.matrix_norm(_matrices(layer), 2).max()
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def orthogonality(network: Classifier) -> Tensor:
    """How far a network's layers are from keeping lengths, or from doing so backwards.

    Sum over convolutions and linear layers of ``|M M^T - 1|^2``, with ``M^T M`` where that is the smaller
    product; of a convolution the mean over its matrices M at some frequencies. Zero where all singular
    values are 1.

    Parameters
    ----------
    network : Classifier
        Whose body is a sequence of convolutions, linear layers, ReLUs and Flatten.
    """
    total = torch.zeros(())
    for layer in _layers(network):
        matrices = _matrices(layer)
        small = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
        defect = small @ small.mH - torch.eye(small.shape[1])
        total = total + defect.abs().square().sum((1, 2)).mean()
    return total


def _layers(network: Classifier) -> list[nn.Conv2d | nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def _matrices(layer: nn.Conv2d | nn.Linear) -> Tensor:
    """What a layer does, as matrices (m, a, b): one, or one for each frequency."""
    if isinstance(layer, nn.Linear):
        return layer.weight[None]
    rows, columns = layer.stride
    return transfer_matrices(layer.weight, (rows, columns), (FREQUENCIES * rows, FREQUENCIES * columns))
