"""Verdicts of hulls on random small problems against rational arithmetic: no wrong one.

The long mode (``FSW_LONG=1 python -m pytest tests/robust/test_numbers.py -s``) tries 20,000.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from featurespace_widgets.geometry.hull import FeatureHull
from geometry.test_hull_rational import nearest_point
from robust.scale import tries


def test_hull_verdicts_are_never_wrong():
    rng, seen = np.random.default_rng(11), Counter()
    for _ in range(tries(500, 20_000)):
        d = int(rng.integers(1, 4))
        points = rng.integers(-4, 5, (int(rng.integers(1, 7)), d)).astype(float)
        query = rng.integers(-8, 9, d) / 2
        found = FeatureHull(points).project(query)
        foot = nearest_point(points, query)
        inside = [float(x) for x in foot] == query.tolist()
        verdict = str(found.verdicts[0])
        assert verdict in {"inside" if inside else "outside", "undecided"}, (points, query)
        seen[verdict] += 1
    print(f"\nhulls: {seen.total()} problems, {dict(seen)}")
    assert min(seen["inside"], seen["outside"]) > 50
