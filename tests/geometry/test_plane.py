"""Slices, boundary planes and the lift."""

import daqp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds

from featurespace_widgets import FeatureSpace
from featurespace_widgets.geometry.cells import polygon_area

BOX = (-3.0, 3.0, -2.0, 2.0)


def random_space(seed, classes=5, d=6, n=120, relu=True):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d)) + 0.5
    features = np.maximum(features, 0) if relu else features
    weight, bias = rng.normal(size=(classes, d)), rng.normal(size=classes)
    labels = (features @ weight.T + bias).argmax(axis=1)
    labels[:classes] = np.arange(classes)
    domain = Bounds(0, np.inf) if relu else None
    return FeatureSpace.from_arrays(weight, bias, features, labels, domain=domain), rng


@given(st.integers(0, 10_000), st.integers(3, 8), st.integers(2, 9), st.booleans())
@settings(max_examples=80, deadline=None)
def test_boundary_plane_keeps_every_side_and_distance(seed, classes, d, relu):
    """Logit differences among the chosen classes depend on the projection alone, for any point."""
    space, rng = random_space(seed, classes, d, relu=relu)
    chosen = tuple(rng.permutation(classes)[: rng.integers(2, 4)])
    plane = space.boundary_plane(chosen)
    np.testing.assert_allclose(plane.basis @ plane.basis.T, np.eye(2), atol=1e-12)
    anywhere = rng.normal(size=(50, d)) * 10
    on_plane = plane.from_plane(plane.to_plane(anywhere))
    exact = list(plane.classes)
    assert set(chosen) <= set(exact)
    for points, projected in ((space.head.logits(anywhere), space.head.logits(on_plane)),):
        a, b = points[:, exact], projected[:, exact]
        np.testing.assert_allclose(a - a[:, :1], b - b[:, :1], atol=1e-9)


def test_two_features_make_all_classes_exact():
    space, _ = random_space(1, classes=7, d=2, relu=False)
    assert space.boundary_plane((0, 1, 2)).classes == tuple(range(7))


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_cells_and_domain_of_a_section_are_those_of_its_points(seed):
    space, rng = random_space(seed)
    plane = space.slice(rng.normal(size=(3, 6)) + 0.5)
    cells = plane.cells(BOX)
    assert sum(polygon_area(c.polygon) for c in cells) == pytest.approx(24.0)
    for cell in cells:
        logits = space.head.logits(plane.from_plane(cell.polygon))
        assert (logits.max(axis=1) - logits[:, cell.class_index] < 1e-9).all()
    polygon = plane.domain_polygon(BOX)
    points = rng.uniform((-3, -2), (3, 2), (300, 2))
    inside = (plane.from_plane(points) >= 0).all(axis=1)
    if len(polygon):
        assert plane.from_plane(polygon).min() >= -1e-9
    np.testing.assert_array_equal(within(polygon, points), inside)


def within(polygon, points):
    if not len(polygon):
        return np.zeros(len(points), bool)
    edges = np.roll(polygon, -1, axis=0) - polygon
    away = points[:, None] - polygon
    return (edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0] >= 0).all(axis=1)


def test_slice_maps_are_inverse_and_distances_those_of_geometry():
    space, rng = random_space(4)
    plane = space.slice(rng.normal(size=(3, 6)))
    st_ = rng.normal(size=(9, 2))
    np.testing.assert_allclose(plane.to_plane(plane.from_plane(st_)), st_, atol=1e-12)
    away = rng.normal(size=(9, 6))
    normal = away - (away @ plane.basis.T) @ plane.basis
    np.testing.assert_allclose(
        plane.distance(plane.from_plane(st_) + normal), np.linalg.norm(normal, axis=1), atol=1e-12
    )


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0, 0], [0, 0], [1, 1]], "coinciding"),
        ([[1, 1], [0, 0], [1, 1]], "coinciding"),
        ([[0, 0], [1, 1], [2, 2]], "one line"),
        ([[0, 0], [1, 1]], "3 feature vectors, received 2"),
        ([[0, 0, 0]] * 3, r"shape \(n, 2\), received shape \(3, 3\)"),
        ([[0, 0], [1, np.nan], [2, 0]], "finite"),
    ],
)
def test_points_that_span_no_plane_are_refused(points, message):
    with pytest.raises(ValueError, match=message):
        FeatureSpace.from_arrays(np.eye(2)).slice(points)


@pytest.mark.parametrize("classes", [(0,), (0, 0), (0, 1, 2, 3), (0, 9), ("a", "b"), (-1, 0)])
def test_class_choices_that_are_refused(classes):
    with pytest.raises(ValueError, match="classes must be"):
        random_space(0)[0].boundary_plane(classes)


def test_more_than_three_classes_are_told_why_not():
    with pytest.raises(
        ValueError, match="classes must be 2 or 3, received 4: a plane keeps the sides of three"
    ):
        random_space(0)[0].boundary_plane((0, 1, 2, 3))


def test_equal_rows_have_no_boundary_and_parallel_normals_still_have_a_plane():
    weight = np.array([[1.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0], [0, 1.0, 0]])
    space = FeatureSpace.from_arrays(weight, None, np.eye(3), [0, 2, 3])
    with pytest.raises(ValueError, match="equal weight rows"):
        space.boundary_plane((0, 1))
    plane = space.boundary_plane((0, 2, 3))
    assert plane.chosen == (0, 2, 3)
    parallel = FeatureSpace.from_arrays([[1.0, 0, 0], [2.0, 0, 0], [3.0, 0, 0]], None, np.eye(3))
    assert np.linalg.matrix_rank(parallel.boundary_plane((0, 1, 2)).basis) == 2


def test_without_samples_there_is_still_a_boundary_plane_through_a_tie():
    space = FeatureSpace.from_arrays(np.eye(3), [0.0, 1.0, 2.0])
    plane = space.boundary_plane((0, 1, 2))
    logits = space.head.logits(plane.origin)[0]
    np.testing.assert_allclose(logits, logits[0], atol=1e-12)


# the lift


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_lift_is_the_nearest_point_over_the_plane_point(seed):
    """Against a general QP solver: same point, exactly over (s, t), inside the domain."""
    space, _ = random_space(seed)
    plane = space.boundary_plane((0, 1, 2))
    targets = plane.to_plane(space.features[:10]) * 1.2
    lift = space.lift_result(plane, targets)
    lifter = space._lifters[plane]
    references = lifter.reference(targets)
    for k in np.flatnonzero(lift.verdicts == "yes"):
        y = lift.points[k]
        assert y.min() >= 0
        np.testing.assert_allclose(plane.to_plane(y), targets[k : k + 1], atol=1e-8)
        equalities = targets[k] + plane.basis @ plane.origin
        d = len(y)
        upper = np.concatenate([np.full(d, 1e30), equalities])
        lower = np.concatenate([np.zeros(d), equalities])
        solution, _, flag, _ = daqp.solve(
            np.eye(d), -references[k], plane.basis.copy(), upper, lower,
            np.concatenate([np.zeros(d, np.int32), np.full(2, 5, np.int32)]).astype(np.int32),
        )  # fmt: skip
        assert flag == 1
        np.testing.assert_allclose(y, solution, atol=1e-7)


def test_every_sample_can_be_lifted_over_its_own_shadow():
    space, _ = random_space(2, n=400)
    plane = space.boundary_plane((0, 1, 2))
    assert (space.lift_result(plane, plane.to_plane(space.features)).verdicts == "yes").all()


def test_lift_moves_continuously():
    space, _ = random_space(5, n=400)
    plane = space.boundary_plane((1, 2, 3))
    a, b = plane.to_plane(space.features[:2])
    steps = np.linspace(0, 1, 2001)[:, None]
    path = space.lift(plane, (1 - steps) * a + steps * b)
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 0.02 * np.linalg.norm(path[-1] - path[0])


def test_lift_outside_the_shadow_is_refused_with_a_proof():
    """With positive normals the shadow of the orthant is a wedge; beyond it nothing can be."""
    rng = np.random.default_rng(0)
    weight = np.array([[0.0, 0, 0], [1.0, 0.1, 0.5], [0.2, 1.0, 0.4]])
    space = FeatureSpace.from_arrays(weight, None, rng.uniform(0, 2, (60, 3)), domain=Bounds(0, np.inf))
    plane = space.boundary_plane((0, 1, 2))
    shadow = plane.domain_shadow((-5, 5, -5, 5))
    assert len(shadow) >= 3
    assert polygon_area(shadow) < 99.9
    grid = rng.uniform(-5, 5, (300, 2))
    verdicts = space.lift_result(plane, grid).verdicts
    np.testing.assert_array_equal(verdicts == "yes", within(shadow, grid))
    assert set(verdicts) == {"yes", "no"}
    assert np.isnan(space.lift(plane, grid[verdicts == "no"])).all()


@pytest.mark.parametrize("bounds", [Bounds(0, 1), Bounds([0, -1, 0], [2, 1, 1])])
def test_shadow_of_a_box_is_the_hull_of_its_projected_corners(bounds):
    from itertools import product

    from scipy.spatial import ConvexHull

    rng = np.random.default_rng(1)
    space = FeatureSpace.from_arrays(rng.normal(size=(3, 3)), domain=bounds)
    plane = space.boundary_plane((0, 1, 2))
    low, high = np.broadcast_to(bounds.lb, 3), np.broadcast_to(bounds.ub, 3)
    corners = np.array(list(product(*zip(low, high, strict=True))), float)
    hull = ConvexHull(plane.to_plane(corners))
    assert polygon_area(plane.domain_shadow((-9, 9, -9, 9))) == pytest.approx(hull.volume, rel=1e-9)
