"""Cells of a slice: exact, whatever the head."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurespace_widgets.geometry.cells import polygon_area, upper_envelope

WINDOW = (-1.0, 2.0, -1.5, 1.0)
AREA = 3.0 * 2.5
VECTORS = Path(__file__).parents[2] / "featurespace_widgets/widgets/frontend/test/vectors.json"


def check_tiling(planes, extent=WINDOW, tolerance=1e-9):
    """Every vertex is won by its own class, areas sum to the window, inner edges occur from both sides."""
    planes = np.asarray(planes, float)
    cells = upper_envelope(planes, extent)
    area = (extent[1] - extent[0]) * (extent[3] - extent[2])
    corners = np.array([[extent[i], extent[j]] for i in (0, 1) for j in (2, 3)])
    scale = np.ptp(planes[:, :1] + planes[:, 1:] @ corners.T) + 1e-300
    edges = set()
    for cell in cells:
        values = planes[:, :1] + planes[:, 1:] @ cell.polygon.T
        assert (values.max(axis=0) - values[cell.class_index]).max() <= tolerance * scale
        for k, neighbour in enumerate(cell.neighbours):
            a, b = cell.polygon[k], cell.polygon[(k + 1) % len(cell.polygon)]
            if neighbour >= 0:
                edges.add((cell.class_index, neighbour))
                gap = planes[cell.class_index] - planes[neighbour]
                assert np.abs(gap[0] + np.array([a, b]) @ gap[1:]).max() <= tolerance * scale
    assert sum(polygon_area(cell.polygon) for cell in cells) == pytest.approx(area, rel=tolerance)
    shown = {cell.class_index for cell in cells}
    assert {(i, j) for i, j in edges if j in shown} == {(j, i) for i, j in edges if j in shown}
    return cells


numbers = st.integers(-4, 4).map(float)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=9))
@settings(max_examples=300, deadline=None)
def test_degenerate_planes_tile_the_window(planes):
    """Small whole numbers make ties, equal and parallel planes and shared vertices common."""
    check_tiling(planes)


@pytest.mark.parametrize("count", [2, 10, 100, 1000])
def test_random_planes(count):
    rng = np.random.default_rng(count)
    cells = check_tiling(rng.normal(size=(count, 3)))
    inside = rng.uniform((-1, -1.5), (2, 1), (500, 2))
    assert len(cells) <= count
    for cell in cells:  # no class wins a random point outside its cell
        edges = np.roll(cell.polygon, -1, axis=0) - cell.polygon
        cross = edges[:, 0] * (inside[:, None, 1] - cell.polygon[:, 1]) - edges[:, 1] * (
            inside[:, None, 0] - cell.polygon[:, 0]
        )
        within = (cross > 1e-9).all(axis=1)
        assert within.any() or polygon_area(cell.polygon) < 0.05 * AREA


def test_boundary_along_the_window_edge_and_through_a_corner():
    assert [c.class_index for c in check_tiling([[1, 1, 0], [0, 0, 0]])] == [0]
    cells = check_tiling([[0, 1, 0], [0, 0, 1]], (0.0, 1.0, 0.0, 1.0))
    assert [polygon_area(c.polygon) for c in cells] == pytest.approx([0.5, 0.5])


def test_four_classes_meeting_in_one_vertex():
    cells = check_tiling([[0, 1, 0], [0, 0, 1], [0, -1, 0], [0, 0, -1]], (-1.0, 1.0, -1.0, 1.0))
    assert [polygon_area(c.polygon) for c in cells] == pytest.approx([1.0] * 4)
    for cell in cells:
        assert np.abs(cell.polygon).sum(axis=1).min() == pytest.approx(0.0, abs=1e-12)


def test_a_function_that_only_ties_along_an_edge_is_no_neighbour():
    """The second one touches the envelope on the line that the first and the third share."""
    cells = check_tiling([[0, 4, 4], [-1, 2, 3], [-4, -4, 0], [0, 0, -1], [0, 0, -2]])
    assert 1 not in {cell.class_index for cell in cells}
    assert 1 not in {neighbour for cell in cells for neighbour in cell.neighbours}


def test_equal_functions_go_to_the_lowest_index():
    assert [c.class_index for c in check_tiling([[0, 1, 0], [0, 1, 0], [0, -1, 0], [0, -1, 0]])] == [0, 2]


def rational_winner(planes, point):
    values = [Fraction(c) + Fraction(a) * point[0] + Fraction(b) * point[1] for c, a, b in planes]
    return {k for k, value in enumerate(values) if value == max(values)}


@given(
    st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=6),
    st.integers(0, 7),
    st.integers(0, 7),
)
@settings(max_examples=200, deadline=None)
def test_rational_arithmetic_agrees(planes, i, j):
    """At a rational point that only one class wins, that class's cell and no other holds it."""
    point = (Fraction(-1) + Fraction(3 * (2 * i + 1), 16), Fraction(-3, 2) + Fraction(5 * (2 * j + 1), 32))
    winners = rational_winner(planes, point)
    here = np.array([float(point[0]), float(point[1])])
    holders = set()
    for cell in upper_envelope(np.array(planes), WINDOW):
        edges = np.roll(cell.polygon, -1, axis=0) - cell.polygon
        away = here - cell.polygon
        if (edges[:, 0] * away[:, 1] - edges[:, 1] * away[:, 0] >= -1e-9).all():
            holders.add(cell.class_index)
    assert holders & winners
    if len(winners) == 1 and not any(
        tuple(planes[k]) == tuple(planes[next(iter(winners))]) for k in range(len(planes)) if k not in winners
    ):
        assert holders == winners


def test_one_class_and_equal_values_everywhere():
    assert [c.class_index for c in check_tiling([[3, 0, 0]])] == [0]
    assert [c.class_index for c in check_tiling([[1, 0, 0]] * 3)] == [0]


@pytest.mark.parametrize("extent", [(0, 0, 0, 1), (1, 0, 0, 1), (0, 1, 0, np.nan), (0, 1, 2)])
def test_a_window_without_area_is_refused(extent):
    with pytest.raises(ValueError, match="extent"):
        upper_envelope(np.eye(3), extent)


def shared_cases():
    """Problems and answers that the JavaScript walk is compared with."""
    rng = np.random.default_rng(7)
    problems = [rng.normal(size=(count, 3)) for count in (2, 3, 10, 10, 40, 300)]
    problems += [
        np.array([[0, 1, 0], [0, 0, 1], [0, -1, 0], [0, 0, -1.0]]),
        np.array([[1, 1, 0], [0, 0, 0.0]]),
    ]
    return [
        {
            "logits": planes.tolist(),
            "extent": list(WINDOW),
            "cells": [
                {"classIndex": cell.class_index, "polygon": cell.polygon.tolist()}
                for cell in upper_envelope(planes, WINDOW)
            ],
        }
        for planes in problems
    ]


def test_vectors_shared_with_the_browser_are_up_to_date():
    """Written once by ``python -m tests.geometry.test_cells``; the node tests read the same file."""
    stored = json.loads(VECTORS.read_text())["cases"]
    for old, new in zip(stored, shared_cases(), strict=True):
        assert [c["classIndex"] for c in old["cells"]] == [c["classIndex"] for c in new["cells"]]
        for a, b in zip(old["cells"], new["cells"], strict=True):
            np.testing.assert_allclose(a["polygon"], b["polygon"], atol=1e-12)


if __name__ == "__main__":
    VECTORS.write_text(json.dumps({"cases": shared_cases()}) + "\n")
