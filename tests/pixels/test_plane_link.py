"""Blends of pixels and of features through the same three images."""

import numpy as np
import pytest
import torch
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.plane_link import plane_link


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        torch.manual_seed(3)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(16, 12), hidden, nn.Linear(12, 6))

    def features(self, x):
        return self.body(x)


def make(hidden):
    rng = np.random.default_rng(5)
    head = LinearHead(rng.normal(size=(4, 6)), rng.normal(size=4))
    return plane_link(Net(hidden), head, None, rng.uniform(size=(3, 1, 4, 4)))


def test_an_affine_model_blends_pixels_and_features_alike():
    link = make(nn.Identity())
    assert link.agreement() == 1.0
    st = np.array([[0.3, 0.2], [0.1, 0.4]])
    np.testing.assert_allclose(link.land(st), link.shares(st) @ link.corners, atol=1e-5)
    target = np.array([0.2, 0.5, 0.3]) @ link.corners
    near = link.nearest(target)
    assert near.distance < 1e-3
    np.testing.assert_allclose(link.shares(near.st[None])[0], [0.2, 0.5, 0.3], atol=1e-2)


def test_the_nearest_blend_is_no_farther_than_any_of_many_others():
    link = make(nn.ReLU())
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(3), 500)
    others = link.land(weights @ link.pixels.corners)
    for target in link.corners.mean(axis=0) + rng.normal(size=(5, 6)):
        near = link.nearest(target)
        assert near.distance <= np.linalg.norm(others - target, axis=1).min() + 1e-3
        np.testing.assert_allclose(
            np.linalg.norm(link.land(near.st[None])[0] - target), near.distance, atol=1e-5
        )
        assert link.allowed(near.st[None])[0]


def test_weights_of_the_corners_and_of_points_beyond_the_box():
    link = make(nn.ReLU())
    np.testing.assert_allclose(link.shares(link.pixels.corners), np.eye(3), atol=1e-12)
    assert link.allowed(link.pixels.corners).all()
    assert not link.allowed(link.pixels.corners + 100).any()


def test_a_cancelled_link_is_none():
    space = fsw.load("mnist")
    assert space.plane_link(space.images[:3], cancelled=lambda: True) is None


def test_bare_arrays_know_no_pixels():
    space = fsw.FeatureSpace.from_arrays(np.eye(3))
    with pytest.raises(ValueError, match="no classifier to see a pixel plane"):
        space.plane_link(np.zeros((3, 1, 2, 2)))
