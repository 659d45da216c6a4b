"""Hull projection and membership of few points, against the exact answer in rational arithmetic."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurespace_widgets.geometry.hull import FeatureHull


def rational(vector):
    return [Fraction(float(x)) for x in vector]


def minus(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def solve(matrix, right):
    """Gauss-Jordan elimination; None where the matrix is singular."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(len(rows)):
            if i != k:
                rows[i] = [x - rows[i][k] * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def nearest_point(points, query):
    """Nearest point of the hull: the one simplex of points whose foot obeys all of them."""
    vertices, q = [rational(p) for p in points], rational(query)
    for size in range(1, min(len(vertices), len(q) + 1) + 1):
        for first, *others in combinations(vertices, size):
            sides = [minus(v, first) for v in others]
            shares = solve(
                [[dot(a, b) for b in sides] for a in sides], [dot(a, minus(q, first)) for a in sides]
            )
            if shares is None or min(shares, default=0) < 0 or sum(shares) > 1:
                continue
            foot = [
                x + sum(s * side[k] for s, side in zip(shares, sides, strict=True))
                for k, x in enumerate(first)
            ]
            away = minus(foot, q)
            if all(dot(minus(v, foot), away) >= 0 for v in vertices):
                return foot
    raise AssertionError("every hull has a nearest point")


def check(points, query):
    """Verdict, distance, point, weights and bound, all against the exact projection."""
    foot, q = nearest_point(points, query), rational(query)
    exact = float(dot(minus(foot, q), minus(foot, q))) ** 0.5
    found = FeatureHull(points).project(query)
    assert found.verify().all()
    assert found.verdicts[0] == ("outside" if exact > 0 else "inside")
    assert found.distances[0] == pytest.approx(exact, rel=1e-9, abs=found.tolerance)
    assert found.points[0] == pytest.approx([float(x) for x in foot], abs=1e-7 * (exact == 0) + 1e-9)
    weights, rows = rational(found.weights[0]), found.support[0]
    assert min(weights) >= 0
    assert abs(float(sum(weights) - 1)) <= 1e-12
    blend = [
        sum(w * rational(points[row])[k] for w, row in zip(weights, rows, strict=True)) for k in range(len(q))
    ]
    assert blend == pytest.approx(found.points[0], abs=1e-12)
    if exact > 0:
        normal = rational(found.normals[0])
        assert float(dot(normal, normal)) == pytest.approx(1, abs=1e-12)
        lowest = min(dot(minus(rational(p), q), normal) for p in points)
        assert found.bounds[0] <= exact * (1 + 1e-9)
        assert float(lowest) >= found.bounds[0] - 1e-14
        # Rounding of a residual tilts its direction by eps * size / distance, at points `size` away.
        size = np.abs(points).max() + np.abs(query).max()
        assert found.bounds[0] == pytest.approx(exact, rel=1e-9, abs=1e-15 * size**2 / exact)


@st.composite
def few_points(draw):
    """Up to 6 points of small whole numbers: duplicates, collinear ones and n < d are common."""
    d = draw(st.integers(1, 4))
    vector = st.lists(st.integers(-2, 2).map(float), min_size=d, max_size=d)
    return np.array(draw(st.lists(vector, min_size=1, max_size=6))), np.array(draw(vector))


@given(few_points())
@settings(max_examples=120, deadline=None)
def test_whole_numbers(case):
    check(*case)


@given(few_points(), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_the_query_is_one_of_the_points(case, row):
    points, _ = case
    query = points[row % len(points)]
    check(points, query)
    assert FeatureHull(points).project(query).distances[0] <= 1e-12


@given(few_points(), st.sampled_from([1e-6, -1e-6]))
@settings(max_examples=80, deadline=None)
def test_either_side_of_a_face(case, step):
    """1e-6 beyond the nearest face to a query, and as far towards the points' mean from it."""
    points, query = case
    foot = np.array([float(x) for x in nearest_point(points, query)])
    away = query - foot if step > 0 else foot - points.mean(axis=0)
    length = np.linalg.norm(away)
    near = foot + step * away / length if length > 0 else foot
    exact = minus(nearest_point(points, near), rational(near))
    if 0 < dot(exact, exact) < Fraction(10) ** -16:
        return  # the query itself is rounded: it lies in the hull as far as float64 can tell
    check(points, near)


def test_collinear_points_and_duplicates():
    line = np.array([[0.0, 0.0, 1.0], [1.0, 2.0, 1.0], [2.0, 4.0, 1.0], [1.0, 2.0, 1.0], [0.5, 1.0, 1.0]])
    for query in (
        [1.0, 2.0, 1.0],
        [3.0, 6.0, 1.0],
        [1.0, 2.0, 1.0 + 1e-6],
        [0.0, 5.0, 1.0],
        [-1.0, 0.0, 0.0],
    ):
        check(line, np.array(query))


def test_fewer_points_than_dimensions():
    points = np.eye(6)[:3] * 3
    for query in (np.ones(6), points[1], points.mean(axis=0), points.mean(axis=0) + 1e-6 * np.eye(6)[5]):
        check(points, query)
