"""How much a network's features can move: the product of the layers' norms, from above.

``|phi(x) - phi(x0)| <= L |x - x0|`` where L is the product of the operator norms of the affine layers,
summed over the branches of a residual block; a ReLU moves no further than its input. Each norm is
bounded from above, so L certifies (Szegedy et al. 2014, section 4.3; Tsuzuku et al. 2018).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .relu_network import Node, ReluNetwork

__all__ = ["feature_expansion", "operator_norm"]

ROUNDING = 1e-9  # relative, outwards: far above the error of float64 products
SQUARINGS = 9  # leave the norm of an n x n matrix too large by a factor of n ** (1 / 2048), at most


def feature_expansion(network: ReluNetwork) -> float:
    """Upper bound L of the L2 distance that features move for each unit that the image moves.

    Examples
    --------
    >>> from torch import nn
    >>> from featurespace_widgets.pixels.network_reader import read_network
    >>> class Small(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.body = nn.Sequential(nn.Flatten(), nn.Linear(4, 2, bias=False), nn.ReLU())
    ...         nn.init.constant_(self.body[1].weight, 0.5)
    ...
    ...     def features(self, x):
    ...         return self.body(x)
    >>> round(feature_expansion(read_network(Small(), torch.zeros(1, 2, 2))), 6)
    1.414214
    """
    reach = [1.0]
    for node in network.nodes[1:]:
        total = sum(reach[parent] for parent in node.parents)
        if node.weight is not None:
            total *= operator_norm(node, network.nodes[node.parents[0]].shape)
        reach.append(total)
    return reach[-1]


@torch.no_grad()
def operator_norm(node: Node, shape: tuple[int, ...]) -> float:
    """Upper bound of the spectral norm of an affine node on inputs of a shape.

    Tight for a linear map. A convolution with zeros around the image is a part of one on a torus large
    enough that nothing meets around it, which the Fourier transform takes apart into one small matrix
    for each frequency (Sedghi et al. 2019); a stride s puts s x s of them side by side. Norms of these by
    squaring (Delattre et al. 2023): every step is an upper bound.
    """
    assert node.weight is not None
    matrices = node.weight[None] if node.kind == "linear" else _transfer(node, shape)
    small = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    unit = float(small.abs().max())
    if unit == 0.0:
        return 0.0
    power = (small / unit) @ (small / unit).mH
    above = torch.zeros(len(power), dtype=torch.float64)  # logarithms of the largest eigenvalues
    width = math.log(power.shape[1])
    for k in range(SQUARINGS + 1):  # |G^m|_F ^ (1/m) is above by a factor of at most n ^ (1/2m), m = 2^k
        size = torch.linalg.matrix_norm(power).clamp_min(1e-300)
        above += size.log() / 2**k
        power = power / size[:, None, None]
        largest = above >= above.max() - 0.5 * width / 2**k  # the others are below one of these
        above, power = above[largest], power[largest]
        power = power @ power
    return unit * float((above / 2).exp().max()) * (1.0 + ROUNDING)


def _transfer(node: Node, shape: tuple[int, ...]) -> Tensor:
    """The matrices (frequencies, out, in * strides) of a convolution on a torus."""
    assert node.weight is not None
    torus = [
        stride * -(-max(size + 2 * padding, kernel) // stride)
        for size, padding, stride, kernel in zip(
            shape[1:], node.padding, node.stride, node.weight.shape[2:], strict=True
        )
    ]
    waves = torch.fft.fft2(node.weight, s=torus)  # (out, in, rows, columns)
    (down, right), (rows, columns) = node.stride, (n // s for n, s in zip(torus, node.stride, strict=True))
    folded = waves.unflatten(3, (right, columns)).unflatten(2, (down, rows))
    matrices = folded.permute(3, 5, 0, 1, 2, 4)[: rows // 2 + 1]  # the others are conjugate to these
    result: Tensor = matrices.flatten(3).flatten(0, 1) / (down * right) ** 0.5
    return result
