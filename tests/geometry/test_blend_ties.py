"""Blends of training points at which classes tie: against programs over all points, and their proofs."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from featurespace_widgets.geometry.blend_ties import ambiguous_blend
from featurespace_widgets.geometry.head import LinearHead


def oracle(head, features, y, classes):
    """Least spread over all points at once by HiGHS, None where there is no such blend."""
    features = np.asarray(features, dtype=float)
    logits = head.logits(features)
    first, others = classes[0], [k for k in range(head.num_classes) if k not in classes]
    equal = np.vstack([*(logits[:, first] - logits[:, k] for k in classes[1:]), np.ones(len(features))])
    above = np.array([logits[:, k] - logits[:, first] for k in others]).reshape(len(others), len(features))
    found = linprog(
        np.square(features - y).sum(axis=1),
        A_eq=equal,
        b_eq=np.append(np.zeros(len(classes) - 1), 1.0),
        A_ub=above if len(others) else None,
        b_ub=np.zeros(len(others)) if len(others) else None,
        method="highs",
    )
    return found.fun if found.status == 0 else None


def check(head, features, y, classes):
    """A blend against the oracle; returns it."""
    blend = ambiguous_blend(head, features, y, classes)
    expected = oracle(head, features, y, classes)
    assert blend.verdict == ("no" if expected is None else "yes")
    assert blend.verify()
    if expected is not None:
        assert blend.spread == pytest.approx(expected, rel=1e-8, abs=1e-9)
        assert blend.bound <= blend.spread
        assert blend.gap <= 1e-8
        assert len(blend.indices) <= head.num_classes
        assert blend.distance**2 <= blend.spread * (1 + 1e-9)
        logits = head.logits(blend.point)[0]
        assert np.ptp(logits[list(classes)]) <= 1.01 * blend.tolerance
        assert logits.max() <= logits[classes[0]] + 1.01 * blend.tolerance
    return blend


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("num_classes", "dimension", "count"), [(3, 2, 40), (5, 8, 300), (12, 20, 400)])
def test_agrees_with_the_program_over_all_points(seed, num_classes, dimension, count):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(num_classes, dimension)), rng.normal(size=num_classes))
    features = np.maximum(rng.normal(size=(count, dimension)) + 0.3, 0.0)
    for size in {2, 3, num_classes}:
        classes = tuple(rng.choice(num_classes, size, replace=False).tolist())
        check(head, features, rng.normal(size=dimension), classes)


def test_classes_that_no_blend_reaches_are_refused_with_a_proof():
    head = LinearHead(np.eye(3))
    features = np.array([[3.0, 1.0, 0.0], [4.0, 2.0, 1.0], [5.0, 0.0, 2.0]])
    blend = check(head, features, np.zeros(3), (0, 1))
    assert blend.verdict == "no"
    assert not len(blend.indices)
    assert np.isnan(blend.point).all()
    # The proof speaks of all points: with one more on the other side it does not hold.
    more = np.vstack([features, [0.0, 9.0, 0.0]])
    assert not replace(blend, features=more).verify()
    assert check(head, more, np.zeros(3), (0, 1)).verdict == "yes"


def test_a_tie_below_a_third_class_is_none():
    head = LinearHead([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    low, high = [[1.0, -1.0], [-1.0, -1.0]], [[1.0, 3.0], [-1.0, 3.0]]
    assert check(head, low, [0.0, 0.0], (0, 1)).verdict == "yes"
    assert check(head, high, [0.0, 0.0], (0, 1)).verdict == "no"


def exact_least_spread(weight, points, y, classes):
    """The least spread over blends of two points, in rational numbers; None where there is none."""
    points = [[Fraction(v) for v in row] for row in points]
    logits = [[sum(Fraction(w) * v for w, v in zip(row, p, strict=True)) for row in weight] for p in points]
    squares = [sum((v - Fraction(t)) ** 2 for v, t in zip(p, y, strict=True)) for p in points]
    a, b = classes
    found = [squares[i] for i, z in enumerate(logits) if z[a] == z[b]]
    for i, j in combinations(range(len(points)), 2):
        left, right = logits[i][a] - logits[i][b], logits[j][a] - logits[j][b]
        if left * right < 0:
            share = right / (right - left)
            found.append(share * squares[i] + (1 - share) * squares[j])
    return min(found, default=None)


@given(
    points=st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=1, max_size=7),
    weight=st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=2, max_size=2),
    y=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
)
def test_two_classes_in_rational_arithmetic(points, weight, y):
    """Duplicates, collinear points, equal and zero rows of W, a tie at a point itself."""
    blend = ambiguous_blend(LinearHead(weight), points, y, (0, 1))
    expected = exact_least_spread(weight, points, y, (0, 1))
    assert blend.verdict == ("no" if expected is None else "yes")
    assert blend.verify()
    if expected is not None:
        assert blend.spread == pytest.approx(float(expected), abs=1e-9)


@given(st.data())
def test_small_degenerate_cases_agree_with_the_program_over_all_points(data):
    whole = st.integers(-2, 2)
    num_classes, dimension = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 3))
    count = data.draw(st.integers(1, 6))
    head = LinearHead(
        data.draw(
            st.lists(
                st.lists(whole, min_size=dimension, max_size=dimension),
                min_size=num_classes,
                max_size=num_classes,
            )
        ),
        data.draw(st.lists(whole, min_size=num_classes, max_size=num_classes)),
    )
    features = np.array(
        data.draw(
            st.lists(st.lists(whole, min_size=dimension, max_size=dimension), min_size=count, max_size=count)
        ),
        dtype=float,
    )
    classes = data.draw(st.permutations(range(num_classes)))[: data.draw(st.integers(2, num_classes))]
    check(head, features, np.zeros(dimension), tuple(classes))


def test_memory_mapped_features_are_read_in_place(tmp_path):
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(5000, 16)).astype(np.float32)
    stored.tofile(tmp_path / "features.f32")
    mapped = np.memmap(tmp_path / "features.f32", np.float32, "r", shape=(5000, 16))
    head = LinearHead(rng.normal(size=(6, 16)))
    blend = check(head, mapped, np.zeros(16), (0, 2, 5))
    assert blend.features is mapped
    assert blend.verdict == "yes"


def test_tampered_answers_do_not_verify():
    rng = np.random.default_rng(3)
    head = LinearHead(rng.normal(size=(4, 5)))
    blend = ambiguous_blend(head, rng.normal(size=(200, 5)), rng.normal(size=5), (1, 3))
    assert blend.verify()
    shifted = blend.weights + np.linspace(-1e-4, 1e-4, len(blend.weights))
    for change in (
        {"weights": shifted},
        {"indices": blend.indices[::-1]},
        {"point": blend.point + 1e-6},
        {"logits": blend.logits + 1e-6},
        {"classes": (0, 2)},
        {"spread": blend.spread * 0.999},
        {"bound": blend.spread * 1.001},
        {"proof": 10 * blend.proof},
        {"verdict": "no"},
        {"verdict": "undecided"},
    ):
        assert not replace(blend, **change).verify(), change


@pytest.mark.parametrize(
    ("features", "y", "classes", "message"),
    [
        (np.eye(2), [0, 0, 0], (0, 1), "3 columns"),
        (np.eye(3), [0, 0], (0, 1), "y must"),
        (np.eye(3), [0, 0, np.nan], (0, 1), "y must"),
        (np.eye(3), [0, 0, 0], (0,), "2 to 3 different indices"),
        (np.eye(3), [0, 0, 0], (0, 0), "class"),
        (np.eye(3), [0, 0, 0], (0, 7), "class"),
    ],
)
def test_bad_input_is_refused(features, y, classes, message):
    with pytest.raises(ValueError, match=message):
        ambiguous_blend(LinearHead(np.eye(3)), features, y, classes)
