"""Linear relaxation of ReLU networks, backwards (CROWN), for balls and boxes of images.

A unit's value is bounded by walking back through the layers with a row of coefficients: an affine
layer multiplies the row by its adjoint, a ReLU whose sign is not fixed is enclosed by two lines. At
the image the row is minimised over the ball exactly. Rows of convolutional units are kept as
patches: the coefficients of one unit reach only its receptive field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional

from .patches import Patches, both
from .relu_network import Node, ReluNetwork

__all__ = [
    "Ball",
    "Cancelled",
    "Relaxation",
    "bound_layers",
    "difference_rows",
    "improve_slopes",
    "unit_rows",
    "walk_back",
]

MARGIN = 1e-9  # outwards, relative to 1 + |bound|: far above the rounding of float64
CHUNK = 2**19  # numbers in a batch of patches: they stay in the cache


class Cancelled(Exception):
    """The bounds are not wanted any more."""


@dataclass(frozen=True, eq=False)
class Ball:
    """Images of the box [0, 1] within `radius` of one image, in the L2 or the Linf norm."""

    image: Tensor
    radius: float
    norm: str

    def reach(self, patches: Patches) -> Tensor:
        """Largest decrease (L, R) of the rows from the image; exact for Linf, an upper bound for L2.

        In L2 a pixel that is at its limit in the direction of decrease is left out: it cannot help.
        """
        rows = patches.flat
        if self.norm == "Linf":
            down = patches.windows(self.image.clamp(max=self.radius))
            up = patches.windows((1.0 - self.image).clamp(max=self.radius))
            return (rows.clamp(min=0.0) @ down - rows.clamp(max=0.0) @ up)[..., 0]
        down = patches.windows((self.image > 0).to(rows.dtype))
        up = patches.windows((self.image < 1).to(rows.dtype))
        squares = rows.clamp(min=0.0).square() @ down + rows.clamp(max=0.0).square() @ up
        return self.radius * squares[..., 0].sqrt()


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Two lines around each ReLU: ``lower * h <= relu(h) <= upper * h + intercept``.

    Attributes
    ----------
    lower, upper, intercept : dict of Tensor
        For each ReLU node, in the shape of its value.
    """

    lower: dict[int, Tensor] = field(default_factory=dict)
    upper: dict[int, Tensor] = field(default_factory=dict)
    intercept: dict[int, Tensor] = field(default_factory=dict)

    def enclose(self, index: int, low: Tensor, high: Tensor) -> None:
        """Set the lines of a ReLU whose input lies in [low, high]."""
        unstable = (low < 0) & (high > 0)
        slope = torch.where(unstable, high / (high - low).clamp_min(1e-300), (low >= 0).to(low.dtype))
        self.upper[index] = slope
        # Outwards: the line must stay above the ReLU at both ends whatever the rounding of the slope.
        line = torch.maximum(-slope * low, high - slope * high)
        self.intercept[index] = torch.where(unstable, line * (1.0 + MARGIN), 0.0 * low)
        self.lower[index] = torch.where(unstable, (high > -low).to(low.dtype), slope)


def walk_back(
    network: ReluNetwork,
    start: int,
    patches: Patches,
    relaxation: Relaxation,
    ball: Ball,
    *,
    parallel: bool,
) -> tuple[Tensor, Tensor, Tensor, Patches]:
    """Bounds (L, R) of rows over node `start`: low, high, and the affine lower bound.

    With `parallel` both lines of a ReLU have the upper slope, and one walk gives both bounds;
    otherwise `high` means nothing. Returns also the constant and the coefficients at the image of
    the affine lower bound.
    """
    shape = patches.rows.shape[:2]
    low, high = patches.rows.new_zeros(shape), patches.rows.new_zeros(shape)
    pending = {start: patches}
    for index in range(start, 0, -1):
        if index not in pending:
            continue
        current, node = pending.pop(index), network.nodes[index]
        results = [current] * len(node.parents)
        if node.kind == "relu":
            slope, intercept = relaxation.upper[index], relaxation.intercept[index]
            rise = current.windows(intercept)
            upper = current.windows(slope)[..., 0][:, None]
            negative = current.flat.clamp(max=0.0)
            below = (negative @ rise)[..., 0]
            if parallel:
                high = high + (current.flat @ rise)[..., 0] - below
                rows = current.flat * upper
            else:
                lower = current.windows(relaxation.lower[index])[..., 0][:, None]
                rows = negative * upper + (current.flat - negative) * lower
            low = low + below
            results = [replace(current, rows=rows.view(current.rows.shape))]
        elif node.kind != "add":
            if node.bias is not None:
                value = node.bias if len(node.shape) == 1 else node.bias[:, None, None].expand(node.shape)
                constant = (current.flat @ current.windows(value))[..., 0]
                low, high = low + constant, high + constant
            results = [current.back(node, network.nodes[node.parents[0]])]
        for parent, result in zip(node.parents, results, strict=True):
            pending[parent] = pending[parent] + result if parent in pending else result
    last = pending[0]
    centre = (last.flat @ last.windows(ball.image))[..., 0]
    reach = ball.reach(last)
    opposite = ball.reach(replace(last, rows=-last.rows)) if parallel else reach
    return low + centre - reach, high + centre + opposite, low, last


def _receptive(network: ReluNetwork, start: int) -> int:
    """Numbers in the largest patch on the way back from one place of a node."""
    largest, size = 1, (1, 1)
    for index in range(start, 0, -1):
        node = network.nodes[index]
        if node.kind == "conv":
            assert node.weight is not None
            shape = network.nodes[node.parents[0]].shape
            size = both(
                (k - 1) * s + w for k, s, w in zip(size, node.stride, node.weight.shape[2:], strict=True)
            )
            largest = max(largest, shape[0] * min(size[0], 2 * shape[1]) * min(size[1], 2 * shape[2]))
    return largest


def unit_rows(network: ReluNetwork, index: int, wanted: Tensor) -> Iterator[tuple[Tensor, Tensor, Patches]]:
    """Rows that read the wanted units of a node, in batches that stay in the cache.

    Parameters
    ----------
    wanted : bool tensor in the shape of the node

    Yields
    ------
    places : (L,) tensor
        By falling number of wanted units.
    units : (L, R) tensor
        Of each place; where fewer are wanted than in the first one, some that are not.
    rows : Patches
        Row (l, r) reads unit ``units[l, r]`` at ``places[l]``.
    """
    shape = network.nodes[index].shape
    marked = wanted.reshape(shape[0], -1).T.int()
    counts, ranked = marked.sum(1), marked.argsort(dim=1, descending=True, stable=True)
    order = counts.argsort(descending=True, stable=True)[: int((counts > 0).sum())]
    reach = _receptive(network, index)
    while len(order):
        most = int(counts[order[0]])
        size = max(1, CHUNK // (reach * most))
        places, order = order[:size], order[size:]
        units = ranked[places, :most]
        rows = functional.one_hot(units, shape[0]).double()
        if len(shape) == 1:
            yield places, units, Patches(rows)
        else:
            yield places, units, Patches(rows[:, :, None, None], both(shape[1:]), places=places)


def _interval(node: Node, lows: list[Tensor], highs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Interval bounds of a node from those of its parents."""
    if node.weight is None:
        return node(*(low[None] for low in lows))[0], node(*(high[None] for high in highs))[0]
    centre, half = (lows[0] + highs[0]) / 2, (highs[0] - lows[0]) / 2
    middle = node(centre[None])[0]
    spread = replace(node, weight=node.weight.abs(), bias=None)(half[None])[0]
    return _outwards(middle - spread, middle + spread)


def _outwards(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    return low - MARGIN * (1.0 + low.abs()), high + MARGIN * (1.0 + high.abs())


def bound_layers(
    network: ReluNetwork, ball: Ball, cancelled: Callable[[], bool] = lambda: False
) -> Relaxation:
    """Bounds of every layer on a ball of images, as lines around its ReLUs.

    Intervals come first; units whose sign they leave open are bounded by a walk back.

    Raises
    ------
    Cancelled
        Once `cancelled`, asked between batches of units, says so.
    """
    relaxation = Relaxation()
    if not ball.radius:
        values = list(network.values(ball.image[None]))
        for index in network.relus:
            value = values[network.nodes[index].parents[0]][0]
            relaxation.enclose(index, value, value)
        return relaxation
    reach = ball.radius
    bounds = [((ball.image - reach).clamp_min(0.0), (ball.image + reach).clamp_max(1.0))]
    for index, node in enumerate(network.nodes[1:], 1):
        if node.kind == "relu":
            start = node.parents[0]
            bounds[start] = _tightened(network, start, relaxation, ball, *bounds[start], cancelled)
            relaxation.enclose(index, *bounds[start])
        parents = [bounds[parent] for parent in node.parents]
        bounds.append(_interval(node, [low for low, _ in parents], [high for _, high in parents]))
    return relaxation


def _tightened(
    network: ReluNetwork,
    index: int,
    relaxation: Relaxation,
    ball: Ball,
    low: Tensor,
    high: Tensor,
    cancelled: Callable[[], bool],
) -> tuple[Tensor, Tensor]:
    """Bounds of the units of a node; those whose sign is open by a walk back."""
    flat = low.clone().reshape(len(low), -1), high.clone().reshape(len(low), -1)
    for places, units, rows in unit_rows(network, index, (low < 0) & (high > 0)):
        if cancelled():
            raise Cancelled
        below, above, _, _ = walk_back(network, index, rows, relaxation, ball, parallel=True)
        if low.ndim == 1:  # few enough for a walk in each direction with the better slopes
            opposite = replace(rows, rows=-rows.rows)
            least, most = (
                walk_back(network, index, either, relaxation, ball, parallel=False)[0]
                for either in (rows, opposite)
            )
            below, above = torch.maximum(below, least), torch.minimum(above, -most)
        below, above = _outwards(below, above)
        at = units, places[:, None]
        flat[0][at] = torch.maximum(flat[0][at], below)
        flat[1][at] = torch.minimum(flat[1][at], above)
    return flat[0].view(low.shape), flat[1].view(low.shape)


def difference_rows(
    network: ReluNetwork, directions: Tensor, relaxation: Relaxation, ball: Ball
) -> tuple[Tensor, Tensor, Tensor]:
    """Lower bounds (R,) of rows (R, d) of the features, with the affine functions they come from.

    Returns
    -------
    low : (R,) tensor
    constant : (R,) tensor
    rows : (R, C, H, W) tensor
        ``rows . x + constant`` is below the row's value on the whole ball.
    """
    start = len(network.nodes) - 1
    low, _, constant, last = walk_back(
        network, start, Patches(directions[None]), relaxation, ball, parallel=False
    )
    return low[0], constant[0], last.dense(network.image_shape)[0]


@torch.enable_grad()
def improve_slopes(
    network: ReluNetwork,
    directions: Tensor,
    offsets: Tensor,
    relaxation: Relaxation,
    ball: Ball,
    steps: int,
) -> Relaxation:
    """Lower lines of the ReLUs whose slopes raise the worst bound (alpha-CROWN, last walk only).

    Every slope in [0, 1] is sound where the sign of a unit is open, so nothing can go wrong here.
    """
    free = {
        index: (relaxation.intercept[index] > 0, relaxation.lower[index].clone().requires_grad_())
        for index in relaxation.lower
    }
    leaves = [slope for _, slope in free.values()]
    if not any(bool(open_.any()) for open_, _ in free.values()):
        return relaxation
    best, result = -torch.inf, relaxation
    optimiser = torch.optim.Adam(leaves, lr=0.15)
    for _ in range(steps):
        lower = {
            index: torch.where(open_, slope.clamp(0.0, 1.0), relaxation.lower[index])
            for index, (open_, slope) in free.items()
        }
        trial = replace(relaxation, lower=lower)
        worst = (difference_rows(network, directions, trial, ball)[0] + offsets).min()
        if float(worst.detach()) > best:
            best = float(worst.detach())
            result = replace(relaxation, lower={index: slope.detach() for index, slope in lower.items()})
        if best > 0:
            break
        optimiser.zero_grad()
        (-worst).backward()
        optimiser.step()
        with torch.no_grad():
            for slope in leaves:
                slope.clamp_(0.0, 1.0)
    return result
