"""Null shifts: margins stay, the domain is not left, and the ends are the farthest ones."""

import numpy as np
import pytest
from scipy.optimize import Bounds

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.null_shift import null_direction, null_shift


@pytest.mark.parametrize("seed", range(6))
def test_no_margin_changes_and_the_domain_is_kept(seed):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(4, 9)), rng.normal(size=4))
    features = np.maximum(rng.normal(size=(50, 9)), 0)
    direction = null_direction(head, features)
    domain, y = Bounds(np.zeros(9), np.full(9, np.inf)), features[0]
    shift = null_shift(head, domain, y, direction, np.full(9, 5.0))
    assert shift.verify()
    for share in (-1, -0.3, 0.7, 1):
        z = head.logits(np.vstack([y, shift.at(share)]))
        np.testing.assert_allclose(np.diff(z[0]), np.diff(z[1]), atol=1e-8)
        assert shift.at(share).min() >= -1e-9
    # No random move of the same kind goes farther.
    for _ in range(200):
        move = rng.normal(size=len(head.null_basis)) @ head.null_basis
        worst = min(
            [(5.0 / np.abs(move)).min(), *(-y[move < 0] / move[move < 0])] if (move < 0).any() else [5.0]
        )
        assert shift.limits[0] - 1e-7 <= worst * (move @ direction) <= shift.limits[1] + 1e-7


def test_a_straight_line_that_the_domain_stops_at_once_goes_round():
    """Features at zero block the direction itself; a move beside it is still possible."""
    head = LinearHead([[1.0, 0, 0, 0], [0, 0, 0, 0.0]])
    direction = np.array([0, 1.0, -1.0, 0]) / np.sqrt(2)
    shift = null_shift(head, Bounds(np.zeros(4), np.full(4, 3.0)), [1, 0, 0, 1], direction, np.full(4, 9.0))
    np.testing.assert_allclose(shift.ends, [[1, 0, 3, shift.ends[0, 3]], [1, 3, 0, shift.ends[1, 3]]])
    np.testing.assert_allclose(shift.limits, [-3 / np.sqrt(2), 3 / np.sqrt(2)])


def test_a_head_that_sees_everything_has_no_null_direction():
    assert null_direction(LinearHead(np.eye(3)[:, :2]), np.ones((4, 2))) is None
