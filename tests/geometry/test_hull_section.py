"""The hull cut by a plane: against linear programs, exact cases, degenerate ones, tampered results."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.hull_section import section
from featurespace_widgets.geometry.plane import Slice


def flat(d, origin=None, basis=None):
    """The plane of the first two coordinates, or another one."""
    origin = np.zeros(d) if origin is None else np.asarray(origin, float)
    return Slice(LinearHead(np.eye(d)), None, origin, np.eye(d)[:2] if basis is None else basis, (0, 1))


def largest(points, plane, normal):
    """The linear program in full; None where the hull does not meet the plane."""
    away = points - plane.origin
    across = np.linalg.qr(plane.basis.T, mode="complete")[0][:, 2:].T
    system = np.vstack([(away @ across.T).T, np.ones(len(points))])
    right = np.append(np.zeros(len(across)), 1.0)
    found = linprog(-(away @ plane.basis.T @ normal), A_eq=system, b_eq=right)
    return -found.fun if found.status == 0 else None


@pytest.mark.parametrize(("n", "d"), [(40, 3), (300, 6), (800, 20)])
def test_against_linear_programs(n, d):
    rng = np.random.default_rng(n)
    points = rng.normal(size=(n, d))
    basis = np.linalg.qr(rng.normal(size=(d, 2)))[0].T
    plane = flat(d, points.mean(axis=0), basis)
    cut = section(points, plane, 24)
    assert cut.verdict == "yes"
    assert cut.verify()
    assert len(cut.normals) <= 24
    for k in range(0, len(cut.normals), 3):
        assert cut.offsets[k] == pytest.approx(largest(points, plane, cut.normals[k]), abs=1e-8)


def test_cube_is_cut_exactly():
    corners = np.array(np.meshgrid(*[[-1.0, 1.0]] * 4)).reshape(4, -1).T
    cut = section(corners, flat(4))
    assert sorted(map(tuple, cut.inner.round(9))) == [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    assert cut.gap <= cut.tolerance
    assert cut.verify()


def test_plane_is_the_space():
    points = np.random.default_rng(1).normal(size=(500, 2))
    cut = section(points, flat(2))
    hull = ConvexHull(points)
    assert sorted(map(tuple, cut.inner.round(9))) == sorted(map(tuple, points[hull.vertices].round(9)))
    assert cut.verify()
    assert cut.gap <= cut.tolerance


def test_missed_plane_has_a_separator():
    points = np.random.default_rng(2).normal(size=(200, 5)) + np.array([0, 0, 0, 9, 0])
    cut = section(points, flat(5))
    assert cut.verdict == "no"
    assert cut.verify()
    assert not len(cut.inner)
    assert not replace(cut, separator=-cut.separator).verify()
    assert not replace(cut, origin=points.mean(axis=0)).verify()


def test_dead_columns():
    points = np.random.default_rng(3).normal(size=(100, 5))
    points[:, 4] = 2.0
    assert section(points, flat(5)).verdict == "no"
    origin = [0, 0, 0, 0, 2.0]
    cut = section(points.astype(np.float32), flat(5, origin))
    assert cut.verdict == "yes"
    assert cut.verify()
    assert len(cut.inner) > 2
    tilted = flat(5, origin, np.array([[0.6, 0, 0, 0, 0.8], [0, 1.0, 0, 0, 0]]))
    line = section(points, tilted)
    assert line.verdict == "yes"
    assert line.verify()
    assert len(line.inner) == 2
    assert np.abs(line.inner[:, 0]).max() <= 1e-9


@pytest.mark.parametrize(
    ("points", "corners"),
    [
        ([[0.0, 0, 0]], 1),
        ([[1.0, 2, 0]] * 3, 1),
        ([[-1.0, 0, 0], [1, 0, 0]], 2),
        ([[1.0, 1, -1], [1, 1, 1]], 1),
        ([[0.0, 0, -1], [0, 0, 1], [2, 0, 0]], 2),
    ],
)
def test_points_and_segments(points, corners):
    cut = section(points, flat(3))
    assert cut.verdict == "yes"
    assert len(cut.inner) == corners
    assert cut.verify()
    assert cut.gap <= 1e-9


@given(st.lists(st.tuples(*[st.integers(-2, 2).map(float)] * 4), min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_small_whole_numbers(rows):
    points = np.array(rows)
    plane = flat(4)
    cut = section(points, plane, 12)
    assert cut.verify() or cut.verdict == "undecided"
    value = largest(points, plane, np.array([1.0, 0.0]))
    if cut.verdict == "yes":
        assert cut.inner[:, 0].max() == pytest.approx(value, abs=1e-7)
    if cut.verdict == "no":
        assert value is None


def test_tampered_results_fail():
    points = np.random.default_rng(5).normal(size=(200, 4))
    cut = section(points, flat(4))
    assert cut.verify()
    assert not replace(cut, inner=cut.inner * 1.01).verify()
    assert not replace(cut, outer=cut.outer * 0.99).verify()
    assert not replace(cut, offsets=cut.offsets * 0.99).verify()
    assert not replace(cut, proofs=cut.proofs[:, ::-1]).verify()
    assert not replace(cut, weights=tuple(w * 0.9 for w in cut.weights)).verify()
    assert not replace(cut, verdict="no").verify()
    assert not replace(cut, verdict="undecided").verify()


def test_bad_input():
    with pytest.raises(ValueError, match="space of the points"):
        section(np.zeros((3, 5)), flat(4))
    with pytest.raises(ValueError, match="at least 4"):
        section(np.zeros((3, 4)), flat(4), 3)
