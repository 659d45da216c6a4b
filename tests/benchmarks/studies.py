"""Studies of whole data sets: cost of extraction, the hull of a file, scaling with the workers.

``python tests/benchmarks/studies.py [--rows N] [--queries Q] [--workers W ...]``. Features of the file are
synthetic: ReLU of clustered normals, (N, 1280) float32.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import torch

import featurespace_widgets as fsw
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.models.bank import Bank
from featurespace_widgets.study.shards import ShardedPoints

DIMENSION = 1280
ROUNDS = 5
GB = 2**30


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def extraction(folder: Path, count: int = 1024, batch: int = 256) -> None:
    """Against a bare loop of the same model on the same batches, in turn; the first turn is a warm-up."""
    space = fsw.load("cifar10")
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 32, 32), np.uint8)

    @torch.no_grad()
    def bare():
        parts = torch.as_tensor(images).split(batch)
        return torch.cat([space.classifier.features(part.float() / 255) for part in parts])

    ratios = []
    for turn in range(ROUNDS + 1):
        plain, wanted = seconds(bare)
        ours, bank = seconds(
            lambda turn=turn: fsw.study.extract(
                space, images, folder / f"bank{turn}", batch_size=batch, progress=False
            )
        )
        ratios.append(ours / plain)
        assert np.allclose(bank.features, wanted, rtol=1e-4, atol=1e-4)
    print(
        f"extraction, {count} images of ResNet-20 to disk: {statistics.median(ratios[1:]):.3f} x a bare loop "
        f"({min(ratios[1:]):.3f} to {max(ratios[1:]):.3f})"
    )


def write_features(file: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(1000, DIMENSION)).astype(np.float32)
    features = np.lib.format.open_memmap(file, "w+", "float32", (rows, DIMENSION))
    for start in range(0, rows, 10_000):
        part = features[start : start + 10_000]
        rng.standard_normal(out=(noise := np.empty(part.shape, np.float32)), dtype=np.float32)
        part[:] = np.maximum(centres[rng.integers(0, 1000, len(part))] + noise, 0)
    features.flush()


def some_queries(count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.maximum(rng.normal(size=(count, DIMENSION)) * 1.4, 0)


class PeakMemory:
    """Largest anonymous memory of this process: what the system cannot drop and read again."""

    def __enter__(self) -> PeakMemory:
        self.peak, self.done = 0.0, threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.done.wait(0.02):
            status = Path("/proc/self/status").read_text()
            self.peak = max(self.peak, float(status.split("RssAnon:")[1].split()[0]) * 1024 / GB)

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


def hull_of_a_file(file: Path, queries: np.ndarray) -> None:
    with PeakMemory() as memory:
        opening, hull = seconds(lambda: FeatureHull(np.load(file, mmap_mode="r")))
        one, _ = seconds(lambda: hull.project(queries[:1]))
        batch, found = seconds(lambda: hull.project(queries))
    size = file.stat().st_size / GB
    print(f"hull of a file, {len(hull)} x {DIMENSION} float32 ({size:.1f} GB): opened in {opening:.1f} s")
    print(f"  one query {one:.2f} s; {len(queries)} queries {batch:.1f} s, {batch / len(queries):.3f} s each")
    print(f"  largest gap {found.gaps.max():.1e}; anonymous memory at most {memory.peak:.2f} GB")


def scaling(file: Path, queries: np.ndarray, workers: list[int]) -> None:
    """A pass over shards, a projection that prices shards, and a study that spreads its queries.

    Beside the wall clock, the processor time of all workers together: on a busy machine only that
    says what more workers cost.
    """
    from distributed import Client, LocalCluster

    head = fsw.LinearHead(np.random.default_rng(2).normal(size=(10, DIMENSION)))
    space = fsw.FeatureSpace(head, None, Bank(np.load(file, mmap_mode="r")))
    many = some_queries(256 * 2 * max(workers))
    alone, wanted = None, None
    for count in workers:
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            hull = FeatureHull(ShardedPoints(file, client))
            passing, _ = seconds(lambda hull=hull: hull.points.best(queries, 256))
            whole, found = seconds(lambda hull=hull: hull.project(queries))
            before = sum(client.run(time.process_time).values())
            spread, study = seconds(
                lambda client=client: fsw.study.extrapolation(space, many, client=client, progress=False)
            )
            processor = sum(client.run(time.process_time).values()) - before
        times = (passing, whole, spread, processor / count)
        if alone is None:
            alone, wanted = tuple(count * time for time in times), (found.distances, study["distance"])
        assert np.allclose(found.distances, wanted[0], rtol=1e-9)
        assert np.allclose(study["distance"], wanted[1], rtol=1e-9)
        shares = ", ".join(f"{base / (count * time):.0%}" for base, time in zip(alone, times, strict=True))
        print(
            f"{count} workers: a pass of {len(queries)} directions {passing:.2f} s, projection by shards "
            f"{whole:.2f} s, study of {len(many)} queries {spread:.2f} s "
            f"({processor:.2f} s of all processors); efficiency {shares}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        extraction(Path(folder))
        file, queries = Path(folder) / "features.npy", some_queries(options.queries)
        write_features(file, options.rows)
        hull_of_a_file(file, queries)
        if options.workers:
            scaling(file, queries, options.workers)


if __name__ == "__main__":
    main()
