"""Faces and ties: ``python tests/benchmarks/faces.py [--quick]``.

All faces of a point inside ``y >= 0``, and ties of several classes, against DAQP, the ties against cvxpy with
Clarabel too where it is installed (extra "bench"), on nearest-mean heads of clustered ReLU features and on
random heads. One thread, ours and the rival in turn; the median of 5 of
ours (of 1 with --quick); DAQP on a sample of the faces.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

import daqp
import numpy as np
from scipy.optimize import Bounds
from threadpoolctl import threadpool_limits

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.faces import faces
from featurespace_widgets.geometry.ties import ambiguous

DOMAIN = Bounds(0, np.inf)


def data(d: int, classes: int, clustered: bool) -> tuple[LinearHead, np.ndarray]:
    """A head, and a feature vector."""
    rng = np.random.default_rng(0)
    if not clustered:
        return LinearHead(rng.normal(size=(classes, d))), np.maximum(rng.normal(size=d), 0)
    means = np.maximum(rng.normal(size=(classes, d)), 0)
    bias = -0.5 * np.square(means).sum(axis=1)
    head = LinearHead(means - means.mean(axis=0), bias - bias.mean())
    return head, np.maximum(means[0] + 0.5 * rng.normal(size=d), 0)


def rival(head: LinearHead, y: np.ndarray, tied: list[int]) -> float:
    """DAQP with bounds: distance to the closest tie of the classes; infinite where it finds none."""
    d = head.dimension
    order = [*tied[1:], *np.setdiff1d(np.arange(head.num_classes), tied)]
    rows, offsets = head.weight[tied[0]] - head.weight[order], head.bias[tied[0]] - head.bias[order]
    lower = np.concatenate([np.zeros(d), -offsets])
    upper = np.full(len(lower), 1e30)
    sense = np.zeros(len(lower), np.int32)
    equal = slice(d, d + len(tied) - 1)
    upper[equal], sense[equal] = lower[equal], 5
    point, _, flag, _ = daqp.solve(np.eye(d), -y, np.ascontiguousarray(rows), upper, lower, sense)
    return float(np.linalg.norm(point - y)) if flag > 0 else np.inf


def by_clarabel(head: LinearHead, y: np.ndarray, tied: list[int]) -> float:
    """The same by cvxpy and Clarabel; NaN where it finds no optimum."""
    import cvxpy  # of the extra "bench"

    point = cvxpy.Variable(len(y), nonneg=True)
    gaps = (head.weight[tied[0]] - head.weight) @ point + head.bias[tied[0]] - head.bias
    rules = [gaps[tied[1:]] == 0, gaps[np.setdiff1d(np.arange(head.num_classes), tied)] >= 0]
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(point - y)), rules)
    problem.solve(solver=cvxpy.CLARABEL)
    return float(np.linalg.norm(point.value - y)) if problem.status == "optimal" else np.nan


def timed(work: Callable[[], object], repeats: int) -> float:
    """Median seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    classes, d, repeats, sample = (100, 128, 1, 2) if quick else (1000, 1280, 5, 5)
    for clustered in (True, False):
        head, y = data(d, classes, clustered)
        print(f"{'clustered' if clustered else 'random W'}, K = {classes}, d = {d}, y >= 0")
        found = faces(head, DOMAIN, y)
        ours = timed(lambda head=head, y=y: faces(head, DOMAIN, y), repeats)
        i, error, seconds = found.class_index, 0.0, []
        for j in np.setdiff1d(np.arange(classes), i)[:: max(1, classes // sample)].tolist():
            start = time.perf_counter()
            distance = rival(head, y, [i, j])
            seconds.append(time.perf_counter() - start)
            error = max(error, abs(distance / found.distance[j] - 1)) if found.feasible[j] else error
        ratio = median(seconds) * (classes - 1) / ours
        yes, no = int(found.feasible.sum()), int((found.verdicts == "no").sum())
        print(f"  all faces {ours:.3f} s, DAQP {1e3 * median(seconds):.1f} ms a face (median): x{ratio:.0f}")
        print(f"  {yes} reached, {no} proved apart, {int(found.verify().sum())} of {classes - 1} verified")
        print(f"  relative gap {np.nanmax(np.delete(found.gaps, i)):.1e}, distances differ {error:.1e}")
        for count in (3, 10):
            chosen = [i, *np.argsort(found.distance)[: count - 1].tolist()]
            tie = ambiguous(head, DOMAIN, y, chosen)
            ours = timed(lambda h=head, y=y, c=chosen: ambiguous(h, DOMAIN, y, c), repeats)
            theirs = timed(lambda h=head, y=y, c=chosen: rival(h, y, c), 1)
            print(
                f"  tie of {count}: {1e3 * ours:.2f} ms, DAQP x{theirs / ours:.2g}, "
                f"{tie.verdict}, {tie.verify()}"
            )
            if find_spec("cvxpy"):
                start = time.perf_counter()
                distance = by_clarabel(head, y, chosen)
                seconds_each = time.perf_counter() - start
                print(
                    f"    cvxpy + Clarabel {seconds_each:.2f} s, x{seconds_each / ours:.0f}, "
                    f"distances differ {abs(distance / tie.distance - 1):.1e}",
                    flush=True,
                )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
