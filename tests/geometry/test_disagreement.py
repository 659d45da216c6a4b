"""Two heads on the planes through the same images: overlaps of exact cells."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import Bounds

from featurespace_widgets.geometry.cells import polygon_area, window
from featurespace_widgets.geometry.disagreement import TRIANGLE, disagreement
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.plane import section_plane
from featurespace_widgets.geometry.polygons import intersection

EXTENT = (-0.4, 1.4, -0.3, 1.2)


def make(seed, classes=6):
    rng = np.random.default_rng(seed)
    heads = tuple(LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes)) for d in (5, 9))
    corners = tuple(np.abs(rng.normal(size=(3, d))) for d in (5, 9))
    domains = (None, Bounds(0, np.inf))
    return heads, corners, disagreement(heads, domains, corners, EXTENT)


def blends(points):
    """Weights of the triangle's corners, solved for each point."""
    matrix = np.vstack([TRIANGLE.T, np.ones(3)])
    return np.array([np.linalg.solve(matrix, [s, t, 1.0]) for s, t in points])


def holds(polygon, points):
    side = np.roll(polygon, -1, axis=0) - polygon
    away = points[:, None] - polygon
    return (side[:, 0] * away[..., 1] - side[:, 1] * away[..., 0] >= 0).all(axis=1)


@pytest.mark.parametrize("seed", range(6))
def test_the_region_is_where_both_heads_predict_differently(seed):
    heads, corners, found = make(seed)
    assert found.verify()
    rng = np.random.default_rng(seed)
    points = rng.uniform([EXTENT[0], EXTENT[2]], [EXTENT[1], EXTENT[3]], size=(4000, 2))
    weights = blends(points)
    seen = [head.predict(weights @ corner) for head, corner in zip(heads, corners, strict=True)]
    differ = seen[0] != seen[1]
    covered = np.any([holds(polygon, points) for polygon in found.regions], axis=0)
    assert (covered == differ).mean() > 0.999  # but for points on an edge
    assert found.share() == pytest.approx(differ.mean(), abs=0.03)
    inside = holds(TRIANGLE, points)
    assert found.share(TRIANGLE) == pytest.approx(differ[inside].mean(), abs=0.05)


def test_a_cell_is_that_of_the_slice_through_the_same_features():
    """Areas of cells within the triangle, as shares of it, agree with those of `section_plane`."""
    heads, corners, found = make(1)
    for head, corner, cells in zip(heads, corners, found.cells, strict=True):
        plane = section_plane(head, None, corner)
        st = plane.to_plane(corner)
        low, high = st.min(axis=0) - 1, st.max(axis=0) + 1
        others = {c.class_index: c.polygon for c in plane.cells((low[0], high[0], low[1], high[1]))}
        for cell in cells:
            part = intersection(cell.polygon, TRIANGLE)
            if len(part):
                share = polygon_area(part) / polygon_area(TRIANGLE)
                other = polygon_area(intersection(others[cell.class_index], st)) / polygon_area(st)
                assert share == pytest.approx(other, abs=1e-9)


def test_the_domain_is_where_no_feature_is_negative():
    _, corners, found = make(2)
    assert np.array_equal(found.domains[0], window(EXTENT))
    points = np.random.default_rng(0).uniform([-0.4, -0.3], [1.4, 1.2], size=(2000, 2))
    allowed = (blends(points) @ corners[1] >= 0).all(axis=1)
    assert (holds(found.domains[1], points) == allowed).mean() > 0.999


def test_the_same_head_nowhere_disagrees_and_a_permuted_one_does():
    heads, corners, _ = make(3)
    same = disagreement((heads[0], heads[0]), (None, None), (corners[0], corners[0]), EXTENT)
    assert same.share() == 0.0
    turned = LinearHead(heads[0].weight[::-1], heads[0].bias[::-1])
    other = disagreement((heads[0], turned), (None, None), (corners[0], corners[0]), EXTENT)
    assert other.share() == pytest.approx(1.0)


def test_features_that_span_no_plane_have_a_partition_too():
    """In a model that sees two of the images alike the classes are stripes."""
    heads, corners, _ = make(4)
    flat = corners[0][[0, 1, 1]]
    found = disagreement((heads[0], heads[0]), (None, None), (flat, corners[0]), EXTENT)
    assert found.verify()


def test_a_changed_overlap_is_caught():
    _, _, found = make(5)
    first = found.overlaps[0]
    wrong = replace(first, classes=((first.classes[0] + 1) % 6, first.classes[1]))
    assert not replace(found, overlaps=(wrong, *found.overlaps[1:])).verify()
    assert not replace(found, overlaps=found.overlaps[1:]).verify()


def test_heads_with_other_classes_are_refused():
    heads, corners, _ = make(0)
    with pytest.raises(ValueError, match="same classes, received 6 and 3"):
        disagreement((heads[0], LinearHead(np.eye(3))), (None, None), (corners[0], np.eye(3)), EXTENT)


def test_convex_polygons_that_only_touch_have_no_common_part():
    square = window((0, 1, 0, 1))
    assert polygon_area(intersection(square, window((0.5, 2, 0.25, 2)))) == pytest.approx(0.375)
    touching = intersection(square, window((1, 2, 0, 1)))
    assert not len(touching) or polygon_area(touching) == 0
    assert not len(intersection(square, window((2, 3, 0, 1))))
