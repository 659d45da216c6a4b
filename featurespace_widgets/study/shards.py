"""Points in shards on the workers of a cluster, with the searches of a `PointSet`, as exact as there."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..geometry.arrays import Array, Features, as_matrix
from ..geometry.pricing import PointSet, Rows
from .run import on_every_worker

__all__ = ["Shard", "ShardedPoints", "file_of"]

SHARD_BYTES = 256 * 2**20  # of stored points, at most
LEAST = 16  # candidates that each shard is asked for, where more than one are wanted
ATTEMPTS = 4  # times that shards are handed out whose workers died


@dataclass(frozen=True)
class Shard:
    """Rows of a ``.npy`` file that all workers can read.

    The time of its last change keeps what workers remember of another file of this name apart.
    """

    file: str
    changed: int
    start: int
    stop: int


class ShardedPoints(PointSet):
    """A `PointSet` whose passes over all points run on the workers of a cluster.

    Every shard returns its best candidates, the first of them exact; the best of these is the exact
    maximum over all points. Farther down the order is that of the shards' candidates.

    Parameters
    ----------
    file : path
        ``.npy`` file of (n, d) float32 or float64 points, in a folder that all workers can read.
    client : distributed.Client

    Attributes
    ----------
    shards : tuple of Shard
    """

    def __init__(self, file: str | os.PathLike[str], client: Any) -> None:
        self.points: Features = np.load(file, mmap_mode="r")
        self._client = client
        threads = max(1, sum(client.nthreads().values()))
        size = SHARD_BYTES // self.points[:1].nbytes
        size = max(1, min(size, -(-len(self.points) // threads)))
        path, changed = str(Path(file).absolute()), Path(file).stat().st_mtime_ns
        starts = range(0, len(self.points), size)
        self.shards = tuple(
            Shard(path, changed, start, min(start + size, len(self.points))) for start in starts
        )
        boxes = self._map(_box)
        lower = np.min([box[0] for box in boxes], axis=0)
        upper = np.max([box[1] for box in boxes], axis=0)
        self.live: Rows = np.flatnonzero(lower < upper)
        self.diagonal = float(np.linalg.norm(upper - lower))
        self.centre: Array = lower + 0.5 * (upper - lower)
        self.radius = self.farthest(self.centre)[0]

    def _map(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """``function(shard, *arguments)`` of all shards, each where it ran before if that worker lives."""
        from distributed import KilledWorker

        answers: dict[int, Any] = {}
        for _ in range(ATTEMPTS):
            for place, future in self._handed_out(function, arguments, answers).items():
                try:
                    answers[place] = future.result()
                except KilledWorker as error:  # Dask blames every task that was with a worker when it died
                    reason = error
            if len(answers) == len(self.shards):
                return [answers[place] for place in range(len(self.shards))]
        raise RuntimeError(
            f"workers died again and again while they searched the features ({reason}); "
            "what is finished is kept, the same call goes on from there"
        )

    def _handed_out(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], answered: Collection[int]
    ) -> dict[int, Any]:
        """Futures of the shards that have not answered, by their places."""
        asked = on_every_worker(self._client, arguments)
        workers = sorted(self._client.nthreads())
        return {
            place: self._client.submit(
                _with, function, shard, asked,
                workers=[workers[place % len(workers)]] if workers else None,
                allow_other_workers=bool(workers), pure=False,
            )
            for place, shard in enumerate(self.shards) if place not in answered
        }  # fmt: skip

    def best(self, directions: ArrayLike, count: int) -> Rows:
        """Rows that reach far along directions, the farthest first: (q, d) -> (q, count at most).

        The first is the exact maximum in float64 over all n points.
        """
        wanted = as_matrix("directions", directions, self.dimension)
        return self._merged(self._map(_best, wanted, self._share(count), self.centre), count)

    def nearest(self, queries: ArrayLike, count: int) -> Rows:
        """Rows of near points, the nearest first: (q, d) -> (q, count at most); the first is exact."""
        wanted = as_matrix("queries", queries, self.dimension)
        return self._merged(self._map(_nearest, wanted, self._share(count)), count)

    def farthest(self, point: Array) -> tuple[float, int]:
        """Largest distance of a point of the set from a given one (d,), and its row."""
        distance, row = max(self._map(_farthest, point))
        return distance, row

    def _share(self, count: int) -> int:
        """Candidates of each shard: together twice as many as are wanted, whatever their number."""
        return 1 if count == 1 else min(count, max(LEAST, 2 * count // len(self.shards)))

    def _merged(self, found: list[tuple[Rows, Array]], count: int) -> Rows:
        rows = np.concatenate([part[0] for part in found], axis=1)
        costs = np.concatenate([part[1] for part in found], axis=1)
        order = np.argsort(costs, axis=1, kind="stable")[:, :count]
        merged: Rows = np.take_along_axis(rows, order, axis=1)
        return merged


@contextmanager
def file_of(features: Features, folder: str | os.PathLike[str] | None) -> Iterator[Path]:
    """A ``.npy`` file of features: the one they are mapped from, or a copy for the time it is needed."""
    if isinstance(features, np.memmap) and str(features.filename).endswith(".npy"):
        whole = np.load(str(features.filename), mmap_mode="r")
        if (whole.shape, whole.strides, whole.dtype) == (features.shape, features.strides, features.dtype):
            yield Path(str(features.filename))
            return
    with TemporaryDirectory(dir=folder, prefix="points-") as aside:
        np.save(Path(aside) / "points.npy", features)
        yield Path(aside) / "points.npy"


# what workers do


@lru_cache(maxsize=64)
def _points(shard: Shard) -> PointSet:
    stored: Features = np.load(shard.file, mmap_mode="r")
    return PointSet(stored[shard.start : shard.stop])


def _with(function: Callable[..., Any], shard: Shard, arguments: tuple[Any, ...]) -> Any:
    return function(shard, *arguments)


def _box(shard: Shard) -> tuple[Array, Array]:
    points = _points(shard).points
    return points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)


def _best(shard: Shard, directions: Array, count: int, centre: Array) -> tuple[Rows, Array]:
    points = _points(shard)
    rows = points.best(directions, count)
    reach = [(points.rows(chosen) - centre) @ r for chosen, r in zip(rows, directions, strict=True)]
    return rows + shard.start, -np.array(reach).reshape(rows.shape)


def _nearest(shard: Shard, queries: Array, count: int) -> tuple[Rows, Array]:
    points = _points(shard)
    rows = points.nearest(queries, count)
    costs = [np.square(points.rows(chosen) - q).sum(axis=1) for chosen, q in zip(rows, queries, strict=True)]
    return rows + shard.start, np.array(costs).reshape(rows.shape)


def _farthest(shard: Shard, point: Array) -> tuple[float, int]:
    distance, row = _points(shard).farthest(point)
    return distance, row + shard.start
