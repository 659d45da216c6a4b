"""Layers held orthogonal in training, and what that does to the certificates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.models import train
from featurespace_widgets.models.networks import StridedClassifier
from featurespace_widgets.models.orthogonality import orthogonality, prepare
from featurespace_widgets.models.recipes import RECIPES
from featurespace_widgets.pixels.layer_norms import feature_expansion
from featurespace_widgets.pixels.network_reader import read_network
from models.test_train import parts_of


def singular_values(layer, size):
    """Of a convolution as one matrix, on a torus of size x size."""
    channels = layer.in_channels
    basis = torch.eye(channels * size * size).reshape(-1, channels, size, size)
    around = nn.functional.pad(basis, (0, layer.kernel_size[1] - 1, 0, layer.kernel_size[0] - 1), "circular")
    columns = nn.functional.conv2d(around, layer.weight, None, layer.stride).flatten(1)
    return torch.linalg.svdvals(columns)


class Whole(nn.Module):
    """One layer, and a head that is orthogonal already."""

    def __init__(self, layer):
        super().__init__()
        self.body = nn.Sequential(layer)
        self.head = nn.Linear(5, 3)
        nn.init.orthogonal_(self.head.weight)


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(6, 4), nn.Linear(3, 7), nn.Conv2d(1, 6, 4, 2, bias=False), nn.Conv2d(3, 2, 3, bias=False)],
    ids=str,
)
def test_where_it_is_zero_all_singular_values_are_one(layer):
    torch.manual_seed(0)
    network = Whole(layer)
    optimiser = torch.optim.LBFGS(
        network.parameters(), max_iter=300, line_search_fn="strong_wolfe", tolerance_change=1e-14
    )

    def step():
        optimiser.zero_grad()
        loss = orthogonality(network)
        loss.backward()
        return loss

    before = orthogonality(network).item()
    optimiser.step(step)
    assert orthogonality(network).item() < 1e-6 < before
    is_conv = isinstance(layer, nn.Conv2d)
    values = singular_values(layer, 8 * layer.stride[0]) if is_conv else torch.linalg.svdvals(layer.weight)
    counted = values[values > 1e-3]  # the rest is what a map to more dimensions cannot reach
    torch.testing.assert_close(counted, torch.ones_like(counted), atol=2e-3, rtol=0)


def test_it_starts_near_norm_one():
    torch.manual_seed(0)
    network = StridedClassifier(64)
    prepare(network)
    product = feature_expansion(read_network(network, torch.zeros(1, 28, 28)))
    assert 1.0 < product < 3.0


def test_orthogonal_layers_make_the_norms_a_better_certificate():
    parts = parts_of(fsw.load("mnist"))
    recipe = replace(RECIPES["mnist-certified"], epochs=3)
    images = torch.as_tensor(parts["test"].images[:200]).float() / 255
    radii = []
    for temperature in (0.0, recipe.temperature):
        classifier = train.train_classifier(replace(recipe, temperature=temperature), parts["train"])
        space = fsw.FeatureSpace.from_model(classifier, images.numpy(), parts["test"].labels[:200])
        product = feature_expansion(read_network(classifier, images[0]))
        radii.append(np.median(space.radius(space.features)) / product)
    assert radii[1] > 2 * radii[0]
