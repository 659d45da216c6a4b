"""How far the samples of a data set lie outside the hull of the training features."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from ..geometry.hull import FeatureHull
from ..geometry.measures import diameter_bounds, hull_measures
from ..space import FeatureSpace
from .conduct import Rows, chosen_rows, conduct, in_parts
from .provenance import data_facts, identity
from .shards import ShardedPoints, file_of
from .table import Answers, Study

__all__ = ["extrapolation"]

PART = 256  # queries that are priced together

MEASURES = (
    "distances", "to_diameter_low", "to_diameter_high", "nearest_distances", "nearest_rows", "to_nearest",
    "radii", "to_radius", "relevant_share", "null_share",
)  # fmt: skip


def extrapolation(
    space: FeatureSpace,
    queries: Any = None,
    path: str | os.PathLike[str] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    client: Any = None,
    progress: bool = True,
) -> Study:
    """Distances to the training hull of all samples, certified; see `FeatureSpace.extrapolation`.

    With a client the queries are spread over its workers, where each has the memory for the file of
    training features. Else every pass over the features runs on the workers, shard by shard: each
    returns its best candidates, so the answer is that over all of them, with the same certificates.

    Parameters
    ----------
    space : FeatureSpace
        With training features, memory-mapped or not.
    queries : (n, d) array, optional
        Feature vectors; the test features of the space where not given.
    path : path, optional
        Folder of the study; without one an interrupted study cannot be resumed. With a client its
        workers must be able to read it, or the file from which the features are memory-mapped.
    sample : int, optional
        Ask about that many queries, drawn at random.
    seed : int
        Of the draw.
    client : distributed.Client, optional
    progress : bool
        Whether a bar is shown.

    Returns
    -------
    Study
        Columns row, class_index (predicted), verdict, distance, bound, gap and the measures of
        `geometry.measures.HullMeasures`; ``normal`` (n, d) proves the bound. ``arrays`` holds the
        blends: ``support`` and ``weights``, ``support_size`` of them for each row.

    Raises
    ------
    ValueError
        If there are no training features or no queries, or the folder holds another study.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> found = fsw.study.extrapolation(fsw.load("mnist"), sample=20, progress=False)
    >>> sorted(set(found["verdict"].tolist())), bool((found["gap"] <= 1e-9).all())
    (['outside'], True)
    """
    if queries is None and space.test_bank is not None:
        queries = space.test_bank.features
    if queries is None:
        raise ValueError(f"{space.title!r} has no test features; pass queries=")
    asked = np.asarray(queries)
    if asked.ndim != 2 or asked.shape[1] != space.head.dimension or not len(asked):
        raise ValueError(f"queries must have shape (n, {space.head.dimension}), received {asked.shape}")
    hull_facts = data_facts(space.features)
    made_from = identity("extrapolation", space, asked, sample=sample, seed=seed, hull=hull_facts)
    with ExitStack() as stack:
        hull: Measured | HullOfFile
        on_workers = False
        if client is None:
            hull = Measured.of(space.hull())
        else:
            file = stack.enter_context(file_of(space.features, _beside(path)))
            on_workers = file.stat().st_size <= _least_memory(client)
            hull = (
                HullOfFile.of(file) if on_workers else Measured.of(FeatureHull(ShardedPoints(file, client)))
            )
        return conduct(
            made_from,
            path,
            in_parts(chosen_rows(len(asked), sample, seed), PART),
            measure,
            (hull, space.head),
            lambda rows: (asked[rows],),
            client=client if on_workers else None,
            progress=progress,
        )


def _beside(path: str | os.PathLike[str] | None) -> Path | None:
    """Folder of the study's folder, which must hold nothing else."""
    if path is None:
        return None
    parent = Path(path).absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    return parent


@dataclass(frozen=True)
class HullOfFile:
    """The hull of the points in a ``.npy`` file, opened where it is needed.

    The time of its last change keeps what workers remember of another file of this name apart.
    """

    file: str
    changed: int

    @classmethod
    def of(cls, file: Path) -> HullOfFile:
        """That of a file which the workers can read."""
        return cls(str(file.absolute()), file.stat().st_mtime_ns)


@dataclass(frozen=True)
class Measured:
    """A hull and bounds of its diameter."""

    hull: FeatureHull
    diameter: tuple[float, float]

    @classmethod
    def of(cls, hull: FeatureHull) -> Measured:
        """Bound the diameter."""
        return cls(hull, diameter_bounds(hull.points))


@lru_cache(maxsize=2)
def _opened(hull: HullOfFile) -> Measured:
    return Measured.of(FeatureHull(np.load(hull.file, mmap_mode="r")))


def _least_memory(client: Any) -> float:
    """Bytes that every worker may use; without limits all there are."""
    return min((limit or math.inf for limit in client.run(_memory_limit).values()), default=math.inf)


def _memory_limit(dask_worker: Any) -> Any:
    return dask_worker.memory_manager.memory_limit


def measure(shared: tuple[Measured | HullOfFile, LinearHead], rows: Rows, queries: NDArray[Any]) -> Answers:
    """Hull measures of some queries; those that are not finite have errors."""
    given, head = shared
    measured = _opened(given) if isinstance(given, HullOfFile) else given
    hull = measured.hull
    good = np.isfinite(queries).all(axis=1)
    vectors: Array = np.where(good[:, None], queries, 0.0).astype(np.float64)
    found = hull.project(vectors)
    measures = hull_measures(hull, found, head, measured.diameter)
    columns: dict[str, NDArray[Any]] = {
        "row": rows,
        "class_index": head.predict(vectors),
        "verdict": found.verdicts,
        "bound": found.bounds,
        "gap": found.gaps,
        **{name: getattr(measures, name) for name in MEASURES},
        "support_size": np.array([len(weights) for weights in found.weights]),
        "normal": found.normals,
        "error": np.where(good, "", "the query is not finite"),
    }
    columns["distance"] = np.where(good, found.distances, np.nan)
    del columns["distances"]
    for name, column in columns.items():
        if column.dtype.kind == "f":
            column[~good] = np.nan
        elif name == "verdict":
            column[~good] = "undecided"
    arrays = {"support": np.concatenate(found.support), "weights": np.concatenate(found.weights)}
    return Answers(columns, arrays)
