"""Rows of coefficients over the values of a layer, kept to the receptive fields of their units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from .relu_network import Node

__all__ = ["Patches", "both"]


def both(numbers: Iterable[int]) -> tuple[int, int]:
    """Two numbers, vertical and horizontal."""
    down, right = numbers
    return down, right


@dataclass(frozen=True, eq=False)
class Patches:
    """Coefficients (L, R, kh, kw, C) of R rows at each of L places over a value (C, H, W).

    Place (g, h) of the grid covers positions ``g * stride - offset + [0, k)``. A dense row is the
    only place of its grid. Values without a spatial shape have coefficients (1, R, n). `places` are those
    of the grid, row by row, that the rows belong to; None: all.
    """

    rows: Tensor
    grid: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    offset: tuple[int, int] = (0, 0)
    places: Tensor | None = None

    @property
    def flat(self) -> Tensor:
        """(L, R, numbers)."""
        return self.rows.flatten(2)

    def windows(self, value: Tensor) -> Tensor:
        """The parts (L, numbers, 1) of a value (C, H, W) or (n,) that meet the coefficients; 0 outside."""
        if value.ndim == 1:
            return value[None, :, None]
        padding: list[int] = []
        for axis in (1, 0):
            reach = (self.grid[axis] - 1) * self.stride[axis] - self.offset[axis] + self.rows.shape[2 + axis]
            padding += [self.offset[axis], max(0, reach - value.shape[1 + axis])]
        view = functional.pad(value, padding)
        for axis in (0, 1):
            view = view.unfold(1 + axis, self.rows.shape[2 + axis], self.stride[axis])
            view = view.narrow(1 + axis, 0, self.grid[axis])
        across = self.grid[1]
        view = view.permute(1, 2, 3, 4, 0)[self.listed // across, self.listed % across]
        return view.reshape(len(view), -1, 1)

    @property
    def listed(self) -> Tensor:
        """The places (L,)."""
        return torch.arange(self.grid[0] * self.grid[1]) if self.places is None else self.places

    def back(self, node: Node, parent: Node) -> Patches:
        """Coefficients over the node's input."""
        if node.kind == "flatten":
            shape = (*self.rows.shape[:2], *parent.shape)
            return replace(self, rows=self.rows.reshape(shape).permute(0, 1, 3, 4, 2))
        assert node.weight is not None
        if node.kind == "linear":
            return replace(self, rows=self.rows @ node.weight)
        return self._back_convolution(node, parent)

    def _back_convolution(self, node: Node, parent: Node) -> Patches:
        assert node.weight is not None
        (height, width), (down, right) = node.weight.shape[2:], node.stride
        places, count, rows, columns, channels = self.rows.shape
        result = self.rows.new_zeros(
            places, count, (rows - 1) * down + height, (columns - 1) * right + width, node.weight.shape[1]
        )
        flat = self.rows.reshape(-1, channels)
        for i in range(height):
            for j in range(width):
                part = (flat @ node.weight[:, :, i, j]).view(places, count, rows, columns, -1)
                result[
                    :, :, i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * right + 1 : right
                ] += part
        offset = both(o * s + p for o, s, p in zip(self.offset, node.stride, node.padding, strict=True))
        stride = both(s * t for s, t in zip(self.stride, node.stride, strict=True))
        made = replace(self, rows=result, offset=offset, stride=stride)
        return made._cropped(parent.shape) if self.grid == (1, 1) else made

    def _cropped(self, shape: tuple[int, ...]) -> Patches:
        """Without what lies outside the value, for a single place."""
        start = [max(0, o) for o in self.offset]
        stop = [min(o + n, k) for o, n, k in zip(self.offset, shape[1:], self.rows.shape[2:4], strict=True)]
        rows = self.rows[:, :, start[0] : stop[0], start[1] : stop[1]]
        offset = (self.offset[0] - start[0], self.offset[1] - start[1])
        return replace(self, rows=rows.contiguous(), offset=offset)

    def one(self, place: int, row: int) -> Patches:
        """A single row."""
        rows = self.rows[place : place + 1, row : row + 1]
        return replace(self, rows=rows, places=self.listed[place : place + 1])

    def dense(self, shape: tuple[int, ...]) -> Tensor:
        """All coefficients (L, R, C, H, W) over a value of this shape, zeros outside the patches."""
        if self.rows.ndim == 3:
            return self.rows.reshape(*self.rows.shape[:2], *shape)
        full = self.rows.new_zeros(*self.rows.shape[:2], *shape)
        for position, place in enumerate(self.listed.tolist()):
            corner = [
                at * s - o
                for at, s, o in zip(divmod(place, self.grid[1]), self.stride, self.offset, strict=True)
            ]
            start = [max(0, c) for c in corner]
            stop = [min(c + n, k) for c, n, k in zip(corner, self.rows.shape[2:4], shape[1:], strict=True)]
            part = self.rows[
                position,
                :,
                start[0] - corner[0] : stop[0] - corner[0],
                start[1] - corner[1] : stop[1] - corner[1],
            ]
            full[position, :, :, start[0] : stop[0], start[1] : stop[1]] = part.permute(0, 3, 1, 2)
        return full

    def __add__(self, other: Patches) -> Patches:
        if self.rows.ndim == 3:
            return replace(self, rows=self.rows + other.rows)
        offset = both(max(a, b) for a, b in zip(self.offset, other.offset, strict=True))
        ends = [max(p.rows.shape[2 + axis] - p.offset[axis] for p in (self, other)) for axis in (0, 1)]
        padded = [
            functional.pad(
                p.rows,
                (
                    0, 0,
                    offset[1] - p.offset[1], ends[1] - (p.rows.shape[3] - p.offset[1]),
                    offset[0] - p.offset[0], ends[0] - (p.rows.shape[2] - p.offset[0]),
                ),
            )
            for p in (self, other)
        ]  # fmt: skip
        return replace(self, rows=padded[0] + padded[1], offset=offset)
