"""Faces, ties, largest balls and adjacency of tiny heads against rational arithmetic by enumeration."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.adjacency import adjacency
from featurespace_widgets.geometry.ball import largest_ball
from featurespace_widgets.geometry.faces import faces
from featurespace_widgets.geometry.ties import ambiguous

whole = st.integers(-2, 2)


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def solve(matrix, right):
    """Gauss elimination; None where there is no single solution."""
    rows = [[*map(Fraction, row), Fraction(r)] for row, r in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((i for i in range(k, len(rows)) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(len(rows)):
            if i != k and rows[i][k]:
                share = rows[i][k] / rows[k][k]
                rows[i] = [a - share * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] / row[k] for k, row in enumerate(rows)]


def least_square(y, equal, above):
    """Least ``|p - y|^2`` with rows (c, a): ``c + a . p = 0`` and ``>= 0``; None where there is no point.

    The nearest point is the projection on some of the rows that are tight there and independent.
    """
    best = None
    for count in range(len(y) + 1):
        for chosen in combinations([*equal, *above], count):
            values = [-(c + dot(a, y)) for c, a in chosen]
            forces = solve([[dot(a, b) for _, b in chosen] for _, a in chosen], values)
            if forces is None:
                continue
            move = [dot(forces, column) for column in zip(*(a for _, a in chosen), strict=True)] or [0] * len(
                y
            )
            point = [a + b for a, b in zip(y, move, strict=True)]
            if all(c + dot(a, point) == 0 for c, a in equal) and all(
                c + dot(a, point) >= 0 for c, a in above
            ):
                square = dot(move, move)
                best = square if best is None else min(best, square)
    return best


def sides(domain, d):
    """Rows (c, a) of the bounds of a domain of whole numbers."""
    if domain is None:
        return []
    axes = np.eye(d, dtype=int).tolist()
    lower, upper = (np.broadcast_to(side, d) for side in (domain.lb, domain.ub))
    rows = [(-int(lower[k]), axes[k]) for k in range(d)]
    return rows + [(int(upper[k]), [-x for x in axes[k]]) for k in range(d) if np.isfinite(upper[k])]


@st.composite
def heads(draw, largest=4):
    """Weights, biases and domain of whole numbers: equal rows, zero rows and no bias are common."""
    classes, d = draw(st.integers(2, largest)), draw(st.integers(2, 3))
    weight = draw(st.lists(st.lists(whole, min_size=d, max_size=d), min_size=classes, max_size=classes))
    bias = draw(st.one_of(st.just([0] * classes), st.lists(whole, min_size=classes, max_size=classes)))
    return weight, bias, draw(st.sampled_from([None, Bounds(0, np.inf), Bounds(0, 2)]))


def exact_tie(weight, bias, domain, y, tied):
    i = tied[0]
    gaps = {
        k: (bias[i] - bias[k], [a - b for a, b in zip(weight[i], weight[k], strict=True)])
        for k in range(len(weight))
        if k != i
    }
    above = [row for k, row in gaps.items() if k not in tied]
    return least_square([Fraction(x) for x in y], [gaps[k] for k in tied[1:]], above + sides(domain, len(y)))


def check_tie(verdict, distance, square):
    if verdict == "yes":
        assert square is not None
        assert distance == pytest.approx(float(square) ** 0.5, rel=1e-8, abs=1e-8)
    elif verdict == "no":
        assert square is None


@given(heads(), st.lists(st.integers(0, 2), min_size=3, max_size=3))
@settings(max_examples=100, deadline=None)
def test_faces_and_ties(case, point):
    weight, bias, domain = case
    head, y = LinearHead(weight, bias), np.array(point[: len(weight[0])], float)
    found = faces(head, domain, y)
    i = found.class_index
    for j in set(range(len(weight))) - {i}:
        check_tie(found.verdicts[j], found.distance[j], exact_tie(weight, bias, domain, y, [i, j]))
        assert found.verify()[j] == (found.verdicts[j] != "undecided")
    chosen = list(range(len(weight)))
    tie = ambiguous(head, domain, y, chosen)
    check_tie(tie.verdict, tie.distance, exact_tie(weight, bias, domain, y, chosen))


def highest(rows, count):
    """Largest last unknown of ``c + a . x >= 0``, over the vertices."""
    best = None
    for chosen in combinations(rows, count):
        x = solve([a for _, a in chosen], [-c for c, _ in chosen])
        if x is not None and all(c + dot(a, x) >= 0 for c, a in rows):
            best = x[-1] if best is None else max(best, x[-1])
    return best


@given(heads())
@settings(max_examples=60, deadline=None)
def test_adjacency(case):
    """Classes meet where a tie is above all others by some margin t <= 1: a vertex of a linear program."""
    weight, bias, _ = case
    classes, d, box = len(weight), len(weight[0]), Bounds(0, 2)
    found = adjacency(LinearHead(weight, bias), box)
    for i, j in combinations(range(classes), 2):

        def gap(k, i=i):
            return bias[i] - bias[k], [a - b for a, b in zip(weight[i], weight[k], strict=True)]

        (c, tie), others = gap(j), [gap(k) for k in range(classes) if k not in (i, j)]
        rows = [(c, [*tie, 0]), (-c, [*(-a for a in tie), 0]), (1, [0] * d + [-1])]
        rows += [(e, [*a, -1]) for e, a in others] + [(e, [*a, 0]) for e, a in sides(box, d)]
        best = highest(rows, d + 1)
        expected = "yes" if best is not None and best > 0 else "no"
        assert found.verdicts[i, j] in (expected, "undecided")
        assert found.verify()[i, j] == (found.verdicts[i, j] != "undecided")


triples = st.sampled_from([(3, 4, 5), (4, 3, 5), (5, 12, 13), (8, 15, 17), (0, 1, 1), (1, 0, 1), (7, 24, 25)])


@given(st.lists(st.tuples(triples, whole, st.sampled_from([1, -1]), st.sampled_from([1, -1])), max_size=4))
@settings(max_examples=100, deadline=None)
def test_largest_balls(sides_of_ball):
    """Normals of whole length keep the radius rational."""
    rows = [((sign * a, turn * b), c, length) for (a, b, length), c, sign, turn in sides_of_ball]
    exact = [(c, [*normal, -length]) for normal, c, length in rows]
    exact += [(0, [1, 0, -1]), (0, [0, 1, -1]), (3, [-1, 0, -1]), (2, [0, -1, -1])]
    radius = highest(exact, 3)
    normals = np.array([normal for normal, _, _ in rows], float).reshape(-1, 2)
    offsets = np.array([c for _, c, _ in rows], float)
    ball = largest_ball(normals, offsets, np.zeros(2), np.array([3.0, 2.0]))
    assert ball.verify()
    if radius is None or radius <= 0:
        assert ball.verdict == "no"
    else:
        assert ball.verdict == "yes"
        assert ball.radius == pytest.approx(float(radius), rel=1e-8)
