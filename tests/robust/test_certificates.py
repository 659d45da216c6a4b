"""Every certificate of the feature space on random problems, against DAQP, HiGHS and rational arithmetic.

A verdict may be "undecided", never wrong; what is decided verifies. The long mode
(``FSW_LONG=1 python -m pytest tests/robust/test_certificates.py tests/robust/test_pixel_certificates.py -s``)
tries 100,000 problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from featurespace_widgets.geometry.adjacency import adjacency
from featurespace_widgets.geometry.blend_ties import ambiguous_blend
from featurespace_widgets.geometry.cells import polygon_area, upper_envelope
from featurespace_widgets.geometry.certified import CertifiedBlends, slice_regions
from featurespace_widgets.geometry.faces import faces
from featurespace_widgets.geometry.faces_through_hull import faces_through_hull
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.geometry.hull_pairs import separate, spoilers
from featurespace_widgets.geometry.hull_section import section
from featurespace_widgets.geometry.path import path
from featurespace_widgets.geometry.plane import section_plane
from featurespace_widgets.geometry.region import Region
from featurespace_widgets.geometry.ties import ambiguous
from geometry.test_adjacency import oracle as touches
from geometry.test_blend_ties import least_spread
from geometry.test_faces import oracle as closest_tie
from geometry.test_hull_pairs import crosses, meets
from geometry.test_hull_rational import nearest_point, rational
from geometry.test_hull_section import flat, largest
from geometry.test_region import best
from robust.problems import Problem, problems
from robust.scale import tries

Check = Callable[[Problem], Iterable[str]]


def exact_logits(head, point) -> list[Fraction]:
    y = rational(point)
    return [
        sum((w * x for w, x in zip(rational(row), y, strict=True)), Fraction(float(b)))
        for row, b in zip(head.weight, head.bias, strict=True)
    ]


def radius(p: Problem):
    """The nearest boundary, from squared distances as fractions; and the signed depth of class 0."""
    z = exact_logits(p.head, p.y)
    rows = [rational(row) for row in p.head.weight]

    def exact_depth(i: int) -> float:
        depths = [np.inf]
        for j in range(len(z)):
            length = sum(((u - v) ** 2 for u, v in zip(rows[i], rows[j], strict=True)), Fraction(0))
            gap = z[i] - z[j]
            if length:
                depths.append(float(gap) / float(length) ** 0.5)
            elif gap < 0:
                depths.append(-np.inf)
        return min(depths)

    winner = z.index(max(z))
    got = p.head.radius(p.y[None])[0]
    if winner == p.head.predict(p.y[None])[0]:  # else they tie to within rounding
        assert got == pytest.approx(exact_depth(winner), rel=1e-9, abs=1e-12)
    else:
        assert got < 1e-9
    assert p.head.depth(p.y[None], 0)[0] == pytest.approx(exact_depth(0), rel=1e-9, abs=1e-12)
    yield "yes"


def closest_faces(p: Problem):
    found = faces(p.head, p.domain, p.inside)
    right = found.verify()
    for j in set(range(p.head.num_classes)) - {found.class_index}:
        distance, flag = closest_tie(p.head, p.domain, p.inside, [found.class_index, j])
        verdict = str(found.verdicts[j])
        yield verdict
        assert right[j] == (verdict != "undecided")
        if verdict == "yes" and flag > 0:
            assert found.distance[j] == pytest.approx(distance, rel=1e-6, abs=1e-7)
        if flag in (1, -1):
            assert verdict in {"yes" if flag > 0 else "no", "undecided"}


def tie(p: Problem):
    count = p.head.num_classes
    chosen = p.rng.permutation(count)[: p.rng.integers(2, count + 1)].tolist()
    found = ambiguous(p.head, p.domain, p.inside, chosen)
    yield found.verdict
    if found.verdict == "undecided":
        return
    assert found.verify()
    distance, flag = closest_tie(p.head, p.domain, p.inside, chosen)
    if flag in (1, -1):
        assert found.verdict == ("yes" if flag > 0 else "no")
    if found.verdict == "yes" and flag > 0:
        assert found.distance == pytest.approx(distance, rel=1e-6, abs=1e-7)


def blend_tie(p: Problem):
    count = p.head.num_classes
    chosen = p.rng.permutation(count)[: p.rng.integers(2, count + 1)].tolist()
    found = ambiguous_blend(p.head, p.points, p.y, chosen)
    yield found.verdict
    if found.verdict == "undecided":
        return
    assert found.verify()
    value = least_spread(p.head, p.points, p.y, chosen)
    assert found.verdict == ("no" if value is None else "yes")
    if value is not None:
        assert found.spread == pytest.approx(value, rel=1e-7, abs=1e-9)


def region(p: Problem):
    polytope = Region(p.head, p.domain, 0)
    rows, offsets = polytope.halfspaces()
    d = p.head.dimension
    empty, unbounded = polytope.is_empty(), polytope.is_unbounded()
    nothing = best(np.zeros(d), rows, offsets).status == 2
    ways = [sign * axis for axis in np.eye(d) for sign in (1.0, -1.0)]
    ray = not nothing and any(best(way, rows, offsets).status == 3 for way in ways)
    for found, truth in ((empty, nothing), (unbounded, ray)):
        yield found.verdict
        assert found.verdict in {"yes" if truth else "no", "undecided"}
        assert found.verify() == (found.verdict != "undecided")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    largest_ball = best(np.append(np.zeros(d), -1.0), np.hstack([rows, -lengths]), offsets)
    try:
        ball = polytope.chebyshev_ball()
    except ValueError:  # balls of any size
        ball = None
    if ball is None or largest_ball.status == 3:
        assert largest_ball.status == 3
        assert ball is None or ball.verdict == "undecided"
        return
    yield ball.verdict
    if ball.verdict == "undecided":
        return
    assert ball.verify()
    assert (ball.verdict == "no") == (largest_ball.status == 2 or -largest_ball.fun <= 1e-9)
    if ball.verdict == "yes":
        assert ball.radius == pytest.approx(-largest_ball.fun, rel=1e-7)


def segment(p: Problem):
    """The class of rational points between the breakpoints."""
    found = path(p.head, p.y, p.points[0])
    assert found.verify()
    assert len(set(found.classes.tolist())) == len(found.classes)
    start, end = exact_logits(p.head, p.y), exact_logits(p.head, p.points[0])
    for left, right, own in zip(found.breakpoints, found.breakpoints[1:], found.classes, strict=False):
        if right - left < 1e-9:
            continue
        t = (Fraction(float(left)) + Fraction(float(right))) / 2
        values = [(1 - t) * a + t * b for a, b in zip(start, end, strict=True)]
        assert float(max(values) - values[own]) <= 1e-12 * (1 + float(max(map(abs, values))))
        yield "yes"


def cells(p: Problem):
    """They tile the window, and a rational point that one class wins lies in no other class's cell."""
    planes, extent = np.column_stack([p.head.bias, p.head.weight[:, :2]]), (-1.0, 2.0, -1.5, 1.0)
    found = upper_envelope(planes, extent)
    assert sum(polygon_area(cell.polygon) for cell in found) == pytest.approx(7.5, rel=1e-9)
    for _ in range(3):
        s, t = -1 + 3 * int(p.rng.integers(1, 64)) / 64, -1.5 + 2.5 * int(p.rng.integers(1, 64)) / 64
        values = [
            Fraction(float(c)) + Fraction(float(a)) * Fraction(s) + Fraction(float(b)) * Fraction(t)
            for c, a, b in planes
        ]
        top = sorted(values)
        holders = [cell.class_index for cell in found if deepest(cell.polygon, (s, t)) > 1e-9]
        assert len(holders) <= 1
        if float(top[-1] - top[-2]) > 1e-9:
            assert holders in ([], [values.index(top[-1])])
        yield "yes"


def deepest(polygon, point) -> float:
    """How far inside a polygon, listed counter-clockwise, a point lies."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    lengths = np.linalg.norm(edges, axis=1)
    away = np.asarray(point) - polygon
    long = lengths > 1e-12
    return float(
        ((edges[:, 0] * away[:, 1] - edges[:, 1] * away[:, 0])[long] / lengths[long]).min(initial=np.inf)
    )


def neighbours(p: Problem):
    found = adjacency(p.head, p.domain, None)
    right = found.verify()
    for i, j in combinations(range(p.head.num_classes), 2):
        verdict = str(found.verdicts[i, j])
        yield verdict
        assert right[i, j] == (verdict != "undecided")
        assert verdict in {"yes" if touches(p.head, p.domain, i, j) else "no", "undecided"}


def hull(p: Problem):
    found = FeatureHull(p.points).project(p.y)
    foot = np.array([float(x) for x in nearest_point(p.points, p.y)])
    away = float(np.linalg.norm(foot - p.y))
    verdict = str(found.verdicts[0])
    yield verdict
    if away == 0 or away > 1e-7:
        assert verdict in {"outside" if away else "inside", "undecided"}
    assert found.distances[0] == pytest.approx(away, rel=1e-8, abs=1e-8)
    assert verdict == "undecided" or found.verify().all()


def hull_section(p: Problem):
    plane = flat(p.head.dimension, p.y)
    found = section(p.points, plane, 8)
    yield found.verdict
    if found.verdict == "undecided":
        return
    assert found.verify()
    for normal in np.array([[1.0, 0.0], [-0.6, 0.8]]):
        value = largest(p.points, plane, normal)
        assert (value is None) == (found.verdict == "no")
        if value is not None:
            assert (found.inner @ normal).max() <= value + 1e-7
    if value is not None:
        assert (found.inner[:, 0]).max() == pytest.approx(
            largest(p.points, plane, np.array([1.0, 0.0])), abs=1e-6
        )


def two_hulls(p: Problem):
    others = p.points + np.round(3 * p.rng.normal(size=p.head.dimension)) * (p.rng.random() < 0.7)
    found = separate(p.points, others[: p.rng.integers(1, len(others) + 1)])
    yield found.verdict
    if found.verdict == "undecided":
        return
    assert found.verify()
    assert (found.verdict == "meet") == meets(found.first, found.second)


def outsiders(p: Problem):
    labels = p.head.predict(p.points)
    labels[0] = 0
    labels[p.rng.random(len(labels)) < 0.3] = 0
    found = spoilers(p.head, p.points, labels, 0)
    yield found.verdict
    exact = {
        int(row)
        for row in np.flatnonzero(labels == 0)
        if (z := exact_logits(p.head, p.points[row]))[0] < max(z)
    }
    near = {row for row in exact if float(max(z := exact_logits(p.head, p.points[row])) - z[0]) < 1e-9}
    assert exact - near <= set(found.spoilers.tolist()) <= exact
    if found.verdict != "undecided":
        assert found.verify()


def boundaries_in_hull(p: Problem):
    found = faces_through_hull(p.head, p.points)
    right, logits = found.verify(), p.head.logits(p.points)
    for i, j in combinations(range(p.head.num_classes), 2):
        verdict = str(found.verdicts[i, j])
        yield verdict
        assert right[i, j] == (verdict != "undecided")
        value = crosses(logits, i, j)
        if value is None or abs(value) > 1e-7 or p.number % 2 == 0:
            assert verdict in {"yes" if value is not None and value >= -1e-9 else "no", "undecided"}


def blends(p: Problem):
    own = int(p.head.predict(p.points)[0])
    found = CertifiedBlends.of(p.head, p.points, own)
    yield found.verdict
    worst = min(float(z[own] - max(z)) for z in (exact_logits(p.head, point) for point in p.points))
    if found.verdict == "undecided":
        return
    assert found.verify()
    assert (worst < 0) == (found.verdict == "no")
    shares = p.rng.dirichlet(np.full(len(p.points), 0.5), 5)
    if found.verdict == "yes":
        assert (p.head.predict(shares @ p.points) == own).all()
    if np.isfinite(found.depths).all():
        assert (p.head.depth(shares @ p.points, own) >= found.bound(shares) - 1e-9).all()


def regions_of_a_slice(p: Problem):
    corners = np.vstack([p.inside, p.points[0], p.points[-1] + p.rng.normal(size=p.head.dimension)])
    try:
        plane = section_plane(p.head, p.domain, corners)
    except ValueError:  # corners on a line
        yield "undecided"
        return
    found = slice_regions(plane, p.inside, (-3, 3, -3, 3))
    assert found.verify()
    for polygon in (found.cell, found.ball):
        if len(polygon):
            shares = p.rng.dirichlet(np.ones(len(polygon)), 20)
            logits = p.head.logits(plane.from_plane(shares @ polygon))
            assert (logits.max(axis=1) - logits[:, found.class_index] < 1e-8).all()
    yield "yes"


CHECKS = [
    radius, closest_faces, tie, blend_tie, region, segment, cells, neighbours, hull, hull_section, two_hulls,
    outsiders, boundaries_in_hull, blends, regions_of_a_slice,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_verdict_is_wrong(check: Check):
    count, seen = tries(125, 6250), Counter()
    for problem in problems(count, CHECKS.index(check)):
        try:
            seen.update(check(problem))
        except AssertionError as error:
            raise AssertionError(f"problem {problem.number}: {problem}") from error
    print(f"\n{check.__name__}: {count} problems, {seen.total()} verdicts {dict(seen)}, none wrong")
    assert seen["undecided"] < 0.1 * seen.total()
