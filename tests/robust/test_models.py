"""Models that misbehave: an error that says so or an honest "undecided", never a claim; the view lives on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds

import featurespace_widgets as fsw
from featurespace_widgets.models.bank import Bank

RAISES = {
    "raises": RuntimeError("device-side assert"),
    "out of memory": MemoryError("out of memory"),
    "out of device memory": torch.OutOfMemoryError("out of device memory"),
}


class Model(torch.nn.Module):
    """A small classifier that can be made to fail."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body, self.head = torch.nn.Linear(16, 6), torch.nn.Linear(6, 3)
        self.fault, self.calls = "", 0

    def features(self, x):
        self.calls += 1
        if self.fault in RAISES:
            raise RAISES[self.fault]
        y = torch.relu(self.body(x.flatten(1).to(self.body.weight.dtype)))
        if self.fault == "gives NaN":
            return y * float("nan")
        if self.fault == "changes its mind":
            return y + torch.randn_like(y).abs()
        return torch.cat([y] * (1 + self.calls % 2), 1) if self.fault == "changes its size" else y

    def forward(self, x):
        return self.head(self.features(x))


FAULTS = [*RAISES, "gives NaN", "changes its mind", "changes its size"]
IMAGES = np.random.default_rng(0).random((30, 1, 4, 4)).astype(np.float32)
CALLS = {
    "invert": lambda space: space.invert(space.features[3], IMAGES[0]),
    "flip": lambda space: space.flip_image(IMAGES[0]),
    "certify": lambda space: space.certify_image(IMAGES[0]),
    "piece": lambda space: space.relu_piece(IMAGES[0]),
    "morph": lambda space: space.morph(IMAGES[0], IMAGES[1], frames=3),
    "compare": lambda space: space.compare(IMAGES[:2]).table(),
    "pixel classes": lambda space: list(
        space.pixel_classes(space.pixel_plane(IMAGES[:3]), (-1, 1, -1, 1), levels=3)
    ),
}


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def space(model):
    with torch.no_grad():
        features = model.features(torch.as_tensor(IMAGES)).numpy()
    weight, bias = (p.detach().numpy() for p in (model.head.weight, model.head.bias))
    bank = Bank(features=features.astype(float), images=IMAGES, labels=None)
    domain = Bounds(np.zeros(6), np.full(6, np.inf))
    return fsw.FeatureSpace(fsw.LinearHead(weight, bias), domain, bank, classifier=model)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_claimed(model, space, name, fault):
    model.fault = fault
    try:
        found = CALLS[name](space)
    except (ValueError, MemoryError, RuntimeError) as error:
        said, verdict = str(error), "undecided"
    else:
        said, verdict = "an answer", getattr(found, "verdict", "undecided")
    assert said
    assert verdict == "undecided"
    model.fault = ""
    assert CALLS["invert"](space).verdict in ("reached", "undecided")


@pytest.mark.parametrize("fault", FAULTS)
def test_such_a_model_is_refused_or_its_own_error_is_passed_on(model, fault):
    model.fault = fault
    with pytest.raises((ValueError, MemoryError), match=r"finite|other features|does not take|out of memory"):
        fsw.FeatureSpace.from_model(model, IMAGES)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_explorer_lives_on(model, space, fault):
    class Decoder(torch.nn.Module):
        def forward(self, y):
            return model.features(torch.zeros(len(y), 16))[:, :1, None, None].repeat(1, 1, 4, 4)

    space.decoder = Decoder()
    explorer = fsw.Explorer(space)
    explorer.view.move_to([0.1, 0.0])
    before = explorer.view.probe.st.tolist()
    model.fault = fault
    explorer.view.move_to([0.2, 0.1])
    if fault in RAISES or fault == "changes its size":
        assert explorer.view.error["received"]
        assert explorer.view.probe.st.tolist() == before
    model.fault = ""
    explorer.view.move_to([0.3, 0.1])
    assert explorer.view.error == {}
    assert explorer.view.probe.st.tolist() == [0.3, 0.1]
    explorer.close()
