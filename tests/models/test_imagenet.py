"""A classifier of real photos, and photos of one's own."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import log_softmax
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.models.photos import DECAY, train_head


@pytest.fixture(scope="module")
def space():
    return fsw.load("imagenet-efficientnet-lite0")


def test_real_photos_are_recognised(space):
    right = space.labels == space.predictions
    print(f"{right.sum()} of {len(right)} photos")
    assert len(right) >= 20
    assert right.mean() >= 0.7
    cat = np.flatnonzero(space.labels == 285)
    assert space.head.class_names[space.predictions[cat[0]]] in ("Egyptian cat", "tabby", "tiger cat")


def test_the_space_is_what_the_network_is(space):
    assert (space.head.num_classes, space.head.dimension) == (1000, 1280)
    assert space.card["head"] == "_fc"
    assert space.card["features"] == "in [0, 6] (means of a ReLU6)"
    with torch.no_grad():
        logits = space.classifier(torch.as_tensor(space.images[:4])).double().numpy()
    np.testing.assert_allclose(space.head.logits(space.features[:4]), logits, atol=1e-4)


def test_the_explorer_shows_a_thousand_classes(space):
    explorer = fsw.Explorer(space)
    assert explorer.panel.content["image"]
    explorer.view.show(classes=(281, 285))
    assert explorer.view.classes == (281, 285)
    explorer.close()


def test_every_tab_answers_or_says_why_not_or_shows_how_far_it_is(space):
    """A thousand classes and photos of 150,528 numbers: what takes long has a bar and can be cancelled."""
    explorer = fsw.Explorer(space)
    for title in explorer.tabs.titles:
        panel, end = explorer.tabs.select(title), time.monotonic() + 60
        while panel.answer is None and not panel.text.value and panel.busy.layout.display == "none":
            assert time.monotonic() < end, f"{title} shows nothing"
            time.sleep(0.05)
        assert "could not be computed" not in panel.text.value, title
        if panel.button.description == "Search all the same":
            panel.button.click()
            while panel.button.description != "Cancel":
                assert time.monotonic() < end, f"{title} does not begin"
                time.sleep(0.05)
        if panel.busy.layout.display != "none":
            panel.button.click()
            assert panel.button.description == "Start again"
    explorer.close()


def folder_of(path, names, count=6, size=12):
    """Pictures that are brighter or darker, redder or greener."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(names):
        (path / name).mkdir()
        for row in range(count):
            pixels = rng.integers(0, 60, (size, size + row, 3), dtype=np.uint8)
            pixels[..., k % 3] += 150
            Image.fromarray(pixels).save(path / name / f"{row}.png")
    return path


def test_photos_of_ones_own(tmp_path):
    folder_of(tmp_path, ["red", "green", "blue"], size=64)
    space = fsw.FeatureSpace.from_folder(tmp_path, progress=False)
    assert space.head.class_names == ("blue", "green", "red")
    assert space.card["accuracy"] == 1.0
    assert "100 % in 5-fold cross-validation" in space.title
    np.testing.assert_array_equal(space.predictions, space.labels)
    with torch.no_grad():
        logits = space.classifier(torch.as_tensor(space.images)).double().numpy()
    np.testing.assert_allclose(space.head.logits(space.features), logits, atol=1e-3)
    assert space.domain.ub[0] == 6


def test_any_network_serves_for_photos(tmp_path):
    folder_of(tmp_path, ["red", "green", "blue"], size=8)
    torch.manual_seed(0)
    pool = nn.AdaptiveAvgPool2d(4)
    network = nn.Sequential(pool, nn.Flatten(), nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 2))
    space = fsw.FeatureSpace.from_folder(
        tmp_path, fsw.adapters.ExternalModel(network, size=8), progress=False
    )
    assert space.head.num_classes == 3
    assert space.card["accuracy"] == 1.0


def test_a_folder_needs_classes(tmp_path):
    folder_of(tmp_path, ["red"])
    with pytest.raises(ValueError, match="two folders"):
        fsw.FeatureSpace.from_folder(tmp_path, fsw.adapters.ExternalModel(nn.Flatten(), size=8))


def test_the_trained_head_is_the_minimum():
    rng = np.random.default_rng(1)
    labels = np.arange(40) % 4
    features = rng.normal(size=(40, 6)) + 0.5 * np.eye(4, 6)[labels]
    found = train_head(features, labels)
    assert 0.2 < found.accuracy < 0.9
    scale = np.sqrt(np.square(features - features.mean(0)).sum(1).mean())

    def loss(weight, bias):
        likely = log_softmax(features @ weight.T + bias, axis=1)[np.arange(40), labels]
        return -likely.mean() + 0.5 * DECAY * np.square(scale * weight).sum()

    best = loss(found.weight, found.bias)
    for _ in range(200):
        step = 10.0 ** rng.uniform(-4, 0)
        other = loss(found.weight + step * rng.normal(size=(4, 6)), found.bias + step * rng.normal(size=4))
        assert other > best - 1e-7


def test_too_few_samples_are_refused():
    with pytest.raises(ValueError, match="two samples of each"):
        train_head(np.eye(3), np.array([0, 0, 1]))
