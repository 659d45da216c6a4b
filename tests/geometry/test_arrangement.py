"""Distances and angles of boundaries against textbook forms."""

import numpy as np
import pytest

from featurespace_widgets.geometry.arrangement import class_angles, normal_angles, pair_distances
from featurespace_widgets.geometry.head import LinearHead


def test_a_step_of_that_length_along_the_normal_makes_the_pair_tie():
    rng = np.random.default_rng(0)
    head, y = LinearHead(rng.normal(size=(6, 4)), rng.normal(size=6)), rng.normal(size=4)
    distances = pair_distances(head, y, [4, 1, 2])
    assert np.array_equal(distances, distances.T)
    for a, i in enumerate([4, 1, 2]):
        for b, j in enumerate([4, 1, 2]):
            if i != j:
                normal = head.weight[j] - head.weight[i]
                sign = np.sign(head.logits(y)[0, i] - head.logits(y)[0, j])
                z = head.logits(y + sign * distances[a, b] * normal / np.linalg.norm(normal))[0]
                assert z[i] == pytest.approx(z[j], abs=1e-9)


def test_equal_rows_have_no_boundary_and_no_angle():
    head = LinearHead([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, 1.0, 0.0])
    assert np.isposinf(pair_distances(head, [0.5, 0.5], [0, 1, 2])[0, 1])
    angles = normal_angles(head, 0, [1, 2])
    assert np.isnan(angles[0]).all()
    assert angles[1, 1] == 0


def test_angles_keep_their_digits_near_zero():
    tiny = 1e-9
    head = LinearHead([[0.0, 0.0], [1.0, 0.0], [1.0, tiny]])
    assert normal_angles(head, 0, [1, 2])[0, 1] == pytest.approx(np.degrees(tiny), rel=1e-6)


def test_classes_of_a_simplex_are_equally_far_apart():
    angles = class_angles(LinearHead(np.eye(5)), range(5))
    off = angles[~np.eye(5, dtype=bool)]
    np.testing.assert_allclose(off, np.degrees(np.arccos(-1 / 4)), atol=1e-9)
