"""How fast logits can change: against pairs of images, singular values and what is known by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import featurespace_widgets.pixels.logit_slopes as module
from featurespace_widgets.pixels.layer_norms import feature_expansion
from featurespace_widgets.pixels.logit_slopes import cone_below, logit_slopes
from featurespace_widgets.pixels.network_reader import read_network
from pixels.test_bounds import MODELS, make


def network_of(*layers, shape=(1, 5, 5)):
    model = nn.Module()
    model.body = nn.Sequential(*layers).eval()
    model.features = model.body.forward
    return read_network(model, torch.zeros(shape))


def changes(network, rows, seed=0, count=400):
    """Of rows of the features for each unit between images: far apart, and close together."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(count, *network.image_shape, generator=generator).double()
    moves = torch.randn(images.shape, generator=generator).double() * 1e-4
    found = []
    for one, other in ((images[1:], images[:-1]), (images, images + moves)):
        moved = (network.features(one) - network.features(other)) @ rows.T
        found.append(moved.abs() / (one - other).flatten(1).norm(dim=1)[:, None])
    return torch.cat(found).max(0).values


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("numbers", [1e7, 300, 0], ids=["together", "some together", "apart"])
def test_nothing_changes_faster_and_the_product_is_no_better(build, numbers, monkeypatch):
    monkeypatch.setattr(module, "MOST_NUMBERS", numbers)
    module._norms.cache_clear()
    module._unit_slopes.cache_clear()
    for seed in range(3):
        model, _, image = make(build, seed)
        network = read_network(model, torch.as_tensor(image))
        rows = torch.randn(
            6, *network.nodes[-1].shape, generator=torch.Generator().manual_seed(seed)
        ).double()
        slopes = logit_slopes(network, rows)
        assert (changes(network, rows, seed) <= slopes).all()
        assert (slopes <= feature_expansion(network) * rows.norm(dim=1) * (1 + 1e-6)).all()
    module._norms.cache_clear()


def around(image, radius, seed, count=300):
    """Images on the L2 sphere around one, and inside."""
    generator = torch.Generator().manual_seed(seed)
    moves = torch.randn(count, *image.shape, generator=generator).double()
    moves *= (radius / moves.flatten(1).norm(dim=1)).view(-1, 1, 1, 1)
    moves[count // 2 :] *= torch.rand(count - count // 2, 1, 1, 1, generator=generator).double()
    return image + moves


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("units", [1e9, 0], ids=["each unit", "all alike"])
@pytest.mark.parametrize("radius", [1e-6, 0.05, 0.5, 5.0])
def test_the_cone_lies_below_on_the_ball(build, units, radius, monkeypatch):
    monkeypatch.setattr(module, "MOST_UNITS", units)
    module._unit_slopes.cache_clear()
    for seed in range(3):
        model, _, given = make(build, seed)
        image = torch.as_tensor(given).double()
        network = read_network(model, image)
        rows = torch.randn(
            6, *network.nodes[-1].shape, generator=torch.Generator().manual_seed(seed)
        ).double()
        found = cone_below(network, rows, image, radius)
        if build.__name__ == "residual":
            assert found is None
            continue
        functions, slopes = found
        images = around(image, radius, seed)
        moved = (network.features(images) - network.features(image[None])) @ rows.T
        affine = (images - image).flatten(1) @ functions.flatten(1).T
        away = (images - image).flatten(1).norm(dim=1)
        assert (moved >= affine - slopes * away[:, None] - 1e-12).all()
        assert (slopes <= 2 * logit_slopes(network, rows)).all()
    module._unit_slopes.cache_clear()


@settings(deadline=None, max_examples=150)
@given(
    inputs=st.integers(1, 3), units=st.integers(1, 5), radius=st.floats(0.01, 3.0),
    alike=st.booleans(), seed=st.integers(0, 10_000),
)  # fmt: skip
def test_the_cone_lies_below_everywhere_in_few_dimensions(inputs, units, radius, alike, seed):
    """The whole ball is seen there; units that move alike lose all at once, as far as they can."""
    torch.manual_seed(seed)
    layer = nn.Linear(inputs, units)
    if alike:
        with torch.no_grad():
            layer.weight[:] = layer.weight[:1]
            layer.bias[:] = layer.bias[:1] + 0.1 * torch.randn(units)
    network = network_of(nn.Flatten(), layer, nn.ReLU(), nn.Linear(units, 2), shape=(1, 1, inputs))
    image, rows = torch.rand(1, 1, inputs, dtype=torch.float64), torch.randn(3, 2).double()
    functions, slopes = cone_below(network, rows, image, radius)
    normals = layer.weight.detach().double()
    towards = torch.cat([torch.randn(500, inputs).double(), normals, -normals])
    towards /= towards.norm(dim=1, keepdim=True)
    steps = (torch.linspace(0, radius, 41, dtype=torch.float64)[:, None, None] * towards).reshape(-1, inputs)
    moved = (network.features(image + steps[:, None, None]) - network.features(image[None])) @ rows.T
    room = moved - steps @ functions.flatten(1).T + slopes * steps.norm(dim=1)[:, None]
    assert room.min() >= -1e-9


def test_not_all_units_move_their_most_at_once():
    """By hand: sixteen units of a pixel each, closed by 0.1 and counted by -1, on a ball of radius 1.

    Alone each would lose ``a = (1 - 0.1) / 2``. Together ``a = (1 - 0.1 / far) / 2`` with ``far = 1 / (4 l)``
    and ``2 l = |a r| = 4 a``, so ``a = 1 / 2.8``.
    """
    layer = nn.Linear(16, 16)
    with torch.no_grad():
        layer.weight[:], layer.bias[:] = torch.eye(16), -0.6
    network = network_of(nn.Flatten(), layer, nn.ReLU(), shape=(1, 4, 4))
    image, row = torch.full((1, 4, 4), 0.5, dtype=torch.float64), -torch.ones(1, 16).double()
    functions, slopes = cone_below(network, row, image, 1.0)
    assert float(slopes) == pytest.approx(4 / 2.8, rel=0.01)
    torch.testing.assert_close(functions, torch.full_like(functions, -1 / 2.8), rtol=0.01, atol=0)


@pytest.mark.parametrize("build", MODELS[:2])
def test_close_to_the_image_the_cone_is_the_linear_piece(build):
    model, _, given = make(build, 0)
    image = torch.as_tensor(given).double()
    network = read_network(model, image)
    rows = torch.eye(network.nodes[-1].shape[0]).double()
    functions, slopes = cone_below(network, rows, image, 1e-9)
    assert float(slopes.max()) == 0.0
    leaf = image[None].clone().requires_grad_()
    for row, function in zip(rows, functions, strict=True):
        (gradient,) = torch.autograd.grad(network.features(leaf)[0] @ row, leaf)
        torch.testing.assert_close(function, gradient[0], atol=1e-12, rtol=0)


@settings(deadline=None, max_examples=60)
@given(
    kernel=st.integers(1, 4), stride=st.integers(1, 3), padding=st.integers(0, 2), size=st.integers(5, 8),
    channels=st.integers(1, 3), seed=st.integers(0, 1000),
)  # fmt: skip
def test_convolutions_of_any_shape(kernel, stride, padding, size, channels, seed):
    torch.manual_seed(seed)
    network = network_of(
        nn.Conv2d(channels, 2, kernel, stride, padding), nn.ReLU(), nn.Conv2d(2, 3, 2, padding=1), nn.ReLU(),
        nn.Flatten(), shape=(channels, size, size),
    )  # fmt: skip
    rows = torch.randn(3, *network.nodes[-1].shape).double()
    assert (changes(network, rows, seed, 50) <= logit_slopes(network, rows)).all()
    image = torch.rand(1, *network.image_shape, dtype=torch.float64, requires_grad=True)
    functions, _ = cone_below(network, rows, image[0].detach(), 1e-9)
    (gradient,) = torch.autograd.grad(network.features(image)[0] @ rows[0], image)
    torch.testing.assert_close(functions[0], gradient[0], atol=1e-6, rtol=0)


def test_without_a_relu_it_is_the_length_of_the_row():
    torch.manual_seed(0)
    network = network_of(nn.Conv2d(1, 3, 3, 2, 1), nn.Flatten(), nn.Linear(27, 8), nn.Linear(8, 4))
    basis = torch.eye(25).double().reshape(25, 1, 5, 5)
    matrix = (network.features(basis) - network.features(0 * basis)).T
    rows = torch.randn(5, 4).double()
    torch.testing.assert_close(
        logit_slopes(network, rows), torch.linalg.vector_norm(rows @ matrix, dim=1), rtol=1e-8, atol=0
    )


def test_two_layers_by_hand():
    torch.manual_seed(1)
    first, second = nn.Linear(25, 30), nn.Linear(30, 6)
    network = network_of(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU())
    w1, w2 = (layer.weight.detach().double().numpy() for layer in (first, second))
    row = np.random.default_rng(0).normal(size=6)

    def size(matrix):
        return np.linalg.norm(matrix, 2)

    pieces = (
        np.linalg.norm(row) * size(w2) * size(w1), np.linalg.norm(row @ w2) * size(w1),
        np.linalg.norm(row) * size(w2 @ w1), np.linalg.norm(row @ w2 @ w1),
    )  # fmt: skip
    found = float(logit_slopes(network, torch.as_tensor(row)[None])[0])
    assert found == pytest.approx(sum(pieces) / 4, rel=1e-3)
    assert found > float(changes(network, torch.as_tensor(row)[None])[0])


def test_what_is_remembered_goes_with_the_weights():
    torch.manual_seed(2)
    layer = nn.Linear(25, 4)
    rows = torch.eye(4).double()
    before = logit_slopes(network_of(nn.Flatten(), layer, nn.ReLU()), rows)
    with torch.no_grad():
        layer.weight *= 2
    after = logit_slopes(network_of(nn.Flatten(), layer, nn.ReLU()), rows)
    torch.testing.assert_close(after, 2 * before, rtol=1e-6, atol=0)
