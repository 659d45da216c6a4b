"""Closest boundary points and ties: distances against DAQP, proofs, degenerate heads."""

from dataclasses import replace

import daqp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.faces import faces
from featurespace_widgets.geometry.projection import Multipliers
from featurespace_widgets.geometry.ties import ambiguous

ORTHANT = Bounds(0, np.inf)


def oracle(head, domain, y, tied):
    """DAQP's distance to the closest tie, infinite where there is none, and its exit flag."""
    d = head.dimension
    order = [*tied[1:], *np.setdiff1d(np.arange(head.num_classes), tied)]
    rows, offsets = head.weight[tied[0]] - head.weight[order], head.bias[tied[0]] - head.bias[order]
    low, up = (-1e30, 1e30) if domain is None else (np.maximum(domain.lb, -1e30), np.minimum(domain.ub, 1e30))
    lower = np.concatenate([np.broadcast_to(low, d), -offsets])
    upper = np.concatenate([np.broadcast_to(up, d), np.full(len(offsets), 1e30)])
    sense = np.zeros(len(lower), np.int32)
    equal = slice(d, d + len(tied) - 1)
    upper[equal], sense[equal] = lower[equal], 5
    point, _, flag, _ = daqp.solve(np.eye(d), -y, np.ascontiguousarray(rows), upper, lower, sense)
    return (float(np.linalg.norm(point - y)) if flag > 0 else np.inf), flag


def problem(seed, classes, d, domain):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes))
    y = rng.normal(size=d) * 2
    return head, y if domain is None else np.clip(y, domain.lb, domain.ub), rng


@given(
    st.integers(0, 10_000),
    st.integers(2, 9),
    st.integers(2, 9),
    st.sampled_from([None, ORTHANT, Bounds(-0.5, 0.7)]),
)
@settings(max_examples=80, deadline=None)
def test_faces_agree_with_a_general_solver(seed, classes, d, domain):
    head, y, _ = problem(seed, classes, d, domain)
    found = faces(head, domain, y)
    assert found.class_index == head.predict(y)[0]
    for j in set(range(classes)) - {found.class_index}:
        distance, flag = oracle(head, domain, y, [found.class_index, j])
        assert found.verify()[j]
        if flag > 0:
            assert found.distance[j] == pytest.approx(distance, rel=1e-7, abs=1e-8)
        elif flag == -1:  # infeasible
            assert found.verdicts[j] == "no"
            assert np.isinf(found.distance[j])


@given(st.integers(0, 10_000), st.integers(3, 7), st.integers(2, 8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_ties_agree_with_a_general_solver(seed, classes, d, relu):
    domain = ORTHANT if relu else None
    head, y, rng = problem(seed, classes, d, domain)
    chosen = rng.permutation(classes)[: rng.integers(2, classes + 1)].tolist()
    found = ambiguous(head, domain, y, chosen)
    distance, flag = oracle(head, domain, y, chosen)
    assert found.verify() == (found.verdict != "undecided")
    if found.verdict == "undecided":
        return
    if found.verdict == "yes":
        logits = head.logits(found.point)[0]
        assert np.ptp(logits[chosen]) < 1e-8 * (1 + np.abs(logits).max())
        assert logits.max() - logits[chosen[0]] < 1e-8 * (1 + np.abs(logits).max())
    if flag > 0:
        assert found.verdict == "yes"
        assert found.distance == pytest.approx(distance, rel=1e-7, abs=1e-8)
    elif flag == -1:
        assert found.verdict == "no"


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_degenerate_heads_never_mislead(data):
    """Equal, zero and collinear rows, no bias, small whole numbers: each claim verifies."""
    numbers = st.integers(-2, 2).map(float)
    classes, d = data.draw(st.integers(2, 5)), data.draw(st.integers(2, 4))
    weight = data.draw(
        st.lists(st.lists(numbers, min_size=d, max_size=d), min_size=classes, max_size=classes)
    )
    head = LinearHead(weight, data.draw(st.lists(numbers, min_size=classes, max_size=classes)))
    y = np.array(data.draw(st.lists(st.integers(0, 3).map(float), min_size=d, max_size=d)))
    domain = data.draw(st.sampled_from([None, ORTHANT, Bounds(0, 2)]))
    if domain is not None:
        y = np.clip(y, domain.lb, domain.ub)
    found = faces(head, domain, y)
    claimed = found.verdicts != "undecided"
    np.testing.assert_array_equal(found.verify(), claimed)
    for j in np.flatnonzero(claimed):
        distance, flag = oracle(head, domain, y, [found.class_index, int(j)])
        if found.verdicts[j] == "yes" and flag > 0:
            assert found.distance[j] == pytest.approx(distance, rel=1e-6, abs=1e-6)


def test_no_face_is_left_undecided():
    for seed in range(200):
        head, y, _ = problem(seed, 2 + seed % 8, 2 + seed // 8 % 8, ORTHANT)
        found = faces(head, ORTHANT, y)
        others = np.arange(head.num_classes) != found.class_index
        assert (found.verdicts[others] != "undecided").all()
        assert found.verify()[others].all()


@pytest.mark.parametrize(("seed", "classes", "d", "domain", "j"), [
    (2725, 7, 6, ORTHANT, 1), (6093, 7, 3, None, 4), (100567, 9, 4, ORTHANT, 4), (102735, 9, 3, None, 4),
])  # fmt: skip
def test_nearly_parallel_normals_are_decided(seed, classes, d, domain, j):
    """Faces thousands of units away, with multipliers up to 1e8."""
    head, y, _ = problem(seed, classes, d, domain)
    found = faces(head, domain, y)
    distance, _ = oracle(head, domain, y, [found.class_index, j])
    assert found.verdicts[j] == "yes"
    assert found.verify()[j]
    assert found.distance[j] == pytest.approx(distance, rel=1e-7)


def test_equal_rows_touch_everywhere_or_nowhere():
    head = LinearHead([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.0, 0.0, -1.0, 0.0])
    found = faces(head, None, [3.0, 1.0])
    assert found.class_index == 0
    assert found.distance[1] == 0
    assert found.verdicts.tolist() == ["undecided", "yes", "no", "yes"]
    assert found.verify().tolist() == [False, True, True, True]


def test_the_nearest_face_is_the_certified_radius_without_a_domain():
    head, y, _ = problem(5, 8, 20, None)
    found = faces(head, None, y)
    assert np.nanmin(found.distance) == pytest.approx(head.radius(y)[0], rel=1e-9)


def test_classes_that_do_not_meet_in_the_domain_are_proved_apart():
    head = LinearHead([[1.0, 1.0], [0.0, 0.0]], [1.0, 0.0])  # they tie where the sum is -1
    found = faces(head, ORTHANT, [1.0, 1.0])
    assert found.verdicts[1] == "no"
    assert not found.feasible[1]
    assert found.verify()[1]
    assert faces(head, None, [1.0, 1.0]).feasible[1]
    tie = ambiguous(head, ORTHANT, [1.0, 1.0], [0, 1])
    assert tie.verdict == "no"
    assert tie.verify()


def test_tampered_answers_do_not_verify():
    head, y, _ = problem(1, 6, 5, ORTHANT)
    found = faces(head, ORTHANT, y)
    right = found.verify()
    assert right.sum() >= 3
    j = int(np.flatnonzero(right & (found.verdicts == "yes"))[-1])
    assert not replace(found, distance=found.distance * 0.99).verify()[j]
    assert not replace(found, points=found.points + 1e-3).verify()[j]
    empty = Multipliers(np.empty(0, np.intp), np.empty(0))
    assert not replace(found, certificate=(empty,) * 6).verify()[j]
    assert not replace(found, verdicts=np.full(6, "no")).verify()[j]


@pytest.mark.parametrize("classes", [[0], [0, 0], [0, 9], [0, 1, 2, 3, 4, 5]])
def test_choices_of_classes_that_are_refused(classes):
    with pytest.raises(ValueError, match="classes must be"):
        ambiguous(LinearHead(np.eye(5)), None, np.ones(5), classes)
    with pytest.raises(ValueError, match=r"y must have shape \(5,\)"):
        faces(LinearHead(np.eye(5)), None, np.ones(4))
