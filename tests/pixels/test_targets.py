"""Target sets: projections against an independent solver, points that are in their set."""

from dataclasses import replace
from itertools import pairwise

import daqp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.geometry.region import Region
from featurespace_widgets.pixels.targets import (
    BallTarget,
    HullTarget,
    PointTarget,
    ProjectedTarget,
    TieTarget,
    as_target,
    cell,
    half_space,
    polytope,
)


def quadratic_program(y, rows, offsets, equal=0, lower=None):
    """Nearest point with ``rows @ y + offsets >= 0``, the first ones equal to zero, by DAQP."""
    d = len(y)
    above = np.full(len(rows), 1e30)
    above[:equal] = -offsets[:equal]
    low = np.full(d, -1e30) if lower is None else np.full(d, lower)
    sense = np.concatenate([np.zeros(d), np.where(np.arange(len(rows)) < equal, 5, 0)]).astype(np.int32)
    x, _, flag, _ = daqp.solve(
        np.eye(d), -y, np.ascontiguousarray(rows), np.concatenate([np.full(d, 1e30), above]),
        np.concatenate([low, -offsets]), sense,
    )  # fmt: skip
    assert flag in (1, -1)
    return x if flag == 1 else None  # minus one: infeasible


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("classes", [(2,), (0, 3), (1, 2, 4)])
def test_cells_faces_and_ties_against_daqp(seed, classes):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(6, 8)), rng.normal(size=6))
    y = rng.normal(size=8)
    target = TieTarget(head, Bounds(0, np.inf), classes)
    found = target.nearest(y)
    others = list(classes[1:]) + [k for k in range(6) if k not in classes]
    rows, offsets = head.weight[classes[0]] - head.weight[others], head.bias[classes[0]] - head.bias[others]
    expected = quadratic_program(y, rows, offsets, len(classes) - 1, 0.0)
    assert found.verdict == ("no" if expected is None else "yes")
    if expected is None:
        return
    assert np.allclose(found.point, expected, atol=1e-8)
    assert target.contains(found)
    assert not target.contains(replace(found, point=found.point - 1e-3))


@pytest.mark.parametrize("seed", range(4))
def test_polytopes_and_half_spaces_against_daqp(seed):
    rng = np.random.default_rng(seed)
    rows, y = rng.normal(size=(5, 7)), 3 * rng.normal(size=7)
    offsets = 1.0 - rows @ rng.normal(size=7)
    for target, used in ((polytope(rows, offsets), 5), (half_space(rows[0], offsets[0]), 1)):
        found = target.nearest(y)
        assert np.allclose(found.point, quadratic_program(y, rows[:used], offsets[:used]), atol=1e-8)
        assert target.contains(found)


def test_a_deep_cell_is_that_deep():
    rng = np.random.default_rng(0)
    head = LinearHead(rng.normal(size=(5, 9)), rng.normal(size=5))
    for index in range(5):
        target = cell(head, None, index, depth=0.5)
        point = target.nearest(rng.normal(size=9)).point
        assert head.depth(point[None], index)[0] >= 0.5 - 1e-8
        assert Region(head, None, index).contains(point[None])[0]


def test_a_cell_met_at_the_origin():
    """What is left there by rounding is small beside the vector that came from afar, not beside the point."""
    target = TieTarget(LinearHead(np.array([[0.0, -1.0], [0.0, 0.0], [0.0, 0.0]]), np.zeros(3)), None, [0])
    found = target.nearest(np.array([0.0, 1.0]))
    assert found.verdict == "yes"
    assert target.contains(found)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_degenerate_cells(data):
    numbers = st.integers(-2, 2)
    rows = data.draw(st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=2, max_size=4))
    bias = data.draw(st.lists(numbers, min_size=len(rows), max_size=len(rows)))
    y = np.array(data.draw(st.lists(numbers, min_size=2, max_size=2)), float)
    target = TieTarget(LinearHead(np.array(rows, float), np.array(bias, float)), None, [0])
    found = target.nearest(y)
    assert found.verdict in ("yes", "no", "undecided")
    if found.verdict == "yes":
        assert target.contains(found)
    if found.verdict == "no":  # no grid point may be in it
        grid = np.stack(np.meshgrid(*[np.arange(-8, 9)] * 2), -1).reshape(-1, 2)
        logits = grid @ np.array(rows).T + np.array(bias)
        assert not (logits[:, 0] >= logits.max(axis=1)).any()


def test_balls():
    ball = BallTarget([1.0, 1.0, 0.0], 2.0)
    inside, outside = np.array([1.0, 2.0, 1.0]), np.array([1.0, 1.0, 9.0])
    assert np.array_equal(ball.nearest(inside).point, inside)
    assert np.allclose(ball.nearest(outside).point, [1.0, 1.0, 2.0])
    assert ball.contains(ball.nearest(outside))
    assert not ball.contains(replace(ball.nearest(outside), point=outside))


def test_hulls_keep_their_witness():
    rng = np.random.default_rng(3)
    points = rng.normal(size=(40, 5))
    target = as_target(FeatureHull(points, rows=range(20)), 5)
    assert isinstance(target, HullTarget)
    found = target.nearest(np.full(5, 9.0))
    assert target.contains(found)
    assert not target.contains(replace(found, point=found.point + 1e-6))
    assert not target.contains(replace(found, witness=None))
    whole = HullTarget(FeatureHull(points)).nearest(points[30])
    assert not target.contains(whole)  # its weights are on rows that do not span this hull


def test_what_may_be_a_target():
    head = LinearHead(np.eye(3))
    assert isinstance(as_target(np.ones(3), 3), PointTarget)
    assert isinstance(as_target(lambda y: y, 3), ProjectedTarget)
    found = as_target(Region(head, None, 1), 3)
    assert isinstance(found, TieTarget)
    assert found.classes == (1,)
    clipped = ProjectedTarget(lambda y: np.clip(y, 0, 1), 3)
    assert clipped.contains(clipped.nearest(np.full(3, 5.0)))
    assert not clipped.contains(replace(clipped.nearest(np.full(3, 5.0)), point=np.full(3, 5.0)))


def test_an_empty_cell_is_proven_empty():
    head = LinearHead([[0.0, 0.0], [0.0, 0.0]], [0.0, 1.0])
    assert TieTarget(head, None, [0]).nearest(np.zeros(2)).verdict == "no"


def test_bad_input():
    head = LinearHead(np.eye(3))
    for call, word in (
        (lambda: BallTarget([0.0, 0.0], -1.0), "radius"),
        (lambda: TieTarget(head, None, []), "classes"),
        (lambda: TieTarget(head, None, [3]), "classes"),
        (lambda: cell(head, None, 0, depth=-1.0), "depth"),
        (lambda: polytope(np.eye(3), np.ones(2)), "offsets"),
        (lambda: as_target(BallTarget([0.0, 0.0], 1.0), 3), "3 features"),
        (lambda: as_target([1.0, np.nan, 0.0], 3), "finite"),
        (lambda: ProjectedTarget(lambda y: y[:2], 3).nearest(np.zeros(3)), "projection"),
    ):
        with pytest.raises(ValueError, match=word):
            call()


def test_repeated_projection_stays():
    rng = np.random.default_rng(5)
    head = LinearHead(rng.normal(size=(4, 6)), rng.normal(size=4))
    target = TieTarget(head, Bounds(0, np.inf), [0, 2])
    points = [rng.normal(size=6)]
    for _ in range(3):
        points.append(target.nearest(points[-1]).point)
    for before, after in pairwise(points[1:]):
        assert np.allclose(before, after, atol=1e-9)
