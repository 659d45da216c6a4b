"""Hull against hull, class hulls against cells, faces through a hull."""

from dataclasses import replace

import daqp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from featurespace_widgets.geometry.faces_through_hull import faces_through_hull
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.hull_pairs import separate, spoilers

small = st.lists(st.tuples(*[st.integers(-2, 2).map(float)] * 3), min_size=1, max_size=7)


def meets(first, second):
    """Whether two hulls meet, by a linear program."""
    n, m = len(first), len(second)
    system = np.vstack([np.hstack([first.T, -second.T]), np.repeat(np.eye(2), [n, m], axis=1)])
    right = np.append(np.zeros(first.shape[1]), [1.0, 1.0])
    return linprog(np.zeros(n + m), A_eq=system, b_eq=right).status == 0


@pytest.mark.parametrize(("n", "d"), [(30, 2), (400, 8), (20, 50)])
def test_margin_against_daqp(n, d):
    rng = np.random.default_rng(n)
    first, second = rng.normal(size=(n, d)), rng.normal(size=(n, d))
    first[:, 0] += 12.0
    pair = separate(first, second)
    assert pair.verdict == "apart"
    assert pair.verify()
    system = np.vstack([np.hstack([first, np.ones((n, 1))]), -np.hstack([second, np.ones((n, 1))])])
    cost = np.eye(d + 1)
    cost[d, d] = 1e-10
    found = daqp.solve(
        cost, np.zeros(d + 1), np.ascontiguousarray(system), np.full(2 * n, 1e30), np.ones(2 * n),
        np.zeros(2 * n, np.int32),
    )  # fmt: skip
    assert pair.gap == pytest.approx(2.0 / np.linalg.norm(found[0][:d]), rel=1e-7)
    assert pair.distance == pytest.approx(pair.gap, rel=1e-11)


@given(small, small)
@settings(max_examples=80, deadline=None)
def test_small_whole_numbers(first, second):
    pair = separate(first, second)
    assert pair.verdict != "undecided"
    assert pair.verify()
    assert (pair.verdict == "meet") == meets(np.array(first), np.array(second))


def test_tampered_pairs_fail():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(50, 4)), rng.normal(size=(60, 4))
    meet, apart = separate(first, second), separate(first + 9.0, second.astype(np.float32))
    assert meet.verdict == "meet"
    assert meet.verify()
    assert apart.verdict == "apart"
    assert apart.verify()
    assert not replace(meet, first=first + 0.1).verify()
    assert not replace(meet, verdict="apart").verify()
    assert not replace(apart, gap=1.01 * apart.gap).verify()
    assert not replace(apart, normal=-apart.normal).verify()
    assert not replace(apart, verdict="meet").verify()
    assert not replace(apart, verdict="undecided").verify()
    with pytest.raises(ValueError, match="same space"):
        separate(first, second[:, :3])


def test_spoilers():
    rng = np.random.default_rng(1)
    head = LinearHead(rng.normal(size=(4, 6)), rng.normal(size=4))
    features = rng.normal(size=(200, 6)).astype(np.float32)
    labels = head.predict(features)
    clean = spoilers(head, features, labels, 1)
    assert clean.verdict == "yes"
    assert clean.verify()
    assert not len(clean.spoilers)
    labels[:] = 1
    mixed = spoilers(head, features, labels, 1)
    assert mixed.verdict == "no"
    assert mixed.verify()
    assert (mixed.predicted == head.predict(features)[mixed.spoilers]).all()
    assert (mixed.predicted != 1).all()
    assert not replace(mixed, spoilers=mixed.spoilers[1:]).verify()
    assert not replace(mixed, verdict="yes").verify()
    assert spoilers(head, features, labels, 2).verdict == "undecided"
    with pytest.raises(ValueError, match="labels must be"):
        spoilers(head, features, labels[:3], 2)


def crosses(logits, i, j):
    """Largest t with ``z_i = z_j, z_i - z_k >= t`` in the hull of logits; None where there is no tie."""
    others = np.delete(np.arange(logits.shape[1]), [i, j])
    upper = np.hstack([-(logits[:, [i]] - logits[:, others]).T, np.ones((len(others), 1))])
    system = np.vstack([np.append(logits[:, i] - logits[:, j], 0.0), np.append(np.ones(len(logits)), 0.0)])
    cost = np.append(np.zeros(len(logits)), -1.0)
    bounds = [(0, None)] * len(logits) + [(None, 1e3)]
    found = linprog(cost, upper, np.zeros(len(others)), system, [0.0, 1.0], bounds)
    return -found.fun if found.status == 0 else None


@pytest.mark.parametrize("seed", range(6))
def test_faces_against_linear_programs(seed):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(7, 5)), rng.normal(size=7))
    points = 0.6 * rng.normal(size=(40, 5)) + rng.normal(size=5)
    faces = faces_through_hull(head, points)
    assert faces.verify().sum() == 42
    for i in range(7):
        for j in range(i):
            value = crosses(head.logits(points), i, j)
            assert (faces.verdicts[i, j] == "yes") == (value is not None and value >= 0)
    assert all(len(weights) <= 7 for weights in faces.weights.values())
    for pair in faces.weights:
        wrong = {key: w[::-1] * 0.9 for key, w in faces.weights.items()}
        assert not replace(faces, weights=wrong).verify()[pair]
    for pair in faces.proofs:
        assert not replace(faces, proofs={pair: -faces.proofs[pair]}).verify()[pair]


def test_degenerate_heads():
    points = np.random.default_rng(3).normal(size=(30, 3))
    two = faces_through_hull(LinearHead([[1.0, 0, 0]]), points)
    assert two.verdicts[0, 1] == "yes"
    assert two.verify()[0, 1]
    away = faces_through_hull(LinearHead([[1.0, 0, 0]]), points + 9)
    assert away.verdicts[0, 1] == "no"
    assert away.verify()[0, 1]
    equal = faces_through_hull(LinearHead(np.ones((3, 3))), points)
    assert (equal.verdicts[0, 1:] == "yes").all()
    assert equal.verify().sum() == 6
    shifted = faces_through_hull(LinearHead(np.ones((3, 3)), [0.0, 1.0, 2.0]), points[:1])
    assert (shifted.verdicts[0, 1:] == "no").all()
    assert shifted.verify().sum() == 6
