"""The affine piece around an image: membership, affine map, largest ball and section are exact."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.pixel_plane import pixel_plane
from featurespace_widgets.pixels.relu_pieces import relu_piece


class Dense(nn.Module):
    def __init__(self, shape, d, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        n = int(np.prod(shape))
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(n, 9), nn.ReLU(), nn.Linear(9, d), nn.ReLU())

    def features(self, x):
        return self.body(x)


class Convolutional(nn.Module):
    """A strided stack with a residual block, so that patches are added and cropped."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.one = nn.Conv2d(1, 3, 3, 2, 1)
        self.two = nn.Conv2d(3, 3, 3, padding=1)
        self.last = nn.Linear(27, 5)

    def features(self, x):
        x = torch.relu(self.one(x))
        x = torch.relu(self.two(x) + x)
        return torch.relu(self.last(x.flatten(1)))


CASES = [(lambda s: Dense((1, 3, 3), 4, s), (1, 3, 3), 4), (Convolutional, (1, 6, 6), 5)]


def make(case, seed):
    build, shape, d = case
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(4, d)), rng.normal(size=4) * 0.1)
    return build(seed), head, rng.uniform(size=shape), rng


def pattern(model, x):
    """Signs of all pre-activations and the features, by a plain second implementation."""
    signs = []
    if isinstance(model, Dense):
        h = x.reshape(-1).numpy()
        for layer in model.body:
            if isinstance(layer, nn.Linear):
                h = layer.weight.detach().double().numpy() @ h + layer.bias.detach().double().numpy()
                signs.append(h > 0)
                h = np.maximum(h, 0)
        return np.concatenate(signs), h
    net = Convolutional().double()
    net.load_state_dict({k: v.double() for k, v in model.state_dict().items()})
    with torch.no_grad():
        a = net.one(x[None])
        b = net.two(a.relu()) + a.relu()
        c = net.last(b.relu().flatten(1))
    return np.concatenate([(v > 0).numpy().ravel() for v in (a, b, c)]), c.relu()[0].numpy()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_membership_is_activation_pattern_and_class(case, seed):
    model, head, image, rng = make(case, seed)
    piece = relu_piece(model, head, image)
    radius = piece.largest_ball().radius
    near = image + rng.normal(size=(300, *image.shape)) * radius * rng.uniform(0, 2, (300, 1, 1, 1))
    own, _ = pattern(model, torch.as_tensor(image))
    expected = []
    for x in near:
        signs, y = pattern(model, torch.as_tensor(x))
        expected.append((signs == own).all() and head.predict(y)[0] == piece.class_index)
    inside = piece.contains(near)
    assert inside.tolist() == expected
    assert piece.contains(image[None]).all()
    assert piece.contains(np.empty((0, *image.shape))).shape == (0,)
    # ... and the features are affine there
    jacobian, offset = piece.affine_map
    for x in near[inside][:20]:
        np.testing.assert_allclose(
            jacobian @ x.ravel() + offset, pattern(model, torch.as_tensor(x))[1], atol=1e-12
        )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_largest_ball_is_inside_and_touches(case, seed):
    model, head, image, rng = make(case, seed)
    piece = relu_piece(model, head, image)
    ball = piece.largest_ball()
    assert ball.verify()
    steps = rng.normal(size=(500, image.size))
    steps *= ball.radius * (1 - 1e-9) / np.linalg.norm(steps, axis=1, keepdims=True)
    assert piece.contains((image.ravel() + steps).reshape(-1, *image.shape)).all()
    away = ball.foot - image.ravel()
    just = [image.ravel() + share * away for share in (1 - 1e-6, 1 + 1e-6)]
    assert piece.contains(np.reshape(just, (2, *image.shape))).tolist() == [True, False]
    assert ball.distances.min() == pytest.approx(ball.radius, rel=1e-12)
    # The nearest face by finite differences of nothing but the network: gradients by autograd.
    x = torch.as_tensor(image).requires_grad_()
    (*_,) = values = list(piece.network.values(x[None]))
    best = np.inf
    for index in piece.network.relus:
        for h in values[piece.network.nodes[index].parents[0]].flatten():
            (g,) = torch.autograd.grad(h, x, retain_graph=True)
            if g.norm() > 0:
                best = min(best, abs(h.item()) / g.norm().item())
    normals, constants, _ = piece._class_faces()
    lengths = np.linalg.norm(normals, axis=1)
    faces = (normals @ image.ravel() + constants)[lengths > 0] / lengths[lengths > 0]
    assert min(best, faces.min(initial=np.inf)) == pytest.approx(ball.radius, rel=1e-9)


def test_tampered_balls_do_not_verify():
    model, head, image, _ = make(CASES[0], 0)
    ball = relu_piece(model, head, image).largest_ball()
    assert not replace(ball, radius=ball.radius * 1.01).verify()
    assert not replace(ball, foot=ball.foot + 1e-3).verify()
    assert not replace(ball, constant=ball.constant + 0.1).verify()
    assert not replace(ball, distances=ball.distances * 0.5).verify()
    assert not replace(ball, radius=np.inf).verify()


@pytest.mark.parametrize("case", CASES)
@given(seed=st.integers(0, 50))
@settings(max_examples=8, deadline=None)
def test_section_is_what_contains_says(case, seed):
    model, head, image, rng = make(case, seed)
    piece = relu_piece(model, head, image)
    plane = pixel_plane(np.stack([image, *rng.uniform(size=(2, *image.shape))]))
    size = 4 * piece.largest_ball().radius
    extent = (-size, size, -size, size)
    polygon = piece.section(plane, extent)
    assert len(polygon) >= 3
    points = rng.uniform(-size, size, (400, 2))
    edges = np.roll(polygon, -1, axis=0) - polygon
    offset = points[:, None] - polygon
    cross = edges[:, 0] * offset[..., 1] - edges[:, 1] * offset[..., 0]
    clear = np.abs(cross).min(axis=1) > 1e-9 * size**2
    np.testing.assert_array_equal(
        (cross > 0).all(axis=1)[clear], piece.contains(plane.from_plane(points))[clear]
    )


def test_network_without_relu_and_bad_input():
    class Plain(nn.Module):
        def features(self, x):
            return x.flatten(1)

    head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    piece = relu_piece(Plain(), head, np.array([[[0.9, 0.5]]]))
    ball = piece.largest_ball()
    assert ball.verify()
    assert ball.radius == pytest.approx(0.4 / np.sqrt(2))
    assert ball.face == "class 1"
    equal = relu_piece(Plain(), LinearHead(np.ones((2, 2)), [1.0, 0.0]), np.array([[[0.9, 0.5]]]))
    assert equal.largest_ball().radius == np.inf
    assert equal.largest_ball().verify()
    with pytest.raises(ValueError, match="shape"):
        piece.contains(np.zeros((2, 1, 3, 3)))
    with pytest.raises(ValueError, match="head takes 3"):
        relu_piece(Plain(), LinearHead(np.eye(3)), np.array([[[0.9, 0.5]]]))
    with pytest.raises(ValueError, match="plane holds"):
        piece.section(pixel_plane(np.eye(3).reshape(3, 1, 1, 3)), (-1, 1, -1, 1))
