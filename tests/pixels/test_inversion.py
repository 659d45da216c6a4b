"""Inversion: residuals recomputed, the box kept, nothing claimed that does not hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.inversion import invert, invert_frames


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Sequential(
            torch.nn.Flatten(),
            torch.nn.Linear(36, 24),
            torch.nn.ReLU(),
            torch.nn.Linear(24, 6),
            torch.nn.ReLU(),
        )

    def features(self, x):
        return self.body(x)


@pytest.fixture(scope="module")
def setting():
    with torch.random.fork_rng():
        model = Small()
    rng = np.random.default_rng(1)
    return model, LinearHead(rng.normal(size=(3, 6))), rng.random((2, 1, 6, 6))


def test_features_of_an_image_are_reached(setting):
    model, head, images = setting
    target = model.double().features(torch.as_tensor(images[1:]))[0].detach().numpy()
    model.float()
    wanted = model.features(torch.as_tensor(images[1:]).float())[0].detach().numpy()
    assert np.allclose(target, wanted, atol=1e-5)
    found = invert(model, head, target, images[0])
    assert found.verdict == "reached"
    assert found.residual <= 1e-10 * np.linalg.norm(target)
    assert found.image.min() >= 0
    assert found.image.max() <= 1
    assert found.verify(model, head)
    assert not replace(found, image=images[0]).verify(model, head)
    assert next(model.parameters()).dtype == torch.float32
    assert next(model.parameters()).requires_grad


def test_what_is_not_reached_is_undecided(setting):
    model, head, images = setting
    found = invert(model, head, -np.ones(6), images[0])
    assert found.verdict == "undecided"
    assert not found.verify(model, head)


def test_frames_never_get_worse(setting):
    model, head, images = setting
    residuals = [frame.residual for frame in invert_frames(model, head, np.zeros(6), images[0])]
    assert (np.diff(residuals) < 0).all()


def test_cancelled_at_the_start(setting):
    model, head, images = setting
    found = invert(model, head, np.ones(6), images[0], cancelled=lambda: True)
    assert found.steps == 0
    assert found.distance == 0


def test_bad_input(setting):
    model, head, images = setting
    with pytest.raises(ValueError, match="target"):
        invert(model, head, np.ones(5), images[0])
    with pytest.raises(ValueError, match="0, 1"):
        invert(model, head, np.ones(6), images[0] + 2)
    with pytest.raises(ValueError, match="does not fit"):
        invert(model, head, np.ones(6), np.zeros((1, 5, 5)))
