"""Which classes are neighbours: ``python tests/benchmarks/adjacency.py [--quick]``.

All pairs of K = 100 and K = 1000 classes inside ``y >= 0``, on clustered ReLU features and on random heads,
against one linear program a pair (HiGHS), timed on a sample of pairs and extrapolated to all. One thread;
the median of 5 of ours at K = 100, one run at K = 1000.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
from scipy.optimize import Bounds, linprog
from threadpoolctl import threadpool_limits

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.adjacency import Adjacency, adjacency

DOMAIN = Bounds(0, np.inf)


def clustered(n: int, d: int, classes: int) -> tuple[LinearHead, np.ndarray]:
    """Head of nearest class means and float32 features scattered around the means, after a ReLU."""
    rng = np.random.default_rng(0)
    means = np.maximum(rng.normal(size=(classes, d)), 0).astype(np.float32)
    labels = rng.permutation(np.arange(n) % classes)
    features = np.empty((n, d), np.float32)
    for start in range(0, n, 4096):
        rows = labels[start : start + 4096]
        noise = 0.5 * rng.standard_normal((len(rows), d), np.float32)
        features[start : start + 4096] = np.maximum(means[rows] + noise, 0)
    rows, biases = means - means.mean(axis=0), -0.5 * np.square(means).sum(axis=1)
    return LinearHead(rows, biases - biases.mean()), features


def one_program(head: LinearHead, i: int, j: int, cap: float) -> tuple[str | None, float]:
    """Verdict of the linear program of a pair, None when the cap is reached, and its seconds."""
    others = np.delete(np.arange(head.num_classes), [i, j])
    d = head.dimension
    start = time.perf_counter()
    found = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.column_stack([head.weight[others] - head.weight[i], np.ones(len(others))]),
        b_ub=head.bias[i] - head.bias[others],
        A_eq=np.append(head.weight[i] - head.weight[j], 0.0)[None],
        b_eq=[head.bias[j] - head.bias[i]],
        bounds=[*[(0, None)] * d, (None, 1.0)],
        options={"time_limit": cap},
    )
    seconds = time.perf_counter() - start
    if found.status not in (0, 2):
        return None, seconds
    return "yes" if found.status == 0 and -found.fun > 1e-9 else "no", seconds


def compare(
    title: str, head: LinearHead, features: np.ndarray | None, repeats: int, sample: int, cap: float
) -> None:
    """T8 on one head."""
    times: list[float] = []
    result: Adjacency | None = None
    for _ in range(repeats):
        start = time.perf_counter()
        result = adjacency(head, DOMAIN, features)
        times.append(time.perf_counter() - start)
    assert result is not None
    upper = np.triu_indices(head.num_classes, 1)
    start = time.perf_counter()
    checked = result.verify()[upper]
    checking = time.perf_counter() - start
    verdicts = result.verdicts[upper]
    counts = ", ".join(f"{int((verdicts == v).sum())} {v}" for v in ("yes", "no", "undecided"))
    rng = np.random.default_rng(1)
    pairs = rng.choice(len(upper[0]), size=min(sample, len(upper[0])), replace=False)
    answers = [one_program(head, int(upper[0][p]), int(upper[1][p]), cap) for p in pairs]
    each = float(np.mean([seconds for _, seconds in answers]))
    known = [(verdict, verdicts[p]) for (verdict, _), p in zip(answers, pairs, strict=True) if verdict]
    agree = sum(a == b for a, b in known)
    total, pace = each * len(verdicts), median(times)
    print(f"T8 adjacency, {title}: K={head.num_classes} d={head.dimension}, {len(verdicts)} pairs: {counts}")
    print(f"   ours {pace:8.3f} s, checked again in numpy in {checking:.3f} s: {int(checked.sum())} hold")
    print(
        f"   HiGHS {each:7.3f} s a pair (mean of {len(pairs)}, cap {cap:.0f} s), extrapolated {total:.0f} s"
    )
    print(f"   x{total / pace:.0f}   verdicts agree on {agree} of the {len(known)} it finished", flush=True)


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="K = 100 only, fewer linear programs")
    quick = parser.parse_args().quick
    rng = np.random.default_rng(3)
    with threadpool_limits(1):
        head, features = clustered(50_000, 512, 100)
        sample = 4 if quick else 12
        compare("clusters, with features (at least x500)", head, features, 5, sample, 30.0)
        compare("clusters, without features", head, None, 5, sample, 30.0)
        small, few = clustered(20_000, 8, 60)
        compare("d below K, pairs apart", small, few, 1, 40, 30.0)
        if quick:
            return
        head, features = clustered(100_000, 1280, 1000)
        compare("clusters (at most 60 s)", head, features, 1, 2, 30.0)
        compare("random W", LinearHead(rng.normal(size=(1000, 1280))), None, 1, 2, 30.0)


if __name__ == "__main__":
    main()
