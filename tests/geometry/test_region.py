"""Regions as polytopes: ball, emptiness and unboundedness against HiGHS."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, linprog

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.ball import largest_ball
from featurespace_widgets.geometry.region import Region


def domains(rng, d):
    mixed = Bounds(np.where(rng.random(d) < 0.5, 0, -np.inf), np.where(rng.random(d) < 0.5, 1, np.inf))
    fixed = Bounds(np.zeros(d), (rng.random(d) < 0.5).astype(float))
    return [None, Bounds(0, np.inf), Bounds(-1, 1), Bounds(0, 1), mixed, fixed]


def best(objective, rows, offsets):
    return linprog(objective, A_ub=-rows, b_ub=offsets, bounds=(None, None))


def small_region(seed, kind, classes, d):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.integers(-2, 3, (classes, d)), rng.integers(-2, 3, classes))
    return Region(head, domains(rng, d)[kind], 0)


cases = given(st.integers(0, 10_000), st.integers(0, 5), st.integers(2, 7), st.integers(2, 5))


@cases
@settings(max_examples=100, deadline=None)
def test_empty_and_unbounded_agree_with_highs(seed, kind, classes, d):
    region = small_region(seed, kind, classes, d)
    rows, offsets = region.halfspaces()
    empty, unbounded = region.is_empty(), region.is_unbounded()
    is_empty = best(np.zeros(d), rows, offsets).status == 2
    assert empty.verdict == ("yes" if is_empty else "no")
    ways = [sign * axis for axis in np.eye(d) for sign in (1.0, -1.0)]
    has_ray = not is_empty and any(best(way, rows, offsets).status == 3 for way in ways)
    assert unbounded.verdict == ("yes" if has_ray else "no")
    assert empty.verify()
    assert unbounded.verify()
    if has_ray:
        assert region.contains(unbounded.point + np.outer([1.0, 1e3], unbounded.direction)).all()


@cases
@settings(max_examples=100, deadline=None)
def test_the_ball_agrees_with_highs(seed, kind, classes, d):
    region = small_region(seed, kind, classes, d)
    rows, offsets = region.halfspaces()
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found = best(np.append(np.zeros(d), -1.0), np.hstack([rows, -lengths]), offsets)
    if found.status == 3:
        with pytest.raises(ValueError, match="balls of any size"):
            region.chebyshev_ball()
        return
    ball = region.chebyshev_ball()
    assert ball.verify()
    if found.status == 2 or -found.fun <= 1e-9:
        assert ball.verdict == "no"
        return
    centre, radius = ball
    assert ball.verdict == "yes"
    assert radius == pytest.approx(-found.fun, rel=1e-8)
    assert (rows @ centre + offsets >= radius * lengths[:, 0] - 1e-9).all()


def test_a_larger_ball_closes_its_gap():
    rng = np.random.default_rng(3)
    head = LinearHead(rng.normal(size=(60, 128)), rng.normal(size=60))
    ball = Region(head, Bounds(0, np.inf), 4).chebyshev_ball(box=Bounds(0, 2))
    assert ball.verdict == "yes"
    assert ball.gap <= 2e-9
    assert ball.verify()
    shell = ball.centre + ball.radius * np.array([v / np.linalg.norm(v) for v in rng.normal(size=(50, 128))])
    assert (head.predict(shell) == 4).all()
    for change in (
        {"radius": ball.radius * 1.001},
        {"upper_bound": ball.upper_bound * 0.999},
        {"centre": ball.centre + 0.01},
        {"multipliers": -ball.multipliers},
        {"multipliers": ball.multipliers * 0.9},
        {"verdict": "no"},
        {"verdict": "undecided"},
    ):
        assert not replace(ball, **change).verify()


def test_a_ball_that_all_of_many_half_spaces_touch():
    """More half-spaces touch it than the first program holds; then one moves until nothing is left."""
    rng = np.random.default_rng(4)
    normals = rng.normal(size=(300, 5))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    middle, box = rng.normal(size=5), np.full(5, 30.0)
    ball = largest_ball(3.0 * normals, 3.0 * (1.0 - normals @ middle), -box, box)
    assert ball.verdict == "yes"
    assert ball.verify()
    assert ball.radius == pytest.approx(1.0, abs=1e-8)
    np.testing.assert_allclose(ball.centre, middle, atol=1e-7)
    offsets = 1.0 - normals @ middle
    offsets[rng.integers(300)] -= 2.5
    empty = largest_ball(normals, offsets, -box, box)
    assert empty.verdict == "no"
    assert empty.verify()


@pytest.mark.parametrize("seed", range(4))
def test_balls_among_many_classes_agree_with_highs(seed):
    rng = np.random.default_rng(seed)
    classes, d = 150, 12
    head = LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes))
    region = Region(head, Bounds(0, 1), int(rng.integers(classes)))
    rows, offsets = region.halfspaces()
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found = best(np.append(np.zeros(d), -1.0), np.hstack([rows, -lengths]), offsets)
    ball = region.chebyshev_ball()
    assert ball.verify()
    assert ball.verdict == ("yes" if found.status == 0 and -found.fun > 0 else "no")
    if ball.verdict == "yes":
        assert ball.radius == pytest.approx(-found.fun, rel=1e-8)


def test_scaled_data_give_the_scaled_ball():
    rng = np.random.default_rng(5)
    rows, offsets = rng.normal(size=(9, 4)), rng.uniform(size=9)
    one = largest_ball(rows, offsets, np.zeros(4), np.ones(4))
    for scale in (1e-6, 1e6):
        ball = largest_ball(rows, offsets * scale, np.zeros(4), np.full(4, scale))
        assert ball.radius == pytest.approx(one.radius * scale, rel=1e-8)
        assert ball.verify()


def test_membership_agrees_with_predictions():
    rng = np.random.default_rng(2)
    head = LinearHead(rng.normal(size=(5, 6)), rng.normal(size=5))
    region = Region(head, Bounds(0, np.inf), 1)
    points = np.abs(rng.normal(size=(300, 6)))
    assert (region.contains(points) == (head.predict(points) == 1)).all()
    assert (region.contains(points.astype(np.float32)) == (head.predict(points) == 1)).all()
    assert not region.contains(-points).any()
    rows, offsets = region.halfspaces()
    assert rows.shape == (4 + 6, 6)
    assert ((points @ rows.T + offsets >= 0).all(axis=1) == region.contains(points)).all()


def test_tampered_verdicts_do_not_verify():
    crowded = Region(LinearHead([[-1.0, 0], [0, 0], [1.0, 0]], [0.0, -1.0, 0.0]), None, 1)
    empty = crowded.is_empty()
    assert empty.verdict == "yes"
    assert empty.verify()
    assert not replace(empty, multipliers=-empty.multipliers).verify()
    assert not replace(empty, multipliers=empty.multipliers * [1.0, 1.0, 0.5]).verify()
    assert not replace(empty, verdict="no").verify()
    assert not replace(empty, verdict="undecided").verify()
    cone = Region(LinearHead(np.eye(3)), Bounds(0, np.inf), 0).is_unbounded()
    assert cone.verify()
    assert not replace(cone, direction=-cone.direction).verify()
    assert not replace(cone, verdict="no", multipliers=np.ones(3)).verify()
    simplex = Region(LinearHead([[0.0, 0.0], [1.0, 1.0]], [1.0, 0.0]), Bounds(0, np.inf), 0).is_unbounded()
    assert simplex.verdict == "no"
    assert simplex.verify()
    assert not replace(simplex, multipliers=-simplex.multipliers).verify()
    assert not replace(simplex, verdict="yes", direction=np.ones(2)).verify()
    assert not replace(simplex, verdict="undecided").verify()


def test_bad_input_is_refused():
    head = LinearHead(np.eye(3))
    with pytest.raises(ValueError, match="classes must be 1 different"):
        Region(head, None, 3)
    with pytest.raises(ValueError, match="box must overlap"):
        Region(head, Bounds(0, 1), 0).chebyshev_ball(box=Bounds(2, 3))
    with pytest.raises(ValueError, match="features must have shape"):
        Region(head, None, 0).contains([[1.0, 2.0]])


def test_a_far_point_does_not_show_that_an_empty_region_holds_something():
    """Far out the offsets drown in a relative tolerance."""
    for weight, bias, domain in (
        (
            [[1, -2, -2], [-2, -1, 0], [1, -2, 1]], [0, -2, 2],
            Bounds([0, -np.inf, 0], [np.inf, np.inf, np.inf]),
        ),
        (
            [[0, -2, 0], [2, -2, -2], [-1, -1, -1], [-1, 2, -2], [0, -2, 1], [1, -1, -1]],
            [-2, 0, 2, -1, 1, 2],
            Bounds([0, -np.inf, -np.inf], [np.inf, 1, np.inf]),
        ),
    ):  # fmt: skip
        region = Region(LinearHead(weight, bias), domain, 0)
        empty = region.is_empty()
        assert empty.verdict == "yes"
        assert empty.verify()
        assert region.is_unbounded().verdict == "no"
