"""Neighbouring classes: every pair with a witness or a proof, checked against HiGHS."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, linprog

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.adjacency import adjacency


def oracle(head, domain, i, j):
    """``max t : z_i = z_j, z_i - z_k >= t, t <= 1, y in Omega`` is positive."""
    weight, bias, d = head.weight, head.bias, head.dimension
    others = np.delete(np.arange(head.num_classes), [i, j])
    lower, upper = (-np.inf, np.inf) if domain is None else (domain.lb, domain.ub)
    box = np.column_stack([np.broadcast_to(lower, d), np.broadcast_to(upper, d)])
    found = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.column_stack([weight[others] - weight[i], np.ones(len(others))]) if len(others) else None,
        b_ub=bias[i] - bias[others] if len(others) else None,
        A_eq=np.append(weight[i] - weight[j], 0.0)[None],
        b_eq=[bias[j] - bias[i]],
        bounds=[*box, (None, 1.0)],
    )
    return found.status == 0 and -found.fun > 1e-9


def domains(rng, d):
    mixed = Bounds(np.where(rng.random(d) < 0.5, 0, -np.inf), np.where(rng.random(d) < 0.5, 1, np.inf))
    fixed = Bounds(np.zeros(d), (rng.random(d) < 0.5).astype(float))
    return [None, Bounds(0, np.inf), Bounds(-1, 1), Bounds(0, 1), mixed, fixed]


def agrees(head, domain, found):
    count = head.num_classes
    right = found.verify()
    assert (found.adjacent == found.adjacent.T).all()
    for i in range(count):
        for j in range(i + 1, count):
            assert found.verdicts[i, j] == ("yes" if oracle(head, domain, i, j) else "no")
            assert right[i, j]


@given(st.integers(0, 10_000), st.integers(0, 5), st.integers(2, 7), st.integers(2, 5), st.booleans())
@settings(max_examples=70, deadline=None)
def test_small_whole_numbers_agree_with_highs(seed, kind, classes, d, with_features):
    """Equal and zero rows, equal biases, fixed features and domains of a single point are common here."""
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.integers(-2, 3, (classes, d)), rng.integers(-2, 3, classes))
    domain = domains(rng, d)[kind]
    features = None
    if with_features:
        features = rng.normal(size=(20, d))
        features = features if domain is None else np.clip(features, domain.lb, domain.ub)
    agrees(head, domain, adjacency(head, domain, features))


@pytest.mark.parametrize(
    ("classes", "d", "kind"), [(12, 3, 0), (12, 3, 1), (15, 8, 1), (15, 8, 2), (10, 20, 1)]
)
def test_random_heads_agree_with_highs(classes, d, kind):
    rng = np.random.default_rng(classes * d)
    head = LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes))
    domain = [None, Bounds(0, np.inf), Bounds(-1, 1)][kind]
    agrees(head, domain, adjacency(head, domain))


def test_independent_rows_all_meet_in_all_of_space():
    rng = np.random.default_rng(0)
    head = LinearHead(rng.normal(size=(60, 64)), rng.normal(size=60))
    found = adjacency(head)
    assert (found.adjacent == ~np.eye(60, dtype=bool)).all()
    assert found.verify().all()
    witness = found.witness(7, 3)
    logits = np.sort(head.logits(witness.point)[0])
    assert logits[-1] == pytest.approx(logits[-2], abs=1e-9)
    assert witness.margin == pytest.approx(logits[-2] - logits[-3])


def test_features_give_witnesses_inside_the_domain():
    rng = np.random.default_rng(1)
    centres = np.maximum(rng.normal(size=(40, 64)), 0)
    features = np.maximum(np.repeat(centres, 30, axis=0) + 0.1 * rng.normal(size=(1200, 64)), 0)
    head = LinearHead(centres, -0.5 * np.square(centres).sum(axis=1))
    found = adjacency(head, Bounds(0, np.inf), features.astype(np.float32))
    assert found.adjacent.sum() == 40 * 39
    assert found.verify().all()
    assert found.witness(0, 39).point.min() >= 0


def test_one_class_between_two_others_is_proven():
    head = LinearHead([[-1.0, 0], [0, 0], [1.0, 0]], [-1.0, 0, -1.0])
    found = adjacency(head)
    proof = found.proof(2, 0)
    assert proof.classes.tolist() == [1]
    assert proof.bound == pytest.approx(-1.0)
    with pytest.raises(ValueError, match="have no witness"):
        found.witness(0, 2)
    with pytest.raises(ValueError, match="have no proof"):
        found.proof(0, 1)
    with pytest.raises(ValueError, match="2 different"):
        found.witness(0, 0)


def test_two_classes():
    assert adjacency(LinearHead([[1.0, 0.0]])).adjacent[0, 1]
    apart = adjacency(LinearHead(np.zeros((2, 2)), [1.0, 0.0]))
    assert apart.verdicts[0, 1] == "no"
    assert apart.verify().all()
    never = adjacency(LinearHead([[1.0, 1.0], [0.0, 0.0]], [1.0, 0.0]), Bounds(0, np.inf))
    assert never.verdicts[0, 1] == "no"
    assert never.verify().all()


def test_no_time_is_undecided_and_claims_nothing():
    head = LinearHead([[-1.0, 0], [0, 0], [1.0, 0]], [-1.0, 0, -1.0])
    found = adjacency(head, seconds=0.0)
    assert found.verdicts[0, 2] == "undecided"
    assert not found.adjacent[0, 2]
    assert not found.verify()[0, 2]


def test_tampered_results_do_not_verify():
    head = LinearHead([[-1.0, 0], [0, 0], [1.0, 0]], [-1.0, 0, -1.0])
    found = adjacency(head, Bounds(-3, 3))
    assert found.verify().all()
    signs = found.signs.copy()
    signs[0, 2] = signs[2, 0] = 1
    assert not replace(found, signs=signs).verify()[0, 2]
    signs[0, 2] = signs[2, 0] = -1
    signs[0, 1] = signs[1, 0] = -1
    assert not replace(found, signs=signs).verify()[0, 1]
    assert not replace(found, shares=found.shares + 0.1).verify()[0, 1]
    assert not replace(found, points=found.points + 0.1).verify()[0, 1]
    proof = found.proof(0, 2)
    for false in (replace(proof, multipliers=-proof.multipliers), replace(proof, tie=proof.tie + 1.0)):
        assert not replace(found, proofs={(0, 2): false}).verify()[0, 2]
