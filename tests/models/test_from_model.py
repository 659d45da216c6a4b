"""Any torch classifier as a feature space: its head is found, checked, and taken off; else a clear reason."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import featurespace_widgets as fsw
from featurespace_widgets.models.adapters import Preprocess

IMAGES = np.random.default_rng(0).random((20, 3, 8, 8), dtype=np.float32)


def flat(*last: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 16), *last)


class Net(nn.Module):
    """Convolution, an activation, a mean, a head, and something after it."""

    def __init__(self, activation, head, after=lambda x: x):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 12, 3)
        self.norm = nn.BatchNorm2d(12)
        self.drop = nn.Dropout(0.5)
        self.activation, self.head, self.after = activation, head, after

    def forward(self, x):
        x = self.activation(self.norm(self.conv(x)))
        x = x.mean((2, 3), keepdim=True)
        x = x if isinstance(self.head, nn.Conv2d) else x.flatten(1)
        return self.after(self.head(self.drop(x)))


def make(model, images=IMAGES, **options):
    return fsw.FeatureSpace.from_model(model, images, progress=False, **options)


@torch.no_grad()
def own_logits(model, images=IMAGES):
    model = model.eval()
    return model(torch.as_tensor(images)).reshape(len(images), -1).double().numpy()


@pytest.mark.parametrize(
    "model",
    [
        flat(nn.ReLU(), nn.Linear(16, 4)),
        flat(nn.Tanh(), nn.Dropout(0.9), nn.Linear(16, 4, bias=False)),
        Net(functional.relu, nn.Linear(12, 5)),
        Net(functional.silu, nn.Conv2d(12, 5, 1), lambda x: x.flatten(1)),
        Net(functional.relu6, nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5))),
    ],
    ids=["sequential", "no bias", "functional", "1x1 convolution", "nested"],
)
def test_the_head_explains_the_model(model):
    model.train()
    space = make(model)
    assert model.training
    weights = [p for p in model.parameters() if p.ndim > 1][-1]
    np.testing.assert_array_equal(space.head.weight, weights.detach().flatten(1).double().numpy())
    np.testing.assert_allclose(space.head.logits(space.features), own_logits(model), atol=1e-5)
    with torch.no_grad():
        given = space.classifier(torch.as_tensor(IMAGES)).double().numpy()
    np.testing.assert_allclose(given, own_logits(model), atol=1e-5)


@pytest.mark.parametrize("after", [lambda z: z.log_softmax(1), lambda z: z.softmax(1)])
def test_a_softmax_after_the_head_is_seen_through(after):
    model = Net(functional.relu, nn.Linear(12, 5), after)
    space = make(model)
    np.testing.assert_array_equal(space.predictions, own_logits(model).argmax(1))
    np.testing.assert_array_equal(
        space.predictions, space.classifier(torch.as_tensor(IMAGES)).argmax(1).numpy()
    )
    assert "softmax" in space.card["output"]


def test_one_logit_makes_two_classes():
    model = flat(nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    space = make(model, class_names=["no", "yes"])
    np.testing.assert_array_equal(space.predictions, own_logits(model)[:, 0] > 0)


class Answer:
    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize("wrap", [Answer, lambda z: {"logits": z}])
def test_logits_inside_an_answer(wrap):
    assert make(Net(functional.relu, nn.Linear(12, 5), wrap)).head.num_classes == 5


@pytest.mark.parametrize(
    ("activation", "low", "high", "words"),
    [
        (nn.ReLU(inplace=True), 0, np.inf, ">= 0 (means of a ReLU)"),
        (functional.relu, 0, np.inf, ">= 0 (means of a ReLU)"),
        (nn.ReLU6(), 0, 6, "in [0, 6] (means of a ReLU6)"),
        (torch.sigmoid, 0, 1, "in [0, 1] (means of a Sigmoid)"),
        (torch.tanh, -1, 1, "in [-1, 1] (means of a Tanh)"),
    ],
)
def test_the_domain_is_read_from_the_operations(activation, low, high, words):
    space = make(Net(activation, nn.Linear(12, 5)))
    np.testing.assert_array_equal(space.domain.lb, np.full(12, low))
    np.testing.assert_array_equal(space.domain.ub, np.full(12, high))
    assert space.card["features"] == words


@pytest.mark.parametrize("activation", [functional.silu, functional.gelu, functional.hardswish, lambda x: x])
def test_signed_features_have_no_domain(activation):
    space = make(Net(activation, nn.Linear(12, 5)))
    assert space.domain is None
    assert space.card["features"] == "of any sign"


def test_preprocessing_is_part_of_the_pixel_map():
    model = flat(nn.ReLU(), nn.Linear(16, 4))
    preprocess = Preprocess([0.4, 0.5, 0.6], [0.2, 0.3, 0.4])
    space = make(model, preprocess=preprocess)
    mean, std = (np.float32(x).reshape(3, 1, 1) for x in ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]))
    np.testing.assert_allclose(
        space.head.logits(space.features), own_logits(model, (IMAGES - mean) / std), atol=1e-4
    )
    flip = space.flip_image(IMAGES[0])
    assert 0 < flip.distance < 5
    result = space.invert(space.features[1], IMAGES[0])
    assert result.residual < 1e-3 * space.yardstick


def test_a_plain_stack_keeps_its_exact_answers():
    space = make(flat(nn.ReLU(), nn.Dropout(), nn.Linear(16, 4)))
    assert space.certify_image(IMAGES[0]).radius_l2 > 0
    assert space.relu_piece(IMAGES[0]).largest_ball().radius > 0


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(144, 4)

    def forward(self, x):
        return self.head(functional.relu(self.conv(x)).flatten(1))


def test_a_functional_network_has_certificates():
    space = make(Plain())
    assert space.certify_image(IMAGES[0]).radius_l2 > 0


def test_a_bundled_model_comes_back():
    known = fsw.load("mnist")
    images = known.test_bank.images[:50]
    space = make(known.classifier, images, labels=known.test_bank.labels[:50])
    np.testing.assert_allclose(space.features, known.test_bank.features[:50], atol=2e-3)
    np.testing.assert_array_equal(space.domain.lb, known.domain.lb)
    np.testing.assert_array_equal(space.images, images / np.float32(255))


class Pooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return functional.relu(self.head(x)).mean((2, 3))


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(192, 4), nn.Linear(192, 4)

    def forward(self, x):
        return (self.first(x.flatten(1)) + self.second(x.flatten(1))) / 2


class Twice(nn.Module):
    """Its last layer is used on the way, too."""

    def __init__(self):
        super().__init__()
        self.into, self.head = nn.Linear(192, 6), nn.Linear(6, 6)

    def forward(self, x):
        return self.head(self.head(self.into(x.flatten(1))))


class Restless(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(192, 4)

    def forward(self, x):
        return self.head(x.flatten(1) + torch.rand(()))


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Pooled(), "something comes after it"),
        (TwoHeads(), "mixes 'first', 'second'"),
        (Restless(), "the second time"),
        (flat(nn.ReLU()), "no affine head"),
        (flat(nn.Linear(16, 4), nn.Softmax(0)), "no affine head"),
        (Net(functional.relu, nn.Linear(12, 5), lambda x: [x]), "it gave a list"),
        (lambda x: x, "torch.nn.Module"),
    ],
)
def test_a_model_without_an_affine_head_is_refused_with_the_reason(model, reason):
    with pytest.raises(ValueError, match=reason):
        make(model)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # scripting is on its way out, its models are not
def test_a_scripted_model_is_refused():
    with pytest.raises(ValueError, match="scripted"):
        make(torch.jit.trace(flat(nn.Linear(16, 4)), torch.zeros(1, 3, 8, 8)))


def test_a_head_that_is_used_twice_is_refused():
    with pytest.raises(ValueError, match="more than one place"):
        make(Twice())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"head": "nothing"}, "'nothing' is no linear layer"),
        ({"preprocess": 3}, "preprocess must be a function"),
        ({"batch_size": 0}, "batch_size"),
        ({"class_names": ["a"]}, "4 texts"),
        ({"labels": [0, 1]}, "20 whole numbers"),
        ({"labels": np.full(20, 9)}, "between 0 and 3"),
        ({"images": IMAGES[:, :, :4]}, "does not take images of shape"),
        ({"images": IMAGES.transpose(0, 2, 3, 1)}, "move the channels"),
        ({"images": 255 * IMAGES}, "divide by 255"),
        ({"images": IMAGES[:0]}, "received none"),
        ({"images": 5}, "received int"),
    ],
)
def test_bad_input_is_refused(options, reason):
    with pytest.raises(ValueError, match=reason):
        make(flat(nn.ReLU(), nn.Linear(16, 4)), **options)


def test_features_that_are_not_finite_are_named():
    images = IMAGES.copy()
    images[13] = 0

    class Divides(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(192, 4)

        def forward(self, x):
            return self.head(x.flatten(1) / x.sum((1, 2, 3))[:, None])

    with pytest.raises(ValueError, match="1 images: 13"):
        make(Divides(), images)


def test_batches_make_no_difference():
    model = Net(functional.relu, nn.Linear(12, 5))
    whole, parts = make(model), make(model, batch_size=3)
    np.testing.assert_allclose(whole.features, parts.features, atol=1e-6)
    np.testing.assert_array_equal(parts.images, IMAGES)


def test_the_explorer_takes_it():
    space = make(Net(functional.relu, nn.Linear(12, 5)), labels=np.arange(20) % 5)
    explorer = fsw.Explorer(space)
    assert explorer.panel.content["image"]
    explorer.close()
