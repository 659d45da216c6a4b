"""Certified pixel radii: attacked without success, compared with what is known exactly."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels import relaxation
from featurespace_widgets.pixels.bounds import certify_image
from featurespace_widgets.pixels.network_reader import read_network
from featurespace_widgets.pixels.relaxation import Ball, bound_layers, difference_rows
from featurespace_widgets.pixels.relu_network import NoRuleError, as_image


class Model(nn.Module):
    def __init__(self, *layers, d=None):
        super().__init__()
        self.body = nn.Sequential(*layers)

    def features(self, x):
        return self.body(x)


class Residual(nn.Module):
    """Normalisation, strided blocks with a projection on the skip, average pooling."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.one = nn.Sequential(nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, padding=1))
        self.skip = nn.Conv2d(4, 6, 1, 2)
        self.two = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, groups=2), nn.ReLU(), nn.Conv2d(6, 6, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))

    def features(self, x):
        x = self.stem((x - self.mean) / 0.25)
        x = torch.relu(self.one(x) + self.skip(x))
        x = torch.relu(x + self.two(x))
        return self.pool(x).flatten(1)


def dense(seed=0, widths=(36, 20, 16, 5)):
    torch.manual_seed(seed)
    layers = [nn.Flatten()]
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return Model(*layers).eval(), (1, 6, 6), widths[-1]


def convolutional(seed=0):
    torch.manual_seed(seed)
    return (
        Model(
            nn.Conv2d(2, 5, 3, 1, 1), nn.ReLU(), nn.Conv2d(5, 6, 3, 2, 1), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(6, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 6),
        ).eval(),
        (2, 8, 8),
        6,
    )  # fmt: skip


def residual(seed=0):
    torch.manual_seed(seed)
    model = Residual()
    with torch.no_grad():
        model.stem[1].running_mean.normal_()
        model.stem[1].running_var.uniform_(0.5, 2.0)
        model.stem[1].weight.normal_()
    return model.eval(), (3, 8, 8), 6


MODELS = [dense, convolutional, residual]


def make(build, seed, classes=4):
    model, shape, d = build(seed)
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(classes, d)), rng.normal(size=classes) * 0.1)
    image = rng.uniform(size=shape)
    image[rng.uniform(size=shape) < 0.3] = 0.0  # pixels at their limits, as real images have
    return model, head, image


def attack(model, head, image, radius, norm, class_index, restarts=20, steps=25):
    """Lowest logit difference found by projected gradients from random starts, and points tried."""
    network = read_network(model, torch.as_tensor(image))
    weight, bias = torch.as_tensor(head.weight), torch.as_tensor(head.bias)
    origin = torch.as_tensor(image)[None]
    generator = torch.Generator().manual_seed(0)

    def project(x):
        delta = x - origin
        if norm == "Linf":
            delta = delta.clamp(-radius, radius)
        else:
            length = delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            delta = delta * (radius / length.clamp_min(1e-30)).clamp(max=1.0)
        return (origin + delta).clamp(0, 1)  # the clamp moves no pixel further away

    step = torch.randn(restarts, *origin.shape[1:], generator=generator, dtype=torch.float64)
    x = project(origin + (step.sign() if norm == "Linf" else step) * radius)
    lowest = np.inf
    others = torch.arange(restarts) % (len(bias) - 1)
    others = others + (others >= class_index)
    for _ in range(steps):
        x = x.detach().requires_grad_()
        logits = network.features(x) @ weight.T + bias
        gaps = logits[:, [class_index]] - logits
        gaps = gaps + torch.nn.functional.one_hot(torch.tensor(class_index), len(bias)) * 1e9
        lowest = min(lowest, float(gaps.detach().min()))
        (gradient,) = torch.autograd.grad(gaps.gather(1, others[:, None]).sum(), x)
        length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1).clamp_min(1e-30)
        move = gradient.sign() if norm == "Linf" else gradient / length
        x = project(x.detach() - 0.3 * radius * move)
    return lowest, restarts * steps


@pytest.mark.parametrize("build", MODELS)
def test_no_attack_finds_a_counter_example(build, capsys):
    tried = certified = 0
    for seed in range(6):
        model, head, image = make(build, seed)
        found = certify_image(model, head, image)
        assert found.verify() == (found.verdict == "yes")
        for norm, radius in (("L2", found.radius_l2), ("Linf", found.radius_linf)):
            if radius:
                lowest, count = attack(model, head, image, radius, norm, found.class_index)
                assert lowest > 0
                tried, certified = tried + count, certified + 1
    assert certified >= 8
    with capsys.disabled():
        print(f"\n{build.__name__}: {certified} certificates, {tried} attacked points, 0 counter-examples")


@pytest.mark.parametrize("build", MODELS)
@pytest.mark.parametrize("norm", ["L2", "Linf"])
def test_affine_functions_lie_below_the_differences_everywhere_on_the_ball(build, norm):
    """The relaxation itself, at radii far too large to be certified."""
    for seed, radius in enumerate((0.05, 0.3, 1.0)):
        model, head, image = make(build, seed)
        pixels = torch.as_tensor(image)
        network = read_network(model, pixels)
        ball = Ball(pixels, radius, norm)
        directions = torch.as_tensor(head.weight[0] - head.weight[1:])
        with torch.no_grad():
            low, constant, rows = difference_rows(network, directions, bound_layers(network, ball), ball)
            step = torch.randn(400, *pixels.shape, dtype=torch.float64)
            if norm == "Linf":
                step = step.sign() * torch.rand(400, 1, 1, 1)
            else:
                step = step / step.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            x = (pixels + radius * step).clamp(0, 1)
            values = network.features(x) @ directions.T
        affine = x.flatten(1) @ rows.flatten(1).T + constant
        assert (values - affine).min() >= -1e-9
        assert (affine - low).min() >= -1e-9


def test_one_affine_layer_is_exact():
    """Without an open ReLU the radius is the distance to the boundary within the box."""
    rng = np.random.default_rng(3)
    head = LinearHead(rng.normal(size=(3, 4)), rng.normal(size=3))
    image = rng.uniform(0.4, 0.6, size=(1, 2, 2))
    model = Model(nn.Flatten())
    found = certify_image(model, head, image)
    i = found.class_index
    z = head.logits(image.reshape(1, -1))[0]
    normals = head.weight[i] - np.delete(head.weight, i, 0)
    gaps = z[i] - np.delete(z, i)
    l2 = (gaps / np.linalg.norm(normals, axis=1)).min()
    linf = (gaps / np.abs(normals).sum(axis=1)).min()
    assert 0.97 * l2 <= found.radius_l2 <= l2
    if linf < 0.4:
        assert 0.97 * linf <= found.radius_linf <= linf


def test_a_constant_class_is_certified_on_the_whole_box():
    model, _, image = make(dense, 0)
    head = LinearHead(np.zeros((3, 5)), [1.0, 0.0, -1.0])
    found = certify_image(model, head, image)
    assert found.verify()
    assert found.radius_linf == 1.0
    assert found.radius_l2 == 6.0


def test_a_model_trained_for_accuracy_alone():
    space = fsw.load("mnist-2d")
    flags = [p.requires_grad for p in space.classifier.parameters()]
    found = certify_image(
        space.classifier,
        space.head,
        space.images[1500],
        norms=("L2",),
        steps=0,
    )
    assert found.verify()
    assert 0.001 < found.radius_l2 < 0.2
    assert found.radius_linf == 0.0
    lowest, _ = attack(space.classifier, space.head, space.images[1500].astype(float), found.radius_l2, "L2",
                       found.class_index, restarts=9, steps=3)  # fmt: skip
    assert lowest > 0
    assert [p.requires_grad for p in space.classifier.parameters()] == flags


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_models_trained_for_certificates_prove_a_good_share(name):
    """Of the distance to the nearest image of another class that a search finds."""
    space, shares = fsw.load(name), []
    for image in space.test_bank.images[::300] / np.float32(255):
        found = space.certify_image(image, norms=("L2",))
        assert found.verify()
        shares.append(found.radius_l2 / space.flip_image(image).distance)
        own = found.class_index
        assert attack(space.classifier, space.head, image.astype(float), found.radius_l2, "L2", own)[0] > 0
    assert np.median(shares) > 0.3
    assert max(shares) < 1


def test_a_pass_under_way_ends_when_cancelled():
    space = fsw.load("mnist-2d")
    asked = []
    found = certify_image(
        space.classifier, space.head, space.images[0], cancelled=lambda: len(asked) > 8 or asked.append(1)
    )
    assert found.passes == 1
    assert {proof.method for proof in found.proofs} == {"norms of the layers"}
    assert found.verify()


def test_only_units_with_an_open_sign_are_walked_back(monkeypatch):
    """The bounds that a walk gives all units are those that it gives the open ones alone."""
    model, _, image = make(convolutional, 3)
    network = read_network(model, as_image(image))
    ball = Ball(as_image(image), 0.2, "L2")
    some = bound_layers(network, ball)
    rows = relaxation.unit_rows
    monkeypatch.setattr(
        relaxation, "unit_rows", lambda net, index, wanted: rows(net, index, torch.ones_like(wanted))
    )
    every = bound_layers(network, ball)
    assert (every.intercept[network.relus[0]] > 0).any()
    for index in network.relus:
        open_ = every.intercept[index] > 0
        assert (some.intercept[index] > 0)[open_].all()
        torch.testing.assert_close(some.upper[index][open_], every.upper[index][open_])


def test_tampered_certificates_do_not_verify():
    found = certify_image(*make(dense, 1))
    assert found.verify()
    assert not replace(found, radius_l2=found.radius_l2 * 1.1).verify()
    assert not replace(found, verdict="undecided").verify()
    assert not replace(found, proofs=()).verify()
    proof = found.proofs[0]
    assert not replace(proof, radius=proof.radius * 2).verify()
    assert not replace(proof, constants=proof.constants - 10).verify()
    assert not replace(proof, radius=np.nan).verify()


def test_ties_are_undecided():
    model, _, image = make(dense, 0)
    tie = certify_image(model, LinearHead(np.ones((2, 5))), image)
    assert (tie.verdict, tie.radius_l2, tie.verify()) == ("undecided", 0.0, False)
    assert "tie" in tie.reason


@pytest.mark.parametrize("options", [{"passes": 0}, {"cancelled": lambda: True}])
def test_without_a_pass_there_is_what_the_norms_certify(options):
    model, head, image = make(dense, 0)
    stopped = certify_image(model, head, image, **options)
    whole = certify_image(model, head, image)
    assert (stopped.verdict, stopped.passes, stopped.verify()) == ("yes", 0, True)
    assert 0 < stopped.radius_l2 < whole.radius_l2
    assert 0 < stopped.radius_linf < whole.radius_linf


def test_layers_without_a_rule_are_named():
    image = np.full((1, 6, 6), 0.5)
    head = LinearHead(np.eye(3, 36))
    pooled = Model(nn.MaxPool2d(2), nn.Flatten())
    found = certify_image(pooled, head, image)
    assert found.verdict == "undecided"
    assert "MaxPool2d" in found.reason
    assert not found.verify()
    with pytest.raises(NoRuleError, match="Sigmoid"):
        read_network(Model(nn.Flatten(), nn.Sigmoid()), torch.zeros(1, 6, 6))
    with pytest.raises(NoRuleError, match="training mode"):
        read_network(Model(nn.BatchNorm2d(1), nn.Flatten()).train(), torch.zeros(1, 6, 6))
    with pytest.raises(NoRuleError, match="method features"):
        read_network(nn.Linear(2, 2), torch.zeros(1, 1, 2))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((1, 6, 6), 2.0), r"\[0, 1\]"),
        (np.full((6, 6), 0.5), r"\(C, H, W\)"),
        (np.full((1, 6, 6), np.nan), r"\[0, 1\]"),
        (np.full((3, 5, 5), 0.5), "does not take an image"),
        ("x", "array of numbers"),
    ],
)
def test_bad_images(image, message):
    model, head, _ = make(dense, 0)
    with pytest.raises(ValueError, match=message):
        certify_image(model, head, image)


def test_other_bad_input():
    model, head, image = make(dense, 0)
    with pytest.raises(ValueError, match="norms"):
        certify_image(model, head, image, norms=("L1",))
    with pytest.raises(ValueError, match="head takes 7"):
        certify_image(model, LinearHead(np.eye(7)), image)
    for option in ({"passes": -1}, {"passes": 1.5}, {"steps": -1}):
        with pytest.raises(ValueError, match="whole number from 0 on, received"):
            certify_image(model, head, image, **option)
