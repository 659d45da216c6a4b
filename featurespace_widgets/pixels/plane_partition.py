"""Exact class partition of a plane in pixel space, for ReLU networks.

On a plane of images a ReLU network is affine on each of many convex polygons. The window is split
layer by layer along the zero line of every unit that changes sign on a polygon; each polygon
carries the affine map of its layer, and in the end the cells of the head inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.arrays import Array
from ..geometry.cells import check_extent, clip_polygon, polygon_area, upper_envelope, window
from ..geometry.head import LinearHead
from .network_reader import read_network
from .pixel_plane import PixelPlane
from .polygons import Polygons
from .relu_network import Node, NoRuleError, ReluNetwork

__all__ = ["PlaneCell", "PlanePartition", "plane_partition"]

TOLERANCE = 1e-12  # relative to a unit's largest coefficient: smaller values have no sign
NUMBERS = 2**22  # vertex values of a layer that are looked at together


@dataclass(frozen=True, eq=False)
class PlaneCell:
    """A convex polygon of one class within one piece of the network.

    Attributes
    ----------
    class_index : int
    polygon : (m, 2) array
    piece : int
        Index of the affine piece it lies in.
    """

    class_index: int
    polygon: Array
    piece: int


@dataclass(frozen=True, eq=False)
class PlanePartition:
    """Exact partition of a window of a pixel plane.

    Attributes
    ----------
    verdict : "yes" or "undecided"
        "undecided" when it was given up; there are no cells then.
    extent : (s0, s1, t0, t1)
    cells : tuple of PlaneCell
        They tile the window.
    logit_planes : (P, K, 3) array
        Logits ``c + a s + b t`` on each piece.
    reason : str
        Why it was given up; empty otherwise.
    """

    verdict: Literal["yes", "undecided"]
    extent: tuple[float, float, float, float]
    cells: tuple[PlaneCell, ...] = ()
    logit_planes: Array | None = None
    reason: str = ""

    def area_defect(self) -> float:
        """Difference of the cells' total area to the window's, relative to the window's."""
        s0, s1, t0, t1 = self.extent
        whole = (s1 - s0) * (t1 - t0)
        return float(sum(polygon_area(cell.polygon) for cell in self.cells) / whole - 1.0)

    def class_areas(self, num_classes: int) -> Array:
        """Share (K,) of the window that each class has."""
        areas = np.zeros(num_classes)
        for cell in self.cells:
            areas[cell.class_index] += polygon_area(cell.polygon)
        shares: Array = areas / max(areas.sum(), 1e-300)
        return shares

    def boundaries(self) -> Array:
        """Edges (m, 2, 2) between different classes, each from both of its sides.

        They lie inside the pieces: along the border of a piece both logits go on as they are.
        """
        assert self.logit_planes is not None
        found = []
        for cell in self.cells:
            planes, ends = self.logit_planes[cell.piece], np.roll(cell.polygon, -1, axis=0)
            middles = (cell.polygon + ends) / 2
            logits = planes[:, :1] + planes[:, 1:] @ middles.T
            own = logits[cell.class_index].copy()
            logits[cell.class_index] = -np.inf
            tied = own - logits.max(axis=0) <= 1e-9 * (1.0 + np.abs(own))
            found.append(np.stack([cell.polygon, ends], axis=1)[tied])
        return np.concatenate(found) if found else np.empty((0, 2, 2))

    def verify(self) -> bool:
        """Whether the cells tile the window (1e-8 of its area) and their class wins at every vertex.

        Logits of the piece at the vertices, to 1e-7 of the largest logit, in plain numpy.
        """
        if self.verdict != "yes" or self.logit_planes is None or abs(self.area_defect()) > 1e-8:
            return False
        for cell in self.cells:
            planes = self.logit_planes[cell.piece]
            logits = planes[:, :1] + planes[:, 1:] @ cell.polygon.T
            short = logits.max(axis=0) - logits[cell.class_index]
            if not (short <= 1e-7 * (1.0 + np.abs(logits).max())).all() or polygon_area(cell.polygon) <= 0:
                return False
        return True


@torch.no_grad()
def plane_partition(
    classifier: Any,
    head: LinearHead,
    plane: PixelPlane,
    extent: Sequence[float],
    *,
    limit: int = 20_000,
    cancelled: Callable[[], bool] | None = None,
) -> PlanePartition:
    """Exact class partition of a window for a ReLU network (see `ReluNetwork` for its layers).

    Parameters
    ----------
    limit : int
        Pieces beyond which it is given up: m lines cut a window in up to m^2/2 pieces. The first
        layer of a convolutional network alone has thousands of units; choose a small window then.
    cancelled : callable, optional
        Asked between layers and batches of pieces.

    Returns
    -------
    PlanePartition
        Verdict "undecided" with the reason where a layer has no rule, there are too many pieces or
        it was cancelled.
    """
    box = check_extent(extent)
    bounds = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    try:
        # Any image of the plane does: the layers do not depend on it.
        network = read_network(classifier, torch.as_tensor(plane.origin.reshape(plane.image_shape)))
        if network.nodes[-1].shape != (head.dimension,):
            raise ValueError(
                f"the head takes {head.dimension} features, the model gives {network.nodes[-1].shape[0]}"
            )
        pieces, maps = _subdivide(network, plane, box, limit, cancelled or (lambda: False))
    except NoRuleError as error:
        return PlanePartition("undecided", bounds, reason=str(error))
    except _TooManyError:
        reason = f"more than {limit} pieces: choose a smaller window, or grids from coarse to fine"
        return PlanePartition("undecided", bounds, reason=reason)
    except _CancelledError:
        return PlanePartition("undecided", bounds, reason="the partition was cancelled")
    logits = np.einsum("kd,pcd->pkc", head.weight, maps)
    logits[:, :, 0] += head.bias
    cells = tuple(cell for index, piece in enumerate(pieces) for cell in _cells(index, piece, logits[index]))
    return PlanePartition("yes", bounds, cells, logits)


class _TooManyError(Exception):
    """The window has more pieces than allowed."""


class _CancelledError(Exception):
    """The caller does not want the partition any more."""


def _subdivide(
    network: ReluNetwork, plane: PixelPlane, box: Array, limit: int, cancelled: Callable[[], bool]
) -> tuple[list[Array], Array]:
    """Polygons of the affine pieces and the maps (P, 3, d) of the features on them, depth first."""
    start = torch.as_tensor(np.vstack([plane.origin, plane.basis])).reshape(1, 3, *network.image_shape)
    last_use = {p: index for index, node in enumerate(network.nodes) for p in node.parents}
    stack: list[tuple[int, Polygons, dict[int, Tensor]]] = [
        (1, Polygons.of(window(box.tolist())), {0: start})
    ]
    pieces: list[Array] = []
    maps: list[Array] = []
    while stack:
        index, polygons, kept = stack.pop()
        if cancelled():
            raise _CancelledError
        if index == len(network.nodes):
            pieces += polygons.to_list()
            maps.append(kept[index - 1].numpy())
            continue
        node = network.nodes[index]
        if node.kind != "relu":
            kept = {**kept, index: _affine(node, [kept[p] for p in node.parents])}
            stack.append((index + 1, polygons, _alive(kept, last_use, index)))
            continue
        room = limit - len(pieces) - sum(len(entry[1]) for entry in stack)
        units = kept[node.parents[0]].flatten(2)
        split, owners = _split_all(polygons, units.numpy(), room)
        size = max(1, NUMBERS // (12 * units.shape[2]))
        for first in range(0, len(split), size):
            part = slice(first, first + size)
            own = torch.as_tensor(owners[part])
            chosen = {key: value[own] for key, value in kept.items()}
            values = chosen[node.parents[0]]
            st = torch.as_tensor(split.centres()[part])
            at = torch.cat([torch.ones(len(st), 1, dtype=st.dtype), st], 1)
            on = torch.einsum("pc,pcu->pu", at, values.flatten(2)) > 0
            chosen[index] = values * on.view(len(st), 1, *values.shape[2:])
            stack.append((index + 1, split.take(part), _alive(chosen, last_use, index)))
    return pieces, np.concatenate(maps)


def _alive(kept: dict[int, Tensor], last_use: dict[int, int], done: int) -> dict[int, Tensor]:
    return {key: value for key, value in kept.items() if last_use.get(key, done + 1) > done}


def _affine(node: Node, parents: list[Tensor]) -> Tensor:
    """Maps (N, 3, ...) of an affine node: constant with the bias, slopes without it."""
    value: Tensor = node(*(parent.flatten(0, 1) for parent in parents)).unflatten(0, (-1, 3))
    if node.bias is not None:
        shape = (-1,) + (1,) * (len(node.shape) - 1)
        value[:, 1:] -= node.bias.view(shape)
    return value


def _split_all(polygons: Polygons, units: Array, room: int) -> tuple[Polygons, NDArray[np.int64]]:
    """Split every polygon along the zero lines of the units (N, 3, U) that change sign on it."""
    owners = np.arange(len(polygons))
    crossing: list[NDArray[np.int64]] = []
    step = max(1, NUMBERS // max(1, units.shape[2] * polygons.points.shape[1]))
    for first in range(0, len(polygons), step):
        part = slice(first, first + step)
        values = polygons.values(units[part], part)
        tolerance = TOLERANCE * np.abs(units[part]).max(axis=1)
        mixed = (values.min(axis=1) < -tolerance) & (values.max(axis=1) > tolerance)
        crossing += [np.flatnonzero(row) for row in mixed]
    if sum(map(len, crossing)) + len(polygons) > room:  # each one adds a piece at least
        raise _TooManyError
    for k in range(max(map(len, crossing), default=0)):
        unit = np.array([rows[k] if k < len(rows) else -1 for rows in crossing])[owners]
        active = np.flatnonzero(unit >= 0)
        lines = units[owners[active], :, unit[active]]
        split, source = polygons.take(active).split(lines)
        rest = np.flatnonzero(unit < 0)
        polygons = polygons.take(rest) + split
        owners = np.concatenate([owners[rest], owners[active[source]]])
        if len(polygons) > room:
            raise _TooManyError
    return polygons, owners


def _cells(index: int, piece: Array, planes: Array) -> list[PlaneCell]:
    """Cells of the head in one piece."""
    values = planes[:, :1] + planes[:, 1:] @ piece.T
    winners = set(values.argmax(axis=0).tolist())
    if len(winners) == 1:  # a cell is convex: it holds the piece when it holds its vertices
        return [PlaneCell(winners.pop(), piece, index)]
    low, high = piece.min(axis=0), piece.max(axis=0)
    room = 1e-3 * (high - low).max()
    found = []
    for cell in upper_envelope(planes, (low[0] - room, high[0] + room, low[1] - room, high[1] + room)):
        polygon, labels = piece, [-1] * len(piece)
        own = planes[cell.class_index]
        for rival in {k for k in cell.neighbours if k >= 0}:
            gap = own - planes[rival]
            polygon, labels = clip_polygon(polygon, labels, gap[0] + polygon @ gap[1:], 0)
            if len(polygon) < 3:
                break
        if len(polygon) >= 3 and polygon_area(polygon) > 0:
            found.append(PlaneCell(cell.class_index, polygon, index))
    return found
