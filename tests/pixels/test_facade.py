"""Inversion and morphing asked of a feature space: bundled model, real images."""

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.pixels.targets import cell


@pytest.fixture(scope="module")
def space():
    return fsw.load("mnist-2d")


@pytest.fixture(scope="module")
def pair(space):
    images = space.pictured.images / 255.0
    near = space.features[np.flatnonzero(space.predictions == 0)[0]]
    other = next(k for k in range(1, 10) if space.ambiguous(near, [0, k]).verdict == "yes")
    rows = [np.flatnonzero((space.labels == k) & (space.predictions == k))[0] for k in (0, other)]
    return images[rows], rows


def test_sets_are_met_by_images(space):
    point = space.features[space.labels == 3].mean(axis=0)
    assert space.invert(point).verify(space.classifier, space.head)
    deep = space.invert(cell(space.head, space.domain, 4, depth=0.5), space.pictured.images[0] / 255.0)
    assert deep.verify(space.classifier, space.head)
    assert deep.predicted == 4
    assert space.radius(deep.target)[0] >= 0.5 * (1 - 1e-9)
    hull = space.invert(space.hull(5))
    assert hull.verify(space.classifier, space.head)
    assert hull.predicted == 5
    assert space.region(5).contains(hull.target[None]).all()


def test_a_hull_that_is_not_met_from_the_start_is_met_from_its_nearest_image():
    space = fsw.load("mnist")
    start = space.test_bank.images[511] / 255.0
    hull = space.hull(7)
    found = space.invert(hull, start, max_steps=3)
    assert found.verify(space.classifier, space.head)
    assert found.predicted == 7
    members = space.images[hull.rows].astype(float)
    nearest = np.linalg.norm((members - start).reshape(len(members), -1), axis=1).min()
    assert found.distance == pytest.approx(np.linalg.norm(found.image - start), rel=1e-12)
    assert found.distance == pytest.approx(nearest, rel=1e-2)
    halted = space.invert(hull, start, cancelled=lambda: True)
    assert (halted.verdict, halted.stopped) == ("undecided", "cancelled")


def test_frames_never_get_worse_and_can_be_left(space):
    frames = space.invert_frames(space.features[7], space.pictured.images[3] / 255.0)
    residuals = [next(frames).residual for _ in range(6)]
    assert residuals == sorted(residuals, reverse=True)
    assert residuals[-1] < residuals[0]


def test_morph_through_a_flip_point_and_through_the_hull(space, pair):
    (a, b), rows = pair
    ends = space.features[rows].astype(float)
    flip = space.morph(a, b, through="flip", frames=5)
    middle = flip.route.legs[0].end
    logits = np.sort(space.head.logits(middle[None])[0])
    assert logits[-1] - logits[-2] <= 1e-9 * (1 + abs(logits[-1]))
    assert flip.route.length >= np.linalg.norm(ends[1] - ends[0]) * (1 - 1e-6)
    hull = space.morph(a, b, through="hull", frames=5)
    path, _ = hull.hull_distances(space.hull())
    inner = np.stack([leg.end for leg in hull.route.legs[:-1]])
    assert (space.hull().project(inner).distances <= 1e-6 * np.linalg.norm(inner, axis=1).max()).all()
    assert len(path) == 5
    assert hull.verify(space.classifier, space.head)


def test_decoded_morph_says_what_each_image_is(space, pair):
    (a, b), _ = pair
    found = space.morph(a, b, decoded=True, frames=4)
    assert {frame.source for frame in found.frames} == {"decoded"}
    assert found.verdict == "undecided"


def test_refusals(space, pair):
    (a, b), _ = pair
    with pytest.raises(ValueError, match="both images have the class"):
        space.morph(a, a, through="flip")
    with pytest.raises(ValueError, match='"flip" or "hull"'):
        space.morph(a, b, through="detour")
    with pytest.raises(ValueError, match="has no decoder"):
        fsw.load("cifar10").morph(a, b, decoded=True)


def test_networks_of_another_precision_preview_the_same(space):
    double = fsw.load("mnist-2d")
    double.classifier, double.decoder = double.classifier.double(), double.decoder.double()
    wanted, found = space.preview(space.features[:4]), double.preview(space.features[:4])
    np.testing.assert_allclose(found.images, wanted.images, atol=1e-5)
    np.testing.assert_allclose(found.landed, wanted.landed, atol=1e-3)
    np.testing.assert_array_equal(found.seen, wanted.seen)
