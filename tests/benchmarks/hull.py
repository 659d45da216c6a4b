"""Hull projection and membership against general solvers, in turn in one run, on one thread.

python tests/benchmarks/hull.py --data DIR [--quick] [--large]

DIR holds the MNIST files. Ours is the median of five queries; rivals take one (several where they
are fast). A rival that finds nothing within the cap counts with the cap: its ratio is a lower bound.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import daqp
import numpy as np
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

import featurespace_widgets as fsw
from featurespace_widgets.geometry.hull import FeatureHull

BATCH = 200


def timed(job: Callable, *arguments) -> tuple[float, object]:
    start = time.perf_counter()
    result = job(*arguments)
    return time.perf_counter() - start, result


def by_clarabel(points, query, cap=600.0):
    """Weights form with p as a variable: min |p - q|^2 : p = Y'a, a >= 0, sum a = 1."""
    import cvxpy  # of the extra "bench", which the tests do without

    weights, point = cvxpy.Variable(len(points), nonneg=True), cvxpy.Variable(len(query))
    rules = [point == points.T @ weights, cvxpy.sum(weights) == 1]
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(point - query)), rules)
    problem.solve(solver=cvxpy.CLARABEL, time_limit=cap)
    return np.nan if point.value is None else float(np.linalg.norm(point.value - query))


def by_linprog(points, query, cap=600.0):
    """Membership: is there a >= 0 with Y'a = q, sum a = 1?"""
    system = np.vstack([points.T, np.ones(len(points))])
    options = {"time_limit": cap}
    found = linprog(
        np.zeros(len(points)), A_eq=system, b_eq=np.append(query, 1), method="highs", options=options
    )
    return {0: "inside", 2: "outside"}.get(found.status, "undecided")


def by_daqp(points, query, cap=600.0):
    """The widest margin, the dual: min |u|^2 / 2 : (y_i - q) . u >= 1."""
    shifted = points - query
    n, d = shifted.shape
    found = daqp.solve(
        np.eye(d), np.zeros(d), shifted, np.full(n, 1e30), np.ones(n), primal_tol=1e-9, time_limit=cap
    )
    return 1 / np.linalg.norm(found[0]) if found[2] == 1 else np.nan


def ours(hull: FeatureHull, queries) -> tuple[float, float, object]:
    """Seconds of one query (median of five), of one of a batch, and the batch's result."""
    one = float(np.median([timed(hull.project, query)[0] for query in queries[:5]]))
    batch, found = timed(hull.project, queries)
    return one, batch / len(queries), found


def report(name, one, batch, rival, detail, cap):
    bound = ">=" if rival >= cap else ""
    ratios = f"one {bound}{rival / one:,.0f}x   batch {bound}{rival / batch:,.0f}x"
    print(f"  {name:<22} {rival:9.3f} s   {ratios}   {detail}", flush=True)


def title(text, one, batch, found):
    agreed = found.verify()
    verdicts = dict(zip(*np.unique(found.verdicts, return_counts=True), strict=True))
    print(
        f"{text}: one {one * 1e3:.2f} ms, batch of {len(found)} {batch * 1e3:.2f} ms each, largest gap "
        f"{found.gaps.max():.1e}, verified {agreed.sum()} of {len(found)}, "
        + ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()),
        flush=True,
    )


def digits(data: Path, cap: float, clarabel: bool) -> None:
    points = np.asarray(fsw.load("mnist", data=data).features)
    rng = np.random.default_rng(0)
    taken, hull = timed(FeatureHull, points)
    print(f"T1, T2: {points.shape}, {len(hull.points.live)} live, set up {taken * 1e3:.0f} ms")
    wide = points.astype(np.float64)[:, hull.points.live]
    live = hull.points.live
    some = points[rng.choice(len(points), BATCH)].astype(np.float64)
    queries = 1.3 * some + rng.normal(size=some.shape) * (some > 0)
    one, batch, found = ours(hull, queries)
    title("T1 projection", one, batch, found)
    seconds, distance = timed(by_daqp, wide, queries[0][live], cap)
    rest = float(np.linalg.norm(np.delete(queries[0] - hull.points.centre, live)))
    difference = abs(np.hypot(distance, rest) / found.distances[0] - 1)
    report("DAQP, margin dual", one, batch, seconds, f"difference {difference:.0e}", cap)
    seconds, verdict = timed(by_linprog, wide, queries[0][live], cap)
    report("linprog, membership", one, batch, seconds, f"{verdict}, ours {found.verdicts[0]}", cap)
    if clarabel:
        seconds, distance = timed(by_clarabel, wide, queries[0][live], cap)
        difference = abs(np.hypot(distance, rest) / found.distances[0] - 1)
        report("cvxpy + Clarabel", one, batch, seconds, f"difference {difference:.0e}", cap)
    blends = np.array([points[rng.choice(len(points), 100)].astype(np.float64).mean(axis=0) for _ in queries])
    one, batch, inside = ours(hull, blends)
    title("T2 interior points", one, batch, inside)
    seconds, verdict = timed(by_linprog, wide, blends[0][live], cap)
    report("linprog, membership", one, batch, seconds, f"{verdict}, ours {inside.verdicts[0]}", cap)
    step = 1e-6 * hull.points.radius
    one, batch, near = ours(hull, found.points - step * found.normals)
    title("T2 1e-6 beyond the boundary", one, batch, near)
    middle = points.mean(axis=0, dtype=np.float64)
    one, batch, near = ours(hull, found.points + 1e-6 * (middle - found.points))
    title("T2 1e-6 within it", one, batch, near)


def clusters(n, d, out: np.ndarray) -> np.ndarray:
    """Clustered features after a ReLU: 1000 class means, as many nearby points as fit."""
    rng = np.random.default_rng(0)
    means = np.maximum(rng.standard_normal((1000, d), dtype=np.float32) - 0.5, 0)
    for start in range(0, n, 10_000):
        count = min(10_000, n - start)
        noise = 0.3 * rng.standard_normal((count, d), dtype=np.float32)
        out[start : start + count] = np.maximum(means[rng.integers(1000, size=count)] + noise, 0)
    return out


def outside(points, count):
    rng = np.random.default_rng(1)
    some = points[rng.choice(len(points), count)].astype(np.float64)
    return np.maximum(some + 0.3 * rng.normal(size=some.shape), 0)


def wide_features(n: int, count: int, cap: float) -> None:
    points = clusters(n, 1280, np.empty((n, 1280), np.float32))
    taken, hull = timed(FeatureHull, points)
    print(f"T3: {points.shape}, set up {taken:.1f} s")
    queries = outside(points, count)
    one, batch, found = ours(hull, queries)
    title("T3 projection", one, batch, found)
    seconds, distance = timed(by_daqp, points.astype(np.float64), queries[0], cap)
    report(
        "DAQP, margin dual",
        one,
        batch,
        seconds,
        f"difference {abs(distance / found.distances[0] - 1):.0e}",
        cap,
    )


def mapped(n: int, d: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        points = np.lib.format.open_memmap(Path(folder) / "y.npy", "w+", np.float32, (n, d))
        clusters(n, d, points)
        points.flush()
        del points  # a second map of the same pages would count twice
        stored = np.load(Path(folder) / "y.npy", mmap_mode="r")
        taken, hull = timed(FeatureHull, stored)
        seconds, found = timed(hull.project, outside(stored, 256))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(
            f"{n:,} x {d} float32, memory-mapped: set up {taken:.1f} s, "
            f"256 queries {seconds / 256:.3f} s each, "
            f"largest gap {found.gaps.max():.1e}, peak {peak:.1f} GiB (the map's pages included)",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="folder of the MNIST files; without it T1 and T2 are left out"
    )
    parser.add_argument("--quick", action="store_true", help="no Clarabel, smaller synthetic data")
    parser.add_argument("--large", action="store_true", help="1.28 million memory-mapped points as well")
    parser.add_argument("--cap", type=float, default=300.0, help="seconds a rival may take")
    options = parser.parse_args()
    with threadpool_limits(1):
        if options.data:
            digits(options.data, options.cap, not options.quick)
        wide_features(10_000 if options.quick else 100_000, 20 if options.quick else 64, options.cap)
        if options.large:
            mapped(1_280_000, 1280)


if __name__ == "__main__":
    main()
