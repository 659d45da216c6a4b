"""The product of norms that training keeps small, and what that does to the certificates."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from featurespace_widgets.models import train
from featurespace_widgets.models.expansion import Expansion, prepare
from featurespace_widgets.models.networks import StridedClassifier
from featurespace_widgets.models.recipes import RECIPES
from featurespace_widgets.pixels.layer_norms import feature_expansion
from featurespace_widgets.pixels.network_reader import read_network
from models.test_train import parts_of


@pytest.fixture
def network():
    torch.manual_seed(0)
    return StridedClassifier(64)


def test_the_estimate_rises_to_the_product_of_the_norms(network):
    expansion = Expansion(network, (1, 28, 28))
    with torch.no_grad():
        first, *_, last = (float(expansion()) for _ in range(100))
    from_above = feature_expansion(read_network(network, torch.zeros(1, 28, 28)))
    assert first < last
    assert 0.9 * from_above < last <= from_above


def test_its_gradient_says_how_fast_the_product_falls(network):
    expansion = Expansion(network, (1, 28, 28))
    with torch.no_grad():
        for _ in range(100):
            expansion()
    before = expansion()
    before.backward()
    steepest = network.body[0].weight.grad
    with torch.no_grad():
        network.body[0].weight -= 0.02 * steepest / steepest.norm()
        for _ in range(30):
            after = expansion()
    assert float((before - after).detach()) == pytest.approx(0.02 * float(steepest.norm()), rel=0.2)


def test_gains_are_what_an_image_in_reach_can_add(network):
    """Once the estimates have settled no image within the distance gains more."""
    prepare(network)
    expansion = Expansion(network, (1, 28, 28))
    with torch.no_grad():
        for _ in range(100):
            gains = expansion.gains(torch.tensor([3]), 0.5)[0]
        image = torch.rand(1, 1, 28, 28)
        move = torch.randn(200, 1, 28, 28)
        moved = network(image + 0.5 * move / move.flatten(1).norm(dim=1).view(-1, 1, 1, 1))
        before = network(image)
    gained = (moved - moved[:, [3]]) - (before - before[:, [3]])
    assert (gained <= gains + 1e-5).all()
    assert float(gains[3]) < 1e-3


def test_asking_for_a_distance_makes_the_norms_a_better_certificate():
    parts = parts_of(fsw.load("mnist"))
    recipe = replace(RECIPES["mnist"], epochs=3)
    images = torch.as_tensor(parts["test"].images[:200]).float() / 255
    radii = []
    for distance in (0.0, 0.1):
        classifier = train.train_classifier(replace(recipe, distance=distance), parts["train"])
        space = fsw.FeatureSpace.from_model(classifier, images.numpy(), parts["test"].labels[:200])
        product = feature_expansion(read_network(classifier, images[0]))
        radii.append(np.median(space.radius(space.features)) / product)
    assert radii[1] > 5 * radii[0]
