"""Ties inside a hull: against programs over all points, in rational arithmetic, degenerate, tampered."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from featurespace_widgets.geometry.blend_ties import ambiguous_blend
from featurespace_widgets.geometry.head import LinearHead


def random_case(n, d, count, seed):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(count, d)), 0.3 * rng.normal(size=count))
    return head, np.maximum(rng.normal(size=(n, d)), 0), np.maximum(rng.normal(size=d), 0)


def least_spread(head, points, y, classes):
    """The linear program over all points; None where it has no solution."""
    logits = head.logits(points)
    tied = [k for k in classes if k != classes[0]]
    others = [k for k in range(head.num_classes) if k not in classes]
    system = np.vstack([(logits[:, [classes[0]]] - logits[:, tied]).T, np.ones(len(points))])
    found = linprog(
        np.square(points - y).sum(axis=1),
        A_ub=(logits[:, others] - logits[:, [classes[0]]]).T if others else None,
        b_ub=np.zeros(len(others)) if others else None,
        A_eq=system,
        b_eq=np.append(np.zeros(len(tied)), 1.0),
        method="highs",
    )
    return found.fun if found.status == 0 else None


@pytest.mark.parametrize(("n", "d", "count"), [(300, 3, 3), (2000, 10, 6), (30, 50, 4), (500, 20, 12)])
def test_against_linear_programs(n, d, count):
    head, points, y = random_case(n, d, count, n)
    verdicts = set()
    for size in range(2, count + 1):
        found = ambiguous_blend(head, points, y, range(size))
        value = least_spread(head, points, y, range(size))
        assert found.verdict == ("no" if value is None else "yes")
        assert found.verify()
        verdicts.add(found.verdict)
        if value is not None:
            assert found.spread == pytest.approx(value, rel=1e-8)
            assert found.gap <= 1e-10
            assert len(found.indices) <= count
            assert found.distance**2 <= found.spread
            assert np.ptp(found.logits[:size]) <= found.tolerance
            assert found.logits.max() <= found.logits[0] + found.tolerance
    assert "yes" in verdicts


def test_two_classes_in_rational_arithmetic():
    """With two classes a basic solution blends one point or two: all of them are tried, as fractions."""
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(40):
        weight, bias = rng.integers(-3, 4, (2, 3)), rng.integers(-2, 3, 2)
        points, y = rng.integers(-3, 4, (6, 3)), rng.integers(-3, 4, 3)
        slopes = [Fraction(int(s)) for s in points @ (weight[0] - weight[1]) + bias[0] - bias[1]]
        costs = [Fraction(int(c)) for c in np.square(points - y).sum(axis=1)]
        values = [c for s, c in zip(slopes, costs, strict=True) if s == 0]
        for s, c in zip(slopes, costs, strict=True):
            for t, e in zip(slopes, costs, strict=True):
                if s > 0 > t:
                    share = -t / (s - t)
                    values.append(share * c + (1 - share) * e)
        found = ambiguous_blend(LinearHead(weight, bias), points, y, [0, 1])
        assert found.verdict == ("yes" if values else "no")
        assert found.verify()
        seen.add(found.verdict)
        if values:
            assert found.spread == pytest.approx(float(min(values)), rel=1e-11, abs=1e-12)
    assert seen == {"yes", "no"}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_degenerate(data):
    """Among small whole numbers equal and zero rows, duplicates and constant columns are common."""
    whole = st.integers(-2, 2).map(float)
    d, count = data.draw(st.integers(2, 4)), data.draw(st.integers(2, 4))
    vector = st.lists(whole, min_size=d, max_size=d)
    weight = np.array(data.draw(st.lists(vector, min_size=count, max_size=count)))
    bias = np.array(data.draw(st.lists(whole, min_size=count, max_size=count)))
    points = np.array(data.draw(st.lists(vector, min_size=1, max_size=8)))
    y = np.array(data.draw(vector))
    classes = data.draw(st.permutations(range(count)))[: data.draw(st.integers(2, count))]
    head = LinearHead(weight, bias)
    found = ambiguous_blend(head, points, y, classes)
    value = least_spread(head, points, y, classes)
    assert found.verdict == ("no" if value is None else "yes")
    assert found.verify()
    if value is not None:
        assert found.spread == pytest.approx(value, rel=1e-8, abs=1e-8)


def test_memory_mapped_features(tmp_path):
    head, points, y = random_case(4000, 8, 5, 0)
    np.save(tmp_path / "features.npy", points.astype(np.float32))
    stored = np.load(tmp_path / "features.npy", mmap_mode="r")
    found = ambiguous_blend(head, stored, y, [1, 3])
    assert np.shares_memory(found.features, stored)
    assert found.verify()
    assert found.spread == pytest.approx(least_spread(head, np.asarray(stored, float), y, [1, 3]), rel=1e-8)


@pytest.mark.parametrize("size", [1e-30, 1e-6, 1e6, 1e30])
def test_any_unit_of_length(size):
    head, points, y = random_case(400, 6, 4, 2)
    plain = ambiguous_blend(head, points, y, [0, 1])
    scaled = ambiguous_blend(LinearHead(head.weight / size, head.bias), size * points, size * y, [0, 1])
    assert scaled.verdict == plain.verdict == "yes"
    assert scaled.verify()
    assert scaled.spread == pytest.approx(plain.spread * size**2, rel=1e-9)


def test_tampered_answers_do_not_verify():
    head, points, y = random_case(500, 5, 4, 1)
    yes = ambiguous_blend(head, points, y, [0, 1])
    no = ambiguous_blend(head, points[head.predict(points) == 2], y, [0, 1])
    assert (yes.verdict, no.verdict) == ("yes", "no")
    assert yes.verify()
    assert no.verify()
    for wrong in (
        {"point": yes.point + 1e-6}, {"logits": yes.logits + 1e-3}, {"weights": 1.001 * yes.weights},
        {"indices": yes.indices - 1}, {"spread": 1.001 * yes.spread}, {"bound": 1.001 * yes.bound},
        {"classes": (2, 3)}, {"gap": 0.5}, {"proof": -yes.proof}, {"verdict": "no"},
        {"verdict": "undecided"},
    ):  # fmt: skip
        assert not replace(yes, **wrong).verify(), wrong
    for wrong in ({"proof": -no.proof}, {"proof": 0 * no.proof}, {"verdict": "yes"}, {"features": points}):
        assert not replace(no, **wrong).verify(), wrong


@pytest.mark.parametrize(
    ("points", "y", "classes", "message"),
    [
        (np.zeros((3, 4)), [0.0] * 3, [0, 1], "3 columns"),
        (np.zeros((3, 3)), [0.0] * 2, [0, 1], "shape"),
        (np.zeros((3, 3)), [0.0, 0.0, 1e150], [0, 1], "within 1e\\+120"),
        (np.zeros((3, 3)), [0.0] * 3, [0], "2 to 3"),
        (np.zeros((3, 3)), [0.0] * 3, [1, 1], "different"),
        (np.zeros((0, 3)), [0.0] * 3, [0, 1], "n >= 1"),
    ],
)
def test_bad_input(points, y, classes, message):
    with pytest.raises(ValueError, match=message):
        ambiguous_blend(LinearHead(np.eye(3)), points, y, classes)
