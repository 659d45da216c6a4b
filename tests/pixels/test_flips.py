"""Pixel flips: ties recomputed, exact answers of affine networks, nothing claimed without a flip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.bounds import certify_image
from featurespace_widgets.pixels.flips import flip_image


class Small(torch.nn.Module):
    def __init__(self, relu=True):
        super().__init__()
        layers = [torch.nn.Flatten(), torch.nn.Linear(36, 24)]
        self.body = torch.nn.Sequential(*layers, *([torch.nn.ReLU()] if relu else []))

    def features(self, x):
        return self.body(x)


def setting(relu, seed=1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Small(relu)
    rng = np.random.default_rng(seed)
    return model, LinearHead(rng.normal(size=(4, 24))), 0.3 + 0.4 * rng.random((1, 6, 6))


@pytest.mark.parametrize("seed", range(4))
def test_affine_network_has_the_exact_distance(seed):
    model, head, image = setting(relu=False, seed=seed)
    layer = model.body[1]
    rows = head.weight @ layer.weight.detach().double().numpy()
    z = rows @ image.ravel() + head.weight @ layer.bias.detach().double().numpy() + head.bias
    i = int(z.argmax())
    exact = min((z[i] - z[j]) / np.linalg.norm(rows[i] - rows[j]) for j in range(4) if j != i)
    flip = flip_image(model, head, image)
    assert flip.verify(model, head)
    assert flip.distance == pytest.approx(exact, rel=1e-5)
    assert flip.linearised_distance == pytest.approx(exact, rel=1e-8)
    assert flip.distance >= exact * (1 - 1e-12)


def test_flip_is_a_tie_in_the_box_and_tampering_shows():
    model, head, image = setting(relu=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    flip = flip_image(model, head, image)
    assert flip.verdict == "found"
    assert flip.verify(model, head)
    assert not replace(flip, image=image).verify(model, head)
    assert not replace(flip, distance=0.5 * flip.distance).verify(model, head)
    assert not replace(flip, target=flip.class_index).verify(model, head)
    assert 0 <= flip.null_share <= 1
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("seed", range(4))
def test_no_flip_is_nearer_than_the_certified_radius(seed):
    model, head, image = setting(relu=True, seed=seed)
    flip = flip_image(model, head, image)
    certificate = certify_image(model, head, image, norms=("L2",))
    assert certificate.verify()
    assert 0 < certificate.radius_l2 <= flip.distance


def test_a_target_is_reached_and_is_no_nearer_than_any():
    model, head, image = setting(relu=True)
    nearest = flip_image(model, head, image)
    for target in set(range(4)) - {nearest.class_index}:
        flip = flip_image(model, head, image, target)
        if flip.verdict == "found":
            assert flip.target == target
            assert flip.verify(model, head)
            assert flip.distance >= nearest.distance * (1 - 1e-4)
    assert flip_image(model, head, image, nearest.target).distance == pytest.approx(
        nearest.distance, rel=1e-3
    )


def test_real_images_have_flips_that_verify():
    space = fsw.load("mnist")
    for row in (0, 17, 400):
        flip = space.flip_image(space.test_bank.images[row] / 255.0)
        assert flip.verdict == "found"
        assert flip.verify(space.classifier, space.head)
        assert 0.2 < flip.distance < 4.0
        assert flip.alignment > 0.3


def test_no_flip_is_undecided():
    model, _, image = setting(relu=True)
    constant = LinearHead(np.zeros((2, 24)), [1.0, 0.0])
    flip = flip_image(model, constant, image)
    assert flip.verdict == "undecided"
    assert not flip.verify(model, constant)
    _, head, _ = setting(relu=True)
    assert flip_image(model, head, image, cancelled=lambda: True).verdict == "undecided"


@pytest.mark.parametrize(
    ("image", "target", "message"),
    [
        (np.full((1, 6, 6), 1.5), None, r"\[0, 1\]"),
        (np.full((1, 5, 6), 0.5), None, "image"),
        (np.full((6, 6), 0.5), None, "shape"),
        (np.full((1, 6, 6), 0.5), 9, "class"),
    ],
)
def test_bad_input_is_refused(image, target, message):
    model, head, _ = setting(relu=True)
    with pytest.raises(ValueError, match=message):
        flip_image(model, head, image, target)


def test_own_class_as_target():
    model, head, image = setting(relu=True)
    own = flip_image(model, head, image).class_index
    with pytest.raises(ValueError, match="differ"):
        flip_image(model, head, image, own)
