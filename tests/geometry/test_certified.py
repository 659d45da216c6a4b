"""Certified blends and regions on a slice."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds

from featurespace_widgets import LinearHead
from featurespace_widgets.geometry.certified import CertifiedBlends, slice_regions
from featurespace_widgets.geometry.plane import boundary_plane, section_plane


def random_head(seed, classes, d):
    rng = np.random.default_rng(seed)
    return LinearHead(rng.integers(-3, 4, (classes, d)).astype(float), rng.normal(size=classes)), rng


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 5))
@settings(max_examples=80, deadline=None)
def test_a_blend_is_at_least_as_deep_as_the_blend_of_depths(seed, classes, d):
    head, rng = random_head(seed, classes, d)
    points = rng.normal(size=(6, d)) * 3
    blends = CertifiedBlends.of(head, points, int(head.predict(points)[0]))
    weights = rng.dirichlet(np.full(6, 0.5), 50)
    true = head.depth(weights @ points, blends.class_index)
    finite = np.isfinite(blends.depths).all()
    if finite:
        assert (true >= blends.bound(weights) - 1e-9).all()
        assert (true >= blends.depth - 1e-9).all()
    if blends.verdict == "yes":
        assert (head.predict(weights @ points) == blends.class_index).all()
        assert not replace(blends, depths=blends.depths + 0.1).verify() or not finite
    if blends.verdict == "no":
        assert head.predict(points[[blends.weakest]])[0] != blends.class_index
    assert blends.verify() == (blends.verdict != "undecided")


def test_blends_on_the_boundary_are_undecided_and_weights_must_blend():
    head = LinearHead(np.eye(2))
    blends = CertifiedBlends.of(head, [[1.0, 1.0], [2.0, 0.0]], 0)
    assert blends.verdict == "undecided"
    assert not blends.verify()
    with pytest.raises(ValueError, match="non-negative with rows that sum to 1"):
        blends.bound([[0.5, 0.4]])
    with pytest.raises(ValueError, match="at least one feature vector"):
        CertifiedBlends.of(head, np.empty((0, 2)), 0)
    with pytest.raises(ValueError, match="classes must be 1 different"):
        CertifiedBlends.of(head, [[1.0, 1.0]], 2)
    never = CertifiedBlends.of(LinearHead(np.zeros((2, 2)), [1.0, 0.0]), [[1.0, 1.0]], 0)
    assert never.verdict == "yes"
    assert np.isinf(never.bound([[1.0]]))


@given(st.integers(0, 10_000), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_point_of_the_regions_has_the_class(seed, relu, boundary):
    head, rng = random_head(seed, 5, 6)
    features = np.maximum(rng.normal(size=(40, 6)) + 0.5, 0)
    domain = Bounds(0, np.inf) if relu else None
    try:
        plane = (
            boundary_plane(head, domain, (0, 1, 2), features, head.predict(features))
            if boundary
            else section_plane(head, domain, features[:3])
        )
    except ValueError:
        return
    regions = slice_regions(plane, features[0], (-3, 3, -3, 3))
    assert regions.verify()
    for polygon in (regions.cell, regions.ball):
        if len(polygon):
            blends = rng.dirichlet(np.ones(len(polygon)), 100) @ polygon
            logits = head.logits(plane.from_plane(blends))
            assert (logits.max(axis=1) - logits[:, regions.class_index] < 1e-9).all()
    if relu and len(regions.cell):
        assert plane.from_plane(regions.cell).min() > -1e-9
    if len(regions.cell):
        moved = regions.cell + 100.0 * (regions.cell - regions.cell.mean(axis=0))
        whole = slice_regions(plane, features[0], (-300, 300, -300, 300)).cell
        if np.abs(whole).max() < 299 and not relu:
            assert not replace(regions, cell=moved).verify()
    if len(regions.ball):
        assert not replace(regions, radius=regions.radius * 0.9).verify()


def test_a_plane_beyond_the_ball_shows_none():
    head = LinearHead(np.eye(3))
    plane = section_plane(head, None, [[5.0, 0, 0], [5.0, 1.0, 0], [5.0, 0, 1.0]])
    assert len(slice_regions(plane, [1.0, 0, 0], (-1, 1, -1, 1)).ball) == 0
    assert len(slice_regions(plane, [4.9, 0, 0], (-1, 1, -1, 1)).ball) == 64
