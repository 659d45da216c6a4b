"""Class intervals of a segment: exact, whatever the head."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.path import path

numbers = st.integers(-3, 3).map(float)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=8), st.tuples(*[numbers] * 4))
@settings(max_examples=300, deadline=None)
def test_rational_arithmetic_agrees(rows, ends):
    """Inside every interval its class is among the winners, and at interval ends the logits tie."""
    rows = np.array(rows)
    head = LinearHead(rows[:, :2], rows[:, 2])
    found = path(head, ends[:2], ends[2:])
    assert found.verify()
    assert len(set(found.classes.tolist())) == len(found.classes)
    a, b = [Fraction(v) for v in ends[:2]], [Fraction(v) for v in ends[2:]]
    start = [Fraction(u) * a[0] + Fraction(v) * a[1] + Fraction(c) for u, v, c in rows]
    end = [Fraction(u) * b[0] + Fraction(v) * b[1] + Fraction(c) for u, v, c in rows]
    for left, right, own in zip(found.breakpoints, found.breakpoints[1:], found.classes, strict=False):
        t = (Fraction(float(left)) + Fraction(float(right))) / 2
        values = [(1 - t) * p + t * q for p, q in zip(start, end, strict=True)]
        assert values[own] == max(values)
        assert own == values.index(max(values))  # the lowest index where classes tie throughout
    for t, before, after in zip(found.breakpoints[1:-1], found.classes, found.classes[1:], strict=False):
        slope = (end[after] - start[after]) - (end[before] - start[before])
        assert float((start[before] - start[after]) / slope) == pytest.approx(t, abs=1e-14)


@pytest.mark.parametrize(("classes", "d"), [(2, 2), (10, 64), (1000, 1280)])
def test_dense_sampling_agrees(classes, d):
    rng = np.random.default_rng(classes)
    head = LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes))
    found = path(head, rng.normal(size=d), rng.normal(size=d))
    t = rng.uniform(size=300)
    assert (head.predict(found.points(t)) == found.class_at(t)).all()
    assert found.verify()


def test_equal_rows_zero_rows_and_one_point():
    rng = np.random.default_rng(0)
    row = rng.normal(size=33)
    head = LinearHead(np.array([-row, row, row, row, 0 * row]))
    found = path(head, -row, row)
    assert found.classes.tolist() == [0, 1]
    assert found.breakpoints == pytest.approx([0, 0.5, 1])
    still = path(head, row, row)
    assert still.classes.tolist() == [1]
    assert still.verify()
    assert path(LinearHead(np.zeros((3, 2))), [0, 0], [1, 1]).classes.tolist() == [0]


def test_tampered_paths_do_not_verify():
    found = path(LinearHead(np.eye(3)), [1.0, 0, 0], [0, 0, 1.0])
    assert found.classes.tolist() == [0, 2]
    assert not replace(found, breakpoints=np.array([0, 0.6, 1])).verify()
    assert not replace(found, classes=np.array([0, 1])).verify()
    assert not replace(found, classes=np.array([0]), breakpoints=np.array([0, 1.0])).verify()
    assert not replace(found, breakpoints=np.array([0, 0.5, 0.9])).verify()
    assert not replace(found, classes=np.array([0, 2, 0]), breakpoints=np.array([0, 0.5, 0.6, 1])).verify()


def test_bad_ends_are_refused():
    head = LinearHead(np.eye(2))
    with pytest.raises(ValueError, match="a must have shape"):
        path(head, [1.0], [0.0, 1.0])
    with pytest.raises(ValueError, match="b must be finite"):
        path(head, [1.0, 0.0], [np.nan, 1.0])
