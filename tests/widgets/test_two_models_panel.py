"""The tab of two models on the kernel's side."""

import time

import numpy as np
import pytest
import torch
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.widgets.panels.two_models import DifferentClassesError, same_classes
from widgets.answers import answer

NAMES = ["ant", "bee", "cow"]


class Stage(nn.Module):
    """A network after some steps of a training."""

    def __init__(self, step, width=6):
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(16, width), nn.ReLU())
        self.head = nn.Linear(width, 3)
        with torch.no_grad():
            self.head.weight += step * torch.randn(3, width)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture(scope="module")
def stages():
    images = np.random.default_rng(2).uniform(size=(80, 1, 4, 4)).astype(np.float32)
    return [fsw.FeatureSpace.from_model(Stage(step), images, class_names=NAMES) for step in (0.0, 0.3)]


def refusal(panel, seconds=60):
    """What the panel says instead of an answer."""
    end = time.monotonic() + seconds
    while not panel.text.value:
        assert time.monotonic() < end
        time.sleep(0.02)
    return panel.text.value


def test_two_stages_of_a_training(stages):
    explorer = fsw.Explorer(stages)
    panel = explorer.tabs.select("Two models")
    found = answer(panel)
    assert found.section.verify()
    first, second = (
        space.classifier(torch.as_tensor(stages[0].images)).argmax(dim=1).numpy() for space in stages
    )
    assert np.array_equal(found.differing, np.flatnonzero(first != second))
    assert len(found.differing) > 0
    assert f"{len(found.differing)} of 80" in panel.facts.value
    assert f"{100 * found.section.share():.1f} %" in panel.facts.value
    assert panel.samples.value.count("<figure") == min(18, len(found.differing))
    hatched = [np.frombuffer(pane["hatchedCounts"], "<u2") for pane in panel.planes.panes]
    assert [len(counts) for counts in hatched] == [len(found.section.regions)] * 2


def test_the_corners_are_the_features_of_the_same_images(stages):
    explorer = fsw.Explorer(stages)
    panel = explorer.tabs.select("Two models")
    found = answer(panel)
    images = torch.as_tensor(found.trio.images, dtype=torch.float32)
    for space, corners in zip(stages, found.section.corners, strict=True):
        with torch.no_grad():
            np.testing.assert_allclose(space.classifier.features(images).numpy(), corners, atol=1e-5)


def test_the_cursor_tells_what_both_models_say(stages):
    explorer = fsw.Explorer(stages)
    panel = explorer.tabs.select("Two models")
    found = answer(panel)
    polygon = max(found.section.regions, key=len, default=None)
    assert polygon is not None
    panel.planes.cursor = {"id": 1, "pane": 0, "at": polygon.mean(axis=0).tolist()}
    assert panel.planes.answer["text"].endswith("they disagree")
    corner = panel.planes.panes[0]["corners"][0]["at"]
    panel.planes.cursor = {"id": 2, "pane": 1, "at": corner}
    row = found.trio.rows[0]
    share = (
        torch.softmax(stages[0].classifier(torch.as_tensor(stages[0].images[row : row + 1])), 1).max().item()
    )
    assert f"softmax {100 * share:.1f} %" in panel.planes.answer["text"]
    assert panel.planes.answer["pane"] == 0


def test_a_smaller_window_has_its_own_share(stages):
    explorer = fsw.Explorer(stages)
    panel = explorer.tabs.select("Two models")
    first = answer(panel)
    panel.planes.views = [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]
    second = answer(panel, first)
    s0, s1, _, _ = second.section.extent
    assert s1 - s0 == pytest.approx(0.2)
    assert second.second is first.second
    assert "window shown" in panel.facts.value


def test_a_chosen_model_whose_classes_are_others_is_refused(stages):
    other = fsw.FeatureSpace.from_arrays(np.eye(3), class_names=["x", "y", "z"])
    explorer = fsw.Explorer([stages[0], other, stages[1]])
    panel = explorer.tabs.select("Two models")
    found = answer(panel)  # the first with the same classes
    assert found.second.space is stages[1]
    panel.model.value = next(iter(panel._question.others))
    said = refusal(panel)
    assert "same classes" in said
    assert "x, y, z" in said
    panel.model.value = list(panel._question.others)[1]  # the choice is still there
    assert answer(panel).second.space is stages[1]
    assert panel.content.layout.display is None
    assert panel.shown.layout.display is None


def test_one_model_alone_is_told_how_to_bring_another(stages):
    panel = fsw.Explorer(stages[0]).tabs.select("Two models")
    assert "Explorer([first, second])" in panel.text.value


def test_arrays_with_the_same_images_need_no_model(stages):
    arrays = [
        fsw.FeatureSpace.from_arrays(
            space.head.weight, space.head.bias, space.features, images=space.images, class_names=NAMES
        )
        for space in stages
    ]
    found = answer(fsw.Explorer(arrays).tabs.select("Two models"))
    assert np.array_equal(found.differing, np.flatnonzero(stages[0].predictions != stages[1].predictions))


def test_bundled_models_of_the_same_digits_are_compared():
    explorer = fsw.Explorer()
    explorer.toolbar.model = "mnist-2d"
    found = answer(explorer.tabs.select("Two models"))
    assert found.second.space.title.startswith("MNIST · 64")
    assert found.section.verify()
    right = found.second.seen == explorer.space.labels
    assert right.mean() > 0.98


def test_classes_are_matched_by_name():
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(3, 4)), rng.normal(size=3)
    turned = same_classes(LinearHead(weight, bias, NAMES), LinearHead(weight[::-1], bias[::-1], NAMES[::-1]))
    np.testing.assert_array_equal(turned.weight, weight)
    np.testing.assert_array_equal(turned.bias, bias)
    twice = LinearHead(weight, bias, ["a", "a", "b"])
    with pytest.raises(DifferentClassesError):
        same_classes(twice, LinearHead(weight, bias, ["a", "b", "a"]))
