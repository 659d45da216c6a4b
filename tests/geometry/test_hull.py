"""Hull projections: against independent solvers, in rational arithmetic, where things degenerate."""

from dataclasses import replace
from fractions import Fraction

import daqp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.geometry.measures import diameter_bounds, hull_measures
from featurespace_widgets.geometry.pricing import PointSet


def clustered(n, d, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    means = np.maximum(rng.normal(size=(10, d)) * 2, 0)
    return np.maximum(means[rng.integers(10, size=n)] + rng.normal(size=(n, d)), 0).astype(dtype)


def daqp_distance(points, query):
    """The widest margin: ``min |u|^2 / 2 : (y_i - q) . u >= 1`` has ``|u| = 1 / distance``."""
    shifted = (np.asarray(points, float) - query).copy()
    d, n = len(query), len(points)
    bound, open_end = np.full(n, 1e30), np.ones(n)
    u, _, flag, _ = daqp.solve(
        np.eye(d), np.zeros(d), shifted, bound, open_end, primal_tol=1e-11, dual_tol=1e-11
    )
    assert flag == 1
    return 1 / np.linalg.norm(u)


def is_member(points, query):
    system = np.vstack([np.asarray(points, float).T, np.ones(len(points))])
    return linprog(np.zeros(len(points)), A_eq=system, b_eq=np.append(query, 1.0), method="highs").status == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(300, 3), (2000, 12), (40, 60)])
def test_distances_agree_with_the_widest_margin(n, d, dtype):
    points = clustered(n, d, n, dtype)
    queries = 1.5 * clustered(20, d, 1) + np.random.default_rng(2).normal(size=(20, d))
    found = FeatureHull(points).project(queries)
    assert found.verify().all()
    assert (found.verdicts == "outside").any()
    for i in np.flatnonzero(found.verdicts == "outside"):
        assert found.distances[i] == pytest.approx(daqp_distance(points, queries[i]), rel=1e-8)
        assert found.gaps[i] <= 1e-10
        assert len(found.support[i]) <= d + 1


@pytest.mark.parametrize("n", [30, 400])
def test_membership_agrees_with_linear_programming(n):
    rng = np.random.default_rng(n)
    points = clustered(n, 6, n)
    queries = points.mean(axis=0) + rng.normal(size=(60, 6)) * rng.uniform(0, 2, (60, 1))
    found = FeatureHull(points).project(queries)
    assert found.verify().all()
    assert [v == "inside" for v in found.verdicts] == [is_member(points, q) for q in queries]
    assert set(found.verdicts) == {"inside", "outside"}


@pytest.mark.parametrize("offset", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("d", [3, 10, 40])
def test_either_side_of_the_boundary(d, offset):
    points = clustered(1500, d, d)
    hull = FeatureHull(points)
    away = np.random.default_rng(d).normal(size=(12, d))
    away *= 2 * hull.points.radius / np.linalg.norm(away, axis=1, keepdims=True)
    feet = hull.project(hull.points.centre + away)
    assert (feet.verdicts == "outside").all()
    step = offset * hull.points.radius
    beyond = hull.project(feet.points - step * feet.normals)
    assert (beyond.verdicts == "outside").all()
    assert beyond.verify().all()
    np.testing.assert_allclose(beyond.distances, step, rtol=1e-5)
    assert beyond.gaps.max() <= 1e-5
    within = hull.project(feet.points + offset * (points.mean(axis=0) - feet.points))
    assert (within.verdicts == "inside").all()
    assert within.verify().all()


def test_vertices_edges_and_the_points_themselves():
    points = np.random.default_rng(0).normal(size=(200, 8))
    hull = FeatureHull(points)
    at = hull.project(np.vstack([points, (points[:50] + points[50:100]) / 2]))
    assert (at.verdicts == "inside").all()
    assert at.verify().all()
    assert not at.gaps.any()


def test_cube_in_rational_arithmetic():
    """The nearest point of a cube is known; the weights blend it exactly when taken as fractions."""
    corners = np.array(np.meshgrid(*[[0.0, 1.0]] * 4)).reshape(4, -1).T
    queries = np.array([[2.0, 0.5, 0.25, 0.0], [-1.0, -1.0, 3.0, 0.5], [0.5, 0.5, 0.5, 0.5]])
    found = FeatureHull(corners).project(queries)
    np.testing.assert_allclose(found.points, np.clip(queries, 0, 1), atol=1e-13)
    for i, query in enumerate(queries):
        weights = [Fraction(float(w)) for w in found.weights[i]]
        total = sum(weights)
        vertices = [[Fraction(int(v)) for v in corners[row]] for row in found.support[i]]
        point = [sum(w * v[k] for w, v in zip(weights, vertices, strict=True)) / total for k in range(4)]
        square = sum((p - Fraction(float(x))) ** 2 for p, x in zip(point, query, strict=True))
        assert float(square) == pytest.approx(found.distances[i] ** 2, abs=1e-24, rel=1e-12)


whole = st.integers(-3, 3).map(float)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_degenerate_points(data):
    """Among small whole numbers duplicates, collinear points, constant columns and n <= d are common."""
    d = data.draw(st.integers(1, 5))
    vector = st.lists(whole, min_size=d, max_size=d)
    points = np.array(data.draw(st.lists(vector, min_size=1, max_size=12)))
    queries = np.array(data.draw(st.lists(vector, min_size=1, max_size=4)))
    points[:, data.draw(st.integers(0, d - 1))] = data.draw(whole)
    found = FeatureHull(points).project(queries)
    assert found.verify().all()
    for i, query in enumerate(queries):
        assert (found.verdicts[i] == "inside") == is_member(points, query)
        if found.verdicts[i] == "outside":
            assert found.distances[i] == pytest.approx(daqp_distance(points, query), rel=1e-8)


def test_many_duplicates_far_from_the_origin():
    points = np.repeat([[1e6, 1.0, 5.0], [1e6 + 1, 1.0, 5.0], [1e6, 2.0, 5.0]], 3000, axis=0)
    found = FeatureHull(points).project([[1e6 + 0.25, 1.25, 5.0], [1e6 + 1, 2.0, 5.0], [1e6, 1.0, 6.0]])
    assert found.verdicts.tolist() == ["inside", "outside", "outside"]
    np.testing.assert_allclose(found.distances, [0, np.sqrt(0.5), 1], atol=1e-9)
    assert found.verify().all()


@pytest.mark.parametrize("size", [1e-100, 1e-12, 1e12, 1e100])
def test_any_unit_of_length(size):
    points, queries = clustered(500, 5, 0), clustered(10, 5, 1) * 2
    plain = FeatureHull(points).project(queries)
    scaled = FeatureHull(points * size).project(queries * size)
    assert scaled.verdicts.tolist() == plain.verdicts.tolist()
    np.testing.assert_allclose(scaled.distances, plain.distances * size, rtol=1e-9, atol=1e-9 * size)
    assert scaled.verify().all()


def test_some_rows_only():
    points = clustered(300, 4, 0)
    rows = np.arange(1, 300, 3)
    queries = clustered(15, 4, 1) * 1.5
    some, alone = FeatureHull(points, rows).project(queries), FeatureHull(points[rows]).project(queries)
    np.testing.assert_array_equal(some.distances, alone.distances)
    assert all(np.isin(support, rows).all() for support in some.support)
    assert some.verify().all()
    assert not replace(some, support=tuple(s - 1 for s in some.support)).verify().any()


def test_memory_mapped_features(tmp_path):
    np.save(tmp_path / "features.npy", clustered(3000, 9, 0, np.float32))
    points = np.load(tmp_path / "features.npy", mmap_mode="r")
    hull = FeatureHull(points)
    assert np.shares_memory(hull.points.points, points)
    found = hull.project(clustered(5, 9, 1) * 2)
    assert found.verify().all()
    expected = FeatureHull(np.asarray(points, float)).project(found.queries).distances
    np.testing.assert_allclose(found.distances, expected, rtol=1e-12)


def test_tampered_answers_do_not_verify():
    points = clustered(400, 5, 3)
    found = FeatureHull(points).project(np.vstack([points.mean(axis=0), points[:3] * 3 + 1]))
    assert found.verdicts.tolist() == ["inside"] + ["outside"] * 3
    assert found.verify().all()
    swapped = np.where(found.verdicts == "inside", "outside", "inside")
    assert not replace(found, verdicts=swapped).verify().any()
    assert not replace(found, verdicts=np.full(4, "undecided")).verify().any()
    assert not replace(found, points=found.points + 1e-6).verify().any()
    assert not replace(found, queries=found.queries + 1e-3).verify().any()
    assert not replace(found, weights=tuple(1.001 * w for w in found.weights)).verify().any()
    assert not replace(found, bounds=found.bounds * 1.0001).verify()[1:].any()
    assert not replace(found, normals=-found.normals).verify()[1:].any()
    assert not replace(found, normals=2 * found.normals).verify()[1:].any()
    negative = tuple(np.append(w, [-0.1, 0.1]) for w in found.weights)
    doubled = tuple(np.append(s, [0, 0]) for s in found.support)
    assert not replace(found, weights=negative, support=doubled).verify().any()


@pytest.mark.parametrize(
    ("points", "queries", "message"),
    [
        ([1.0, 2.0], [[0.0]], "shape"),
        (np.empty((0, 3)), [[0.0] * 3], "n >= 1"),
        ([[np.nan, 1.0]], [[0.0, 0.0]], "finite"),
        ([[0.0, 1.0]], [[0.0, 0.0, 0.0]], "shape"),
        ([[0.0, 1e150]], [[0.0, 0.0]], "within 1e\\+120"),
        ([[0.0, 1.0]], [[0.0, 1e150]], "within 1e\\+120"),
        (np.eye(2) * 1e-150, [[0.0, 0.0]], "apart"),
    ],
)
def test_bad_input(points, queries, message):
    with pytest.raises(ValueError, match=message):
        FeatureHull(points).project(queries)


@pytest.mark.parametrize("rows", [[], [3], [-1], [0.5], [[0]]])
def test_bad_rows(rows):
    with pytest.raises(ValueError, match="rows must be"):
        FeatureHull(np.eye(3), rows)


def test_no_queries():
    found = FeatureHull(np.eye(3)).project(np.empty((0, 3)))
    assert len(found) == 0
    assert found.verify().shape == (0,)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 3), (50, 2), (70_000, 8)])
def test_pricing_is_exact(n, d, dtype):
    """Nearly equal points 1e5 away from the origin: float32 alone cannot tell them apart."""
    rng = np.random.default_rng(n)
    stored = (1e5 + rng.normal(size=(n, d))).astype(dtype)
    points, plain = PointSet(stored), stored.astype(float)
    directions, queries = rng.normal(size=(6, d)), 1e5 + 2 * rng.normal(size=(6, d))
    values, rows = points.support(directions)
    products = (plain - 1e5) @ directions.T
    np.testing.assert_allclose(products[rows, range(6)], products.max(axis=0), rtol=0, atol=1e-12)
    np.testing.assert_allclose(values, (plain @ directions.T).max(axis=0), rtol=1e-12, atol=1e-9)
    nearest = points.nearest(queries, 5)[:, 0]
    squares = np.square(plain[:, None] - queries).sum(axis=2)
    np.testing.assert_allclose(squares[nearest, range(6)], squares.min(axis=0), rtol=1e-12)


def test_diameter():
    points = clustered(900, 6, 0)
    low, high = diameter_bounds(PointSet(points))
    exact = max(np.linalg.norm(points - p, axis=1).max() for p in points)
    assert low <= exact * (1 + 1e-12)
    assert low == high == pytest.approx(exact)
    low, high = diameter_bounds(PointSet(np.tile(points, (6, 1))))
    assert low <= exact * (1 + 1e-12)
    assert exact <= high <= 2 * low
    assert diameter_bounds(PointSet(points[:1])) == (0.0, 0.0)


def test_measures():
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    head = LinearHead([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [1.0, 0.0])
    hull = FeatureHull(points)
    found = hull.project([[3.0, 0.0, 2.0], [0.25, 0.25, 0.0]])
    result = hull_measures(hull, found, head)
    np.testing.assert_allclose(result.distances, [np.sqrt(8), 0.0], atol=1e-12)
    np.testing.assert_allclose(result.to_diameter_low, [np.sqrt(4), 0.0], atol=1e-12)
    np.testing.assert_allclose(result.to_diameter_high, [np.sqrt(4), 0.0], atol=1e-12)
    np.testing.assert_allclose(result.nearest_distances, [np.sqrt(8), np.sqrt(0.125)])
    np.testing.assert_array_equal(result.nearest_rows, [1, 0])
    np.testing.assert_allclose(result.to_nearest, [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(result.radii, [3.5, 0.75])
    np.testing.assert_allclose(result.to_radius, [np.sqrt(8) / 3.5, 0.0], atol=1e-12)
    np.testing.assert_allclose(result.relevant_share[0], 0.5)
    np.testing.assert_allclose(result.null_share[0], 0.5)
    assert np.isnan(result.relevant_share[1])
    assert np.isnan(result.null_share[1])
    assert result.verify().all()
    assert not replace(result, distances=result.distances + 0.1).verify().any()
    assert not replace(result, nearest_rows=np.array([0, 1])).verify().any()
    assert not replace(result, radii=2 * result.radii).verify().any()


@pytest.mark.parametrize("seed", range(12))
def test_ties_close_the_gap(seed):
    """Small whole numbers make many equal prices; distances are the least all the same."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        points = rng.integers(-3, 4, (rng.integers(2, 25), rng.integers(1, 7))).astype(float)
        queries = rng.integers(-9, 10, (8, points.shape[1])) * 10.0
        found = FeatureHull(points).project(queries)
        assert found.verify().all()
        assert found.gaps.max() <= 1e-9
