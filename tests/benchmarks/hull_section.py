"""Hull cut by a slice and hull against hull: ``python tests/benchmarks/hull_section.py --data DIR``.

Real features (MNIST, 60,000 x 64), ours and `scipy.optimize.linprog` in turn, one thread. The rival
solves three of the directions; its time is scaled to a sweep of 64, and to as many as ours asked for.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import numpy as np
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

import featurespace_widgets as fsw
from featurespace_widgets.geometry.faces_through_hull import faces_through_hull
from featurespace_widgets.geometry.hull_pairs import separate
from featurespace_widgets.geometry.hull_section import section
from featurespace_widgets.geometry.pricing import PointSet


def timed(function, repeats=1):
    """Median time and the last result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return median(times), result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="folder of the full data set; the bundled bank if not given")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    space = fsw.load("mnist", data=options.data) if options.data else fsw.load("mnist")
    features = np.asarray(space.features)[:: 10 if options.quick else 1]
    labels = np.asarray(space.labels)[:: 10 if options.quick else 1]
    repeats, swept = (3, 1) if options.quick else (5, 3)
    with threadpool_limits(1):
        points = PointSet(features)
        means = np.array([features[labels == k].mean(axis=0, dtype=np.float64) for k in range(3)])
        plane = space.slice(means)
        ours, cut = timed(lambda: section(points, plane, 64), repeats)
        away = features - plane.origin
        across = np.linalg.qr(plane.basis.T, mode="complete")[0][:, 2:].T
        system = np.vstack([(away @ across.T).T, np.ones(len(away))])
        right = np.append(np.zeros(len(across)), 1.0)
        theirs, off = [], 0.0
        for k in range(swept):
            cost = -(away @ plane.basis.T @ cut.normals[k])
            seconds, found = timed(lambda cost=cost: linprog(cost, A_eq=system, b_eq=right))
            theirs.append(seconds)
            off = max(off, abs(-found.fun - cut.offsets[k]))
        each = median(theirs)
        print(
            f"section  n={len(features)}: ours {ours:.3f} s (beyond: at most 1), "
            f"linprog {each:.2f} s a direction: x{64 * each / ours:.0f} for 64 (target 50, beyond 150), "
            f"x{len(cut.normals) * each / ours:.0f} for the {len(cut.normals)} that ours needed"
        )
        print(
            f"  agreement {cut.agreement / points.radius:.1e} of the radius, "
            f"against linprog {off / points.radius:.1e}, {cut.verdict}, verify {cut.verify()}"
        )
        predicted = space.head.predict(features)
        first, second = (PointSet(features[predicted == k]) for k in (1, 2))
        ours, pair = timed(lambda: separate(first, second), repeats)
        both = np.vstack([first.points, -second.points]).astype(np.float64)
        signs = np.repeat([1.0, -1.0], [len(first), len(second)])
        system = np.column_stack([-both, -signs])
        free = [(None, None)] * system.shape[1]
        rival, found = timed(
            lambda: linprog(np.zeros(system.shape[1]), system, -np.ones(len(both)), bounds=free)
        )
        print(
            f"pair     {len(first)} and {len(second)} points: ours {1e3 * ours:.1f} ms, linprog (no "
            f"margin) {1e3 * rival:.0f} ms, ratio {rival / ours:.0f} (target 35); {pair.verdict}, "
            f"linprog {'apart' if found.status == 0 else 'meet'}, "
            f"relative gap {(pair.distance - pair.gap) / pair.distance:.1e}, verify {pair.verify()}"
        )
        ours, faces = timed(lambda: faces_through_hull(space.head, points), repeats)
        print(f"faces    45 pairs: {1e3 * ours:.0f} ms, {faces.verify().sum() // 2} proven")


if __name__ == "__main__":
    main()
