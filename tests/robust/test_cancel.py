"""A cancelled optimisation stops computing within one step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds

import featurespace_widgets as fsw
from featurespace_widgets.models.bank import Bank

IMAGES = np.random.default_rng(1).random((20, 1, 5, 5))


class Counting(torch.nn.Flatten):
    """Counts evaluations, also those of copies."""

    calls = 0

    def forward(self, x):
        Counting.calls += 1
        return super().forward(x)


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body = torch.nn.Sequential(
                Counting(), torch.nn.Linear(25, 20), torch.nn.Tanh(), torch.nn.Linear(20, 8), torch.nn.ReLU()
            )

    def features(self, x):
        return self.body(x)


@pytest.fixture(scope="module")
def space():
    model, rng = Model(), np.random.default_rng(0)
    with torch.no_grad():
        features = model.features(torch.as_tensor(IMAGES, dtype=torch.float32)).double().numpy()
    head = fsw.LinearHead(rng.normal(size=(4, 8)), rng.normal(size=4) * 0.1)
    return fsw.FeatureSpace(
        head, Bounds(np.zeros(8), np.full(8, np.inf)), Bank(features=features, labels=None, images=IMAGES),
        classifier=model,
    )  # fmt: skip


class Asked:
    """A `cancelled` that says yes from some question on, and notes how much was computed by then."""

    def __init__(self, stop: float) -> None:
        self.stop, self.at = stop, []

    def __call__(self) -> bool:
        self.at.append(Counting.calls)
        return len(self.at) > self.stop


CALLS = {
    "invert": lambda space, asked: space.invert(space.features[3], IMAGES[0], max_steps=60, cancelled=asked),
    "invert into a region": lambda space, asked: space.invert(
        space.region((int(space.predictions[0]) + 1) % 4), IMAGES[0], max_steps=60, cancelled=asked
    ),
    "flip": lambda space, asked: space.flip_image(IMAGES[0], cancelled=asked),
    "all flips": lambda space, asked: space.flip_image(IMAGES[0], "all", cancelled=asked),
    "morph": lambda space, asked: space.morph(IMAGES[0], IMAGES[1], frames=4, cancelled=asked),
    "pixel classes": lambda space, asked: list(
        space.pixel_classes(space.pixel_plane(IMAGES[:3]), (-1, 1, -1, 1), levels=7, cancelled=asked)
    ),
}

# Evaluations that give the best answer so far its figures: a flip's tie is bisected, a frame's image is seen.
FINISH = {"flip": 100, "all flips": 100, "morph": 4}


@pytest.mark.parametrize("name", CALLS)
def test_no_more_than_one_step_is_computed(space, name):
    def count(stop: float) -> tuple[list[int], int]:
        Counting.calls, asked = 0, Asked(stop)
        CALLS[name](space, asked)
        return asked.at, Counting.calls

    at, total = count(np.inf)
    assert len(at) >= 3
    step = max(np.diff([*at, total]))
    for stop in (1, len(at) // 2):
        until, cancelled = count(stop)
        assert cancelled - until[stop] <= step + FINISH.get(name, 0)
        assert cancelled < total
    print(f"\n{name}: {total} evaluations in {len(at)} steps; cancelled half-way {cancelled}")
