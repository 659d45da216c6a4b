"""Pricing: the rows that are found against distances in rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from featurespace_widgets.geometry.pricing import PointSet


def squares(points, query):
    """Exact squared distances."""
    exact = [Fraction(float(x)) for x in query]
    return [sum((Fraction(float(x)) - q) ** 2 for x, q in zip(y, exact, strict=True)) for y in points]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [600, 4000])  # every row for itself, and in groups
def test_all_nearest_rows_are_exact_among_near_ties(n, dtype):
    """One point is near, all others almost equally far from the query and 100 away from the origin."""
    rng = np.random.default_rng(n)
    query = np.float32(100) + rng.normal(size=12).astype(np.float32).astype(float)
    ways = 1 + rng.normal(size=(n, 12))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    far = 4 + rng.permutation(n)[:, None] * 1e-9
    points = (query + far * ways).astype(dtype)
    points[n // 2] = query + 0.5 * ways[n // 2]
    exact = squares(points, query)
    (rows,) = PointSet(points).nearest(query[None], 20)
    assert rows[0] == n // 2
    assert len(set(rows)) == 20
    assert [exact[row] for row in rows] == pytest.approx([float(s) for s in sorted(exact)[:20]], rel=1e-15)
    assert {exact[row] for row in rows} == set(sorted(exact)[:20])
