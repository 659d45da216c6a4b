"""The norms of layers from above: against singular values of the whole matrix, and pairs of images."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.bounds import certify_image
from featurespace_widgets.pixels.layer_norms import feature_expansion, operator_norm
from featurespace_widgets.pixels.network_reader import read_network
from featurespace_widgets.pixels.relu_network import Node
from pixels.test_bounds import MODELS, attack, make

NUMBERS = st.integers(1, 3)
PAIRS = st.tuples(NUMBERS, NUMBERS)


def largest_singular_value(node, shape):
    basis = torch.eye(int(np.prod(shape)), dtype=torch.float64).view(-1, *shape)
    columns = (node(basis) - node(torch.zeros_like(basis))).flatten(1)
    return np.linalg.svd(columns.numpy(), compute_uv=False)[0]


def convolution(channels, kernel, stride, padding, seed=0):
    weight = torch.as_tensor(np.random.default_rng(seed).normal(size=(*channels, *kernel)))
    return Node("conv", (0,), (0,), weight, torch.ones(channels[0]).double(), stride, padding)


@settings(deadline=None, max_examples=150)
@given(
    channels=PAIRS, kernel=PAIRS, stride=PAIRS, padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)), seed=st.integers(0, 10_000),
)  # fmt: skip
def test_no_convolution_has_a_larger_norm(channels, kernel, stride, padding, size, seed):
    shape = (channels[1], *size)
    node = convolution(channels, kernel, stride, padding, seed)
    exact = largest_singular_value(node, shape)
    assert operator_norm(node, shape) >= exact


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_the_norm_of_a_convolution_is_close_on_a_large_image(stride):
    node, shape = convolution((4, 3), (3, 3), stride, (1, 1)), (3, 20, 20)
    assert operator_norm(node, shape) < 1.03 * largest_singular_value(node, shape)


def test_windows_that_do_not_overlap_have_their_exact_norm():
    node = convolution((4, 2), (3, 3), (3, 3), (0, 0))
    assert operator_norm(node, (2, 9, 9)) == pytest.approx(largest_singular_value(node, (2, 9, 9)), rel=2e-3)


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1.0, 1e150])
def test_linear_maps_of_any_size(scale):
    weight = scale * torch.as_tensor(np.random.default_rng(1).normal(size=(7, 12)))
    exact = np.linalg.svd(weight.numpy(), compute_uv=False)[0]
    found = operator_norm(Node("linear", (0,), (7,), weight), (12,))
    assert exact <= found <= 1.002 * exact


@pytest.mark.parametrize("build", MODELS)
def test_features_move_no_further_than_the_product(build):
    for seed in range(3):
        model, _, image = make(build, seed)
        network = read_network(model, torch.as_tensor(image))
        images = torch.rand(200, *image.shape, generator=torch.Generator().manual_seed(seed)).double()
        moved = (network.features(images[1:]) - network.features(images[:-1])).norm(dim=1)
        assert (moved <= feature_expansion(network) * (images[1:] - images[:-1]).flatten(1).norm(dim=1)).all()


def test_a_deep_network_of_isometries_is_certified_by_its_norms_alone():
    torch.manual_seed(0)
    layers = [nn.Flatten()]
    for _ in range(5):
        layers += [nn.utils.parametrizations.orthogonal(nn.Linear(16, 16)), nn.ReLU()]
    model = nn.Module()
    model.body = nn.Sequential(*layers).eval()
    for layer in model.body[1::2]:
        nn.utils.parametrize.remove_parametrizations(layer, "weight")
    model.features = model.body.forward
    head = LinearHead(np.eye(3, 16), [2.0, 0.0, 0.0])
    image = np.full((1, 4, 4), 0.5)
    found = certify_image(model, head, image)
    assert found.verify()
    assert found.passes == 0
    gaps = head.logits(model.body(torch.full((1, 1, 4, 4), 0.5)).detach().numpy())[0]
    by_product = (gaps[0] - gaps[1:].max()) / 2**0.5
    assert found.radius_l2 > by_product
    assert found.radius_linf > by_product / 4
    for norm, radius in (("L2", found.radius_l2), ("Linf", found.radius_linf)):
        assert attack(model, head, image, radius, norm, found.class_index)[0] > 0
