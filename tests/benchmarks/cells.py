"""Exact slices and largest balls: ``python tests/benchmarks/cells.py [--quick]``.

The slice of K = 1000 classes in d = 1280 features, from the weights to the polygons, against Qhull on the
visible cells and an argmax raster of 512 x 512. Qhull needs the visible cells and a point inside each: once
both are given for free, once the points are found by a linear program each (HiGHS), and once one such program
for each of the K classes tells which cells are visible, which is what ours finds. The largest ball of a cell
in a box against HiGHS, which is stopped after 120 s. One thread, ours and the rival in turn; medians, of 50
runs of our slice and 5 of the others.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from scipy.optimize import Bounds, linprog
from scipy.spatial import HalfspaceIntersection
from threadpoolctl import threadpool_limits

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.cells import polygon_area
from featurespace_widgets.geometry.plane import section_plane
from featurespace_widgets.geometry.region import Region

CAP = 120.0


def clock(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def clustered(classes: int, d: int, noise: float = 0.5) -> tuple[LinearHead, np.ndarray]:
    """Head of nearest class means, and the means, of clustered features after a ReLU."""
    rng = np.random.default_rng(0)
    means = np.maximum(rng.normal(size=(classes, d)), 0)
    rows = means - means.mean(axis=0)
    biases = -0.5 * np.square(means).sum(axis=1) + noise * rng.normal(size=classes)
    return LinearHead(rows, biases - biases.mean()), means


def qhull(planes: np.ndarray, cells: list, extent: tuple[float, ...]) -> None:
    """Vertices of the visible cells; the inner point that Qhull needs is given to it."""
    s0, s1, t0, t1 = extent
    window = np.array([[-1, 0, s0], [1, 0, -s1], [0, -1, t0], [0, 1, -t1]], dtype=float)
    for cell in cells:
        gaps = np.delete(planes - planes[cell.class_index], cell.class_index, axis=0)
        HalfspaceIntersection(np.vstack([gaps[:, [1, 2, 0]], window]), cell.polygon.mean(axis=0))


def inner_point(planes: np.ndarray, index: int, extent: tuple[float, ...]) -> np.ndarray | None:
    """Centre of the largest disc of a cell in the window, by HiGHS; None where the cell is not visible."""
    gaps = np.delete(planes[index] - planes, index, axis=0)
    rows = np.column_stack([-gaps[:, 1:], np.linalg.norm(gaps[:, 1:], axis=1)])
    bounds = [extent[:2], extent[2:], (0, None)]
    found = linprog([0.0, 0.0, -1.0], A_ub=rows, b_ub=gaps[:, 0], bounds=bounds)
    return found.x[:2] if found.status == 0 else None


def raster(planes: np.ndarray, extent: tuple[float, ...], size: int = 512) -> np.ndarray:
    """Class of each pixel, row by row of 16 to stay in the cache."""
    s, t = np.linspace(*extent[:2], size), np.linspace(*extent[2:], size)
    classes = np.empty((size, size), dtype=np.int64)
    for start in range(0, size, 16):
        grid = np.stack(np.meshgrid(s, t[start : start + 16]), axis=-1).reshape(-1, 2)
        classes[start : start + 16] = (grid @ planes[:, 1:].T + planes[:, 0]).argmax(axis=1).reshape(-1, size)
    return classes


def slices(title: str, head: LinearHead, points: np.ndarray) -> None:
    """T5: from W to polygons."""
    plane = section_plane(head, None, points)
    corners = plane.to_plane(points)
    centre, reach = corners.mean(axis=0), 1.5 * np.abs(corners - corners.mean(axis=0)).max()
    extent = (centre[0] - reach, centre[0] + reach, centre[1] - reach, centre[1] + reach)
    cells, planes = plane.cells(extent), plane.logit_planes()
    ours, product, hulls, rasters, seen, others = [], [], [], [], [], []
    visible = [cell.class_index for cell in cells]
    hidden = np.setdiff1d(np.arange(head.num_classes), visible)[:: head.num_classes // 10].tolist()
    for _ in range(5):
        ours += [clock(lambda: plane.cells(extent)) for _ in range(10)]
        product += [clock(plane.logit_planes) for _ in range(10)]
        hulls.append(clock(lambda: qhull(planes, cells, extent)))
        rasters.append(clock(lambda: raster(planes, extent)) + product[-1])
        seen += [clock(lambda k=k: inner_point(planes, k, extent)) for k in visible[:10]]
        others += [clock(lambda k=k: inner_point(planes, k, extent)) for k in hidden]
    hull = median(hulls) + median(product)
    points = len(cells) * median(seen)
    every = points + (head.num_classes - len(cells)) * median(others)
    size = np.abs(planes[:, :1] + planes[:, 1:] @ np.array(extent).reshape(2, 2)).max()
    worst = max(
        float(((v := planes[:, :1] + planes[:, 1:] @ c.polygon.T).max(axis=0) - v[c.class_index]).max())
        for c in cells
    )
    area = sum(polygon_area(cell.polygon) for cell in cells) / (4 * reach**2)
    best = median(ours)
    print(f"T5 exact slice, {title}: K={head.num_classes} d={head.dimension}, {len(cells)} visible cells")
    print(
        f"   ours {1e3 * best:8.2f} ms, of it the product {1e3 * median(product):.2f} (beyond: at most 1.5)"
    )
    for name, seconds in (
        ("Qhull, cells and inner points given", hull),
        ("Qhull, cells given, points by HiGHS", hull + points),
        ("Qhull, HiGHS for every class *", hull + every),
        ("raster 512 x 512 *", median(rasters)),
    ):
        print(f"   {name:38s}{1e3 * seconds:9.1f} ms   x{seconds / best:.0f}")
    print("   * the same job as ours, at least x100; HiGHS on a sample of the classes, extrapolated")
    print(f"   certificate: argmax at every vertex to {worst / size:.1e}, areas to {abs(area - 1):.1e}")


def ball_by_highs(region: Region, box: Bounds, cap: float) -> tuple[float | None, float]:
    """Largest radius by HiGHS, or None when the cap is reached, and its seconds."""
    own, d = region.class_index, region.head.dimension
    rows = np.delete(region.head.weight[own] - region.head.weight, own, axis=0)
    offsets = np.delete(region.head.bias[own] - region.head.bias, own)
    eye, one = np.eye(d), np.ones((d, 1))
    above = np.vstack(
        [
            np.column_stack([-rows, np.linalg.norm(rows, axis=1)]),
            np.hstack([-eye, one]),
            np.hstack([eye, one]),
        ]
    )
    right = np.concatenate([offsets, -box.lb, box.ub])
    start = time.perf_counter()
    found = linprog(
        np.append(np.zeros(d), -1.0), A_ub=above, b_ub=right, bounds=(None, None), options={"time_limit": cap}
    )
    return (-found.fun if found.status == 0 else None), time.perf_counter() - start


def balls(classes: int, d: int, cap: float) -> None:
    """T9: the largest ball of a cell in a box."""
    rng = np.random.default_rng(1)
    means = clustered(classes, d)
    heads = {
        "random W": LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes)),
        "clusters": means[0],
    }
    for title, head in heads.items():
        region, box = Region(head, Bounds(0, np.inf), 0), Bounds(np.zeros(d), np.full(d, 2.0))
        times = [clock(lambda region=region, box=box: region.chebyshev_ball(box)) for _ in range(5)]
        ball = region.chebyshev_ball(box)
        radius, seconds = ball_by_highs(region, box, cap)
        ratio = f"x{seconds / median(times):.0f}"
        rival = f"{seconds:.1f} s" if radius is not None else f"none in {cap:.0f} s"
        print(f"T9 largest ball, {title}: K={classes} d={d}")
        print(f"   ours {median(times):7.3f} s (beyond: at most 0.5)   HiGHS {rival}   {ratio} (at least 40)")
        agree = "" if radius is None else f", radii agree to {abs(radius - ball.radius) / radius:.1e}"
        print(
            f"   certificate: {ball.verdict!r}, relative gap {ball.gap:.1e}, verify {ball.verify()}{agree}",
            flush=True,
        )


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, and HiGHS for 10 s at most")
    quick = parser.parse_args().quick
    classes, d = (200, 256) if quick else (1000, 1280)
    with threadpool_limits(1):
        head, means = clustered(classes, d)
        slices("clusters", head, means[:3])
        rng = np.random.default_rng(2)
        slices("random W", LinearHead(rng.normal(size=(classes, d))), rng.normal(size=(3, d)))
        balls(classes, d, 10.0 if quick else CAP)


if __name__ == "__main__":
    main()
