"""Training writes a model that loads: the same code on less data and for fewer steps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from featurespace_widgets.models import store, train
from featurespace_widgets.models.datasets import ImageSet
from featurespace_widgets.models.recipes import RECIPES


def parts_of(space):
    return {
        "train": ImageSet(space.bank.images, space.labels),
        "test": ImageSet(space.test_bank.images, space.test_bank.labels),
    }


@pytest.mark.slow
def test_images_first_trains_for_images_before_features():
    space = fsw.load("mnist-2d")
    assert RECIPES["mnist-2d"].images_first
    recipe = replace(RECIPES["mnist-2d"], decoder_epochs=2)
    some = {part: images.first_of_each_class(100) for part, images in parts_of(space).items()}

    def errors(**changes):
        decoder = train.train_decoder(replace(recipe, **changes), space.classifier, some["train"])
        figures = train.measure(space.classifier, decoder, some["test"])
        return figures["decoded_pixel_rms"], figures["decoded_feature_residual"]

    late, at_once, never = errors(), errors(images_first=False), errors(consistency=0.0)
    assert late[0] < at_once[0]  # better images than with the full weight from the start
    assert late[1] < never[1]  # and better features than without that weight


@pytest.mark.slow
def test_a_short_training_learns_and_writes_what_load_reads(tmp_path, monkeypatch):
    name = "mnist"
    bundled = fsw.load(name)
    parts = parts_of(bundled)
    monkeypatch.setattr(train, "read_dataset", lambda dataset, folder: parts)
    monkeypatch.setattr(train, "LIFTED", 20)
    recipe = replace(RECIPES[name], epochs=2, decoder_epochs=1)
    card = train.train(recipe, tmp_path / "data", tmp_path / "zoo")
    assert card["test_accuracy"] > 0.5  # ten classes: chance is 0.1
    assert set(card["sha256"]) == {"mnist.images.npz", f"{name}.weights.npz", f"{name}.features.npz"}

    monkeypatch.setattr(store, "BUNDLED", tmp_path / "zoo")
    space = fsw.load(name)
    images = torch.as_tensor(space.test_bank.images).float() / 255
    with torch.no_grad():
        accuracy = np.mean(space.classifier(images).argmax(1).numpy() == space.test_bank.labels)
    assert accuracy == pytest.approx(card["test_accuracy"], abs=2e-3)
    again = store.read_arrays(card, f"{name}.weights.npz", tmp_path / "zoo")
    assert all(array.dtype == np.float16 for array in again.values())


@pytest.mark.slow
def test_averaging_the_weights_on_the_way_errs_less_on_images_not_seen():
    recipe = replace(RECIPES["mnist"], epochs=1, averaged_epochs=2)
    parts = {part: images.first_of_each_class(100) for part, images in parts_of(fsw.load("mnist")).items()}
    classifier = train.train_classifier(recipe, parts["train"])
    before = train.measure(classifier, None, parts["test"])["test_accuracy"]
    averaged = train.average_weights(recipe, classifier, parts["train"])
    assert train.measure(averaged, None, parts["test"])["test_accuracy"] > before
    assert not averaged.training
