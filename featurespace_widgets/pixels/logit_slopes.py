"""How fast a combination of features can change with the image, from above.

A ReLU is half the identity and half a map that moves nothing further apart: ``relu(a) = (a + |a|) / 2``. So
with affine layers ``W_1 .. W_m`` and ReLUs between them, ``r . phi(x)`` changes at most by

    ``2^(1 - m) sum |r W_m .. W_k| .. |W_j .. W_1|`` over all ways to cut the chain into pieces

for each unit that x moves: a norm for each piece, of layers as they work together (Combettes and Pesquet
2020, theorem 4.2). The product of the layers' own norms is one of these terms, and none is larger.

On a ball around an image most units keep close to one slope, and not all can leave it at once: their moves
together are no longer than the norms above allow. What is left is a cone below an affine function.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from .layer_norms import ROUNDING, feature_expansion, operator_norm
from .relu_network import Node, ReluNetwork

__all__ = ["cone_below", "logit_slopes"]

MOST_WORK = 4e9  # multiplications for the norm of layers together; beyond, their norms are multiplied
MOST_NUMBERS = 1e7  # held at once while rows or columns go through layers
BISECTIONS = 8  # for what the units of a layer lose together; each halves what is left to gain
MOST_UNITS = 3e7  # units of a layer times numbers in what it is given; beyond, all have the largest slope


@dataclass(frozen=True, eq=False)
class _Affine:
    """An affine node without its bias, and the shape of what it is given."""

    node: Node
    given: tuple[int, ...]

    def pull(self, rows: Tensor) -> Tensor:
        """The functions of what is given that rows (k, ...) of its value are."""
        node = self.node
        if node.kind == "linear":
            assert node.weight is not None
            return rows @ node.weight
        if node.kind == "flatten":
            return rows.reshape(-1, *self.given)
        assert node.weight is not None
        short = [  # pixels at the end that the transposed convolution would leave out
            size - ((places - 1) * stride - 2 * padding + kernel)
            for size, places, stride, padding, kernel in zip(
                self.given[1:], rows.shape[2:], node.stride, node.padding, node.weight.shape[2:], strict=True
            )
        ]
        return functional.conv_transpose2d(rows, node.weight, None, node.stride, node.padding, short)


@dataclass(frozen=True)
class _Chain:
    """Blocks of affine nodes between which a ReLU stands; equal where all weights are."""

    digest: bytes
    shapes: tuple[tuple[int, ...], ...] = field(compare=False)  # before each block and after the last
    blocks: tuple[tuple[_Affine, ...], ...] = field(compare=False)


@torch.no_grad()
def logit_slopes(network: ReluNetwork, rows: Tensor) -> Tensor:
    """Upper bounds (k,) of the change of ``rows @ phi(x)`` for each unit that the image x moves in L2.

    Where branches meet in the network they come from the product of the layers' norms.

    Parameters
    ----------
    network : ReluNetwork
    rows : (k, d) float64 tensor

    Examples
    --------
    >>> from torch import nn
    >>> from featurespace_widgets.pixels.network_reader import read_network
    >>> class Size(nn.Module):
    ...     def __init__(self):  # |x| = relu(x) + relu(-x)
    ...         super().__init__()
    ...         self.body = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False), nn.ReLU())
    ...         self.body[1].weight.data = torch.tensor([[1.0], [-1.0]])
    ...
    ...     def features(self, x):
    ...         return self.body(x)
    >>> network, row = read_network(Size(), torch.zeros(1, 1, 1)), torch.ones(1, 2).double()
    >>> round(float(logit_slopes(network, row)), 6), round(feature_expansion(network) * 2**0.5, 6)
    (1.0, 2.0)
    """
    chain = _chain(network)
    if chain is None:
        product: Tensor = feature_expansion(network) * torch.linalg.vector_norm(rows, dim=1)
        return product
    return _slopes(chain, len(chain.blocks) - 1, rows)


@torch.no_grad()
def cone_below(
    network: ReluNetwork, rows: Tensor, image: Tensor, radius: float
) -> tuple[Tensor, Tensor] | None:
    """Affine functions and slopes that hold from below on an L2 ball around an image.

    A ReLU lies above its tangent, so where it counts positively nothing is lost. Where it counts negatively
    only units lose that can close or open, and not all at once: their moves together have a length.

    None where branches meet, or where there are too many rows for layers of that size.

    Parameters
    ----------
    network : ReluNetwork
    rows : (k, d) float64 tensor
    image : (C, H, W) float64 tensor
    radius : float

    Returns
    -------
    functions : (k, C, H, W) tensor
    slopes : (k,) tensor
        ``rows @ (phi(x) - phi(image)) >= functions . (x - image) - slopes |x - image|_2`` on the ball.
    """
    chain = _chain(network)
    if chain is None or len(rows) * _widest(chain, 0, len(chain.blocks) - 1) > MOST_NUMBERS:
        return None
    reach, _ = _norms(chain)
    slopes = torch.zeros(len(rows), dtype=torch.float64)
    before = [value[0] for value, node in zip(network.values(image[None]), network.nodes[1:], strict=False)
              if node.kind == "relu"]  # fmt: skip
    units = _unit_slopes(chain)
    for k in reversed(range(len(chain.blocks))):
        for affine in reversed(chain.blocks[k]):
            rows = affine.pull(rows)
        if k:
            together, moves = math.ldexp(reach[k], 1 - k), radius * units[k - 1].reshape(before[k - 1].shape)
            steep, lost = _slopes_within(rows, before[k - 1], moves, radius * together)
            slopes += lost * together
            rows = rows * steep
    return rows, slopes * (1.0 + ROUNDING)


def _slopes_within(rows: Tensor, before: Tensor, moves: Tensor, together: float) -> tuple[Tensor, Tensor]:
    """Slopes (k, ...) for a layer's ReLUs, and how much they fall below for each unit all inputs move.

    Counted positively, a ReLU lies above its tangent. Counted by -r, it is at most ``a |move|`` above the
    slope a (1 - a where it is open) for moves up to ``far``, where ``a = (1 - |before| / far) / 2``. Not all
    units move their most at once: with ``far = r / (4 l)`` what is lost minus ``l move^2`` is at most
    ``a^2 r^2 / (4 l)`` however far a unit moves, so all together lose ``|a r|`` for each unit that they
    move, up to `together`, as long as ``2 l together <= |a r|``. The largest such l gives the least a.
    """
    counted, near = (-rows).clamp_min(0.0), before.abs()
    sizes = (-1, *(1,) * before.dim())

    def leans(share: Tensor) -> Tensor:
        far = torch.minimum(moves, counted / (4.0 * share.reshape(sizes)).clamp_min(1e-300))
        return (0.5 - 0.5 * near / far.clamp_min(1e-300)).clamp_min(0.0)

    def lost(leaning: Tensor) -> Tensor:
        length: Tensor = torch.linalg.vector_norm((leaning * counted).flatten(1), dim=1)
        return length

    most = torch.linalg.vector_norm(counted.flatten(1), dim=1) / (4.0 * together)
    share = torch.zeros_like(most)
    for step in range(BISECTIONS):
        more = share + most * 0.5 ** (step + 1)
        share = torch.where(lost(leans(more)) >= 2.0 * together * more, more, share)
    leaning, open_ = leans(share), (before > 0).to(rows.dtype)
    return open_ + (1.0 - 2.0 * open_) * leaning, lost(leaning)


def _slopes(chain: _Chain, last: int, rows: Tensor) -> Tensor:
    """Upper bounds of the change of rows of what a block makes."""
    reach, norms = _norms(chain)
    pulled = last + 1  # the first block whose inputs the rows are functions of
    lengths = torch.linalg.vector_norm(rows.flatten(1), dim=1)
    total = torch.zeros(len(rows), dtype=torch.float64)
    for start in reversed(range(last + 1)):  # of the piece that the rows belong to
        if pulled == start + 1 and len(rows) * _widest(chain, start, start) <= MOST_NUMBERS:
            for affine in reversed(chain.blocks[start]):
                rows = affine.pull(rows)
            lengths, pulled = torch.linalg.vector_norm(rows.flatten(1), dim=1), start
        rest = norms[start, pulled - 1] if start < pulled else 1.0
        total += reach[start] * rest * lengths
    return total * math.ldexp(1.0 + ROUNDING, -last)


@lru_cache(maxsize=2)
def _unit_slopes(chain: _Chain) -> list[Tensor]:
    """How fast the input of each ReLU can change, one after the other."""
    found = []
    for k in range(len(chain.blocks) - 1):
        made = chain.shapes[k + 1]
        count = math.prod(made)
        if count * _widest(chain, k, k) > MOST_UNITS:
            reach, _ = _norms(chain)
            found.append(torch.full((count,), math.ldexp(reach[k + 1], -k), dtype=torch.float64))
            continue
        parts = torch.eye(count, dtype=torch.float64).reshape(count, *made).split(256)
        found.append(torch.cat([_slopes(chain, k, part) for part in parts]))
    return found


@lru_cache(maxsize=2)
def _chain(network: ReluNetwork) -> _Chain | None:
    """The network as blocks; None where it has branches."""
    digest, shapes = hashlib.sha256(), [network.image_shape]
    blocks: list[tuple[_Affine, ...]] = [()]
    for index, node in enumerate(network.nodes[1:], 1):
        if node.parents != (index - 1,):
            return None
        given = network.nodes[index - 1].shape
        digest.update(repr((node.kind, given, node.stride, node.padding)).encode())
        if node.kind == "relu":
            blocks.append(())
            shapes.append(given)
            continue
        if node.weight is not None:
            digest.update(node.weight.contiguous().numpy().tobytes())
        blocks[-1] += (_Affine(replace(node, bias=None), given),)
    return _Chain(digest.digest(), (*shapes, network.nodes[-1].shape), tuple(blocks))


@lru_cache(maxsize=2)
def _norms(chain: _Chain) -> tuple[list[float], dict[tuple[int, int], float]]:
    """How far steps reach, summed over the ways to cut before each block; norms of pieces (first, last)."""
    reach: list[float] = [1.0]
    norms: dict[tuple[int, int], float] = {}
    for end in range(len(chain.blocks)):
        for start in range(end, -1, -1):
            piece = [affine for block in chain.blocks[start : end + 1] for affine in block]
            if start == end:
                apart = [
                    math.prod(operator_norm(a.node, a.given) for a in piece if a.node.weight is not None)
                ]
            else:
                apart = [norms[start, cut] * norms[cut + 1, end] for cut in range(start, end)]
            norms[start, end] = min([_together(chain, start, end, piece), *apart])
        reach.append(sum(reach[start] * norms[start, end] for start in range(end + 1)))
    return reach, norms


def _together(chain: _Chain, start: int, end: int, piece: list[_Affine]) -> float:
    """Norm of a piece from above; infinite where it would take too much work, or has a layer at most."""
    given, made = chain.shapes[start], chain.shapes[end + 1]
    small, large = sorted((math.prod(given), math.prod(made)))
    if (
        sum(affine.node.weight is not None for affine in piece) < 2
        or small * small * large > MOST_WORK
        or small * _widest(chain, start, end) > MOST_NUMBERS
    ):
        return math.inf
    unit = torch.eye(small, dtype=torch.float64)
    if math.prod(made) <= math.prod(given):
        matrix = unit.reshape(small, *made)
        for affine in reversed(piece):
            matrix = affine.pull(matrix)
    else:
        matrix = unit.reshape(small, *given)
        for affine in piece:
            matrix = affine.node(matrix)
    flat = matrix.flatten(1)
    return float(torch.linalg.eigvalsh(flat @ flat.T)[-1].clamp_min(0.0).sqrt()) * (1.0 + ROUNDING)


def _widest(chain: _Chain, start: int, end: int) -> int:
    """Numbers in the largest value on the way through blocks."""
    shapes = [affine.given for block in chain.blocks[start : end + 1] for affine in block]
    return max(math.prod(shape) for shape in [*shapes, chain.shapes[end + 1]])
