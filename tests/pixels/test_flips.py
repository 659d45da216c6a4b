"""Pixel flips: ties recomputed, an exact answer for an affine network, nothing claimed without a flip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.flips import flip_image


class Small(torch.nn.Module):
    def __init__(self, relu=True):
        super().__init__()
        layers = [torch.nn.Flatten(), torch.nn.Linear(36, 24)]
        self.body = torch.nn.Sequential(*layers, *([torch.nn.ReLU()] if relu else []))

    def features(self, x):
        return self.body(x)


def setting(relu):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Small(relu)
    rng = np.random.default_rng(1)
    return model, LinearHead(rng.normal(size=(4, 24))), 0.3 + 0.4 * rng.random((1, 6, 6))


def test_affine_network_has_the_exact_distance():
    model, head, image = setting(relu=False)
    flip = flip_image(model, head, image)
    assert flip.verify(model, head)
    layer = model.body[1]
    rows = head.weight @ layer.weight.detach().double().numpy()
    z = rows @ image.ravel() + head.weight @ layer.bias.detach().double().numpy() + head.bias
    i = z.argmax()
    exact = min((z[i] - z[j]) / np.linalg.norm(rows[i] - rows[j]) for j in range(4) if j != i)
    assert flip.distance == pytest.approx(exact, rel=1e-8)


def test_flip_is_a_tie_in_the_box_and_tampering_shows():
    model, head, image = setting(relu=True)
    flip = flip_image(model, head, image)
    assert flip.verdict == "found"
    assert flip.verify(model, head)
    assert not replace(flip, image=image).verify(model, head)
    assert not replace(flip, distance=0.5 * flip.distance).verify(model, head)
    assert not replace(flip, target=flip.class_index).verify(model, head)
    assert 0 <= flip.null_share <= 1


def test_no_flip_is_undecided():
    model, _, image = setting(relu=True)
    constant = LinearHead(np.zeros((2, 24)), [1.0, 0.0])
    flip = flip_image(model, constant, image)
    assert flip.verdict == "undecided"
    assert not flip.verify(model, constant)


def test_own_class_as_target():
    model, head, image = setting(relu=True)
    own = flip_image(model, head, image).class_index
    with pytest.raises(ValueError, match="differ"):
        flip_image(model, head, image, own)
