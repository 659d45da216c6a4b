"""The head: logits, classes and the certified radius."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from featurespace_widgets import LinearHead


def random_head(seed, classes=5, d=4):
    rng = np.random.default_rng(seed)
    return LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes)), rng


@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(2, 6))
@settings(max_examples=100, deadline=None)
def test_radius_is_the_distance_to_the_nearest_boundary(seed, classes, d):
    """No point inside the ball changes class; just beyond the foot on the nearest boundary one does."""
    head, rng = random_head(seed, classes, d)
    y = rng.normal(size=d) * 3
    radius, own = head.radius(y)[0], head.predict(y)[0]
    directions = rng.normal(size=(200, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    assert (head.predict(y + 0.999999 * radius * directions) == own).all()
    feet = []
    for other in set(range(classes)) - {own}:
        normal = head.weight[own] - head.weight[other]
        gap = head.logits(y)[0, own] - head.logits(y)[0, other]
        feet.append(y - 1.000001 * gap / (normal @ normal) * normal)
    assert (head.predict(np.array(feet)) != own).any()
    assert min(np.linalg.norm(np.array(feet) - y, axis=1)) == pytest.approx(radius, rel=1e-5)


def test_degenerate_heads():
    equal = LinearHead([[1.0, 0], [1.0, 0], [0, 1.0]])
    assert equal.predict([[2.0, 1.0]])[0] == 0
    assert equal.radius([[2.0, 1.0]])[0] == pytest.approx(1 / np.sqrt(2))
    assert np.isinf(LinearHead(np.zeros((3, 2)), [0, 1, 0]).radius([[0.0, 0.0]])[0])
    one_logit = LinearHead([[1.0, 0.0]], [-1.0])
    assert one_logit.num_classes == 2
    assert one_logit.predict([[0.0, 0], [3.0, 0]]).tolist() == [0, 1]
    assert one_logit.radius([[3.0, 5.0]])[0] == pytest.approx(2.0)


def test_radius_agrees_with_a_linear_program():
    """The largest box-free ball by LP over the cell's half-spaces, centre fixed."""
    head, rng = random_head(3)
    for y in rng.normal(size=(20, head.dimension)):
        own = head.predict(y)[0]
        rivals = [k for k in range(head.num_classes) if k != own]
        normals = head.weight[own] - head.weight[rivals]
        gaps = head.logits(y)[0, own] - head.logits(y)[0, rivals]
        best = linprog([-1.0], A_ub=np.linalg.norm(normals, axis=1)[:, None], b_ub=gaps, bounds=[(0, None)])
        assert head.radius(y)[0] == pytest.approx(best.x[0], abs=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, np.nan], [0, 1]],), "weight must be finite, received 1 NaN"),
        (([[1, np.inf], [0, 1]],), "weight must be finite"),
        (([1.0, 2.0],), r"weight must have two dimensions, received shape \(2,\)"),
        (([[1.0], [2.0]],), r"d >= 2, received \(2, 1\)"),
        ((np.eye(2), [1.0, 2.0, 3.0]), r"bias must have shape \(2,\), received shape \(3,\)"),
        ((np.eye(2), None, ["a"]), "class_names must be 2 texts.*received 1 names"),
        ((np.eye(2), None, "ab"), "received the text 'ab'"),
        (("no numbers",), "weight must be an array of numbers"),
    ],
)
def test_bad_heads_are_refused_with_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        LinearHead(*arguments)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"features must have shape \(n, 2\), received shape \(1, 3\)"):
        LinearHead(np.eye(2)).logits(np.ones((1, 3)))


@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_relevant_and_null_directions(seed, classes, d):
    """Null moves change no logit difference; the two bases together are an orthonormal basis."""
    head, rng = random_head(seed, classes, d)
    relevant, null = head.relevant_basis, head.null_basis
    both = np.vstack([relevant, null])
    np.testing.assert_allclose(both @ both.T, np.eye(d), atol=1e-12)
    assert len(relevant) == min(classes - 1, d)  # random rows
    centred = head.weight - head.weight.mean(axis=0)
    assert np.linalg.norm(centred @ relevant.T, axis=0).min() > 1e-9
    y = rng.normal(size=d)
    before, after = head.logits(np.array([y, y + rng.normal(size=len(null)) * 10 @ null]))
    np.testing.assert_allclose(before - before[0], after - after[0], atol=1e-9)


def test_normal_lengths_of_near_and_equal_rows_are_exact():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(30, 200)) + 100
    weight[1] = weight[0]
    weight[2] = weight[0]
    weight[2, 3] += 1e-7
    head = LinearHead(weight)
    exact = np.linalg.norm(weight[:, None] - weight, axis=2)
    np.testing.assert_allclose(head.pair_norms, exact, rtol=1e-11)
    assert head.pair_norms[0, 1] == 0


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_depth_is_the_radius_inside_and_negative_outside(seed, classes):
    head, rng = random_head(seed, classes)
    y = rng.normal(size=(30, head.dimension)) * 2
    own = head.predict(y)
    for k in range(classes):
        depth = head.depth(y, k)
        np.testing.assert_allclose(depth[own == k], head.radius(y)[own == k], rtol=1e-12)
        assert (depth[own != k] < 0).all()
