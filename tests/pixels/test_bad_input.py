"""Questions about images refuse what cannot be answered, and say what was received and what is allowed."""

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw

GOOD = np.linspace(0.2, 0.8, 36).reshape(1, 6, 6)
OTHER = GOOD[:, ::-1].copy()
THIRD = np.where(np.eye(6) > 0, 0.9, GOOD)


class Model(torch.nn.Module):
    def __init__(self, gradients=True):
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(1, 3, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(48, 5)
        )
        self.gradients = gradients

    def features(self, x):
        return self.body(x) if self.gradients else self.body(x).detach()


def space_of(model):
    rng = np.random.default_rng(0)
    space = fsw.FeatureSpace.from_arrays(rng.normal(size=(4, 5)), None, rng.normal(size=(30, 5)))
    space.classifier = model.eval()
    return space


QUESTIONS = {
    "invert": lambda space, image: space.invert(np.zeros(5), image),
    "invert_frames": lambda space, image: next(space.invert_frames(np.zeros(5), image)),
    "flip_image": lambda space, image: space.flip_image(image),
    "flips to all": lambda space, image: space.flip_image(image, "all"),
    "certify_image": lambda space, image: space.certify_image(image),
    "relu_piece": lambda space, image: space.relu_piece(image),
    "morph": lambda space, image: space.morph(image, GOOD, frames=3),
    "compare": lambda space, image: space.compare([image, GOOD]),
    "pixel_plane": lambda space, image: space.pixel_plane([image, OTHER, THIRD]),
}
IMAGES = {
    "above one": (GOOD + 0.5, r"\[0, 1\]"),
    "below zero": (GOOD - 0.5, r"\[0, 1\]"),
    "not a number": (np.where(GOOD > 0.7, np.nan, GOOD), r"\[0, 1\]"),
    "bytes": ((GOOD * 255).astype(np.uint8), r"\[0, 1\]"),
    "no channels": (GOOD[0], r"\(C, H, W\)"),
    "two images": (np.stack([GOOD, OTHER]), r"\(C, H, W\)"),
    "colour for grey": (np.repeat(GOOD, 3, axis=0), "shape"),
    "too wide": (np.repeat(GOOD, 2, axis=2), "shape"),
    "words": ("a picture of a cat", "array of numbers"),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kind", IMAGES)
def test_images_that_are_none_or_do_not_fit(question, kind):
    image, message = IMAGES[kind]
    with pytest.raises(ValueError, match=message):
        QUESTIONS[question](space_of(Model()), image)


@pytest.mark.parametrize("kind", ["colour for grey", "too wide"])
def test_planes_of_images_that_do_not_fit_the_model(kind):
    change = {
        "colour for grey": lambda x: np.repeat(x, 3, axis=0),
        "too wide": lambda x: np.repeat(x, 2, axis=2),
    }
    space = space_of(Model())
    plane = space.pixel_plane([change[kind](x) for x in (GOOD, OTHER, THIRD)])
    with pytest.raises(ValueError, match="shape"):
        next(space.pixel_classes(plane, plane.extent()))
    with pytest.raises(ValueError, match="shape"):
        space.pixel_partition(plane, plane.extent())


@pytest.mark.parametrize("question", ["invert", "flip_image", "flips to all", "morph", "compare"])
def test_models_without_gradients(question):
    space = space_of(Model(gradients=False))
    with pytest.raises(ValueError, match="no gradients"):
        QUESTIONS[question](space, OTHER)


@pytest.mark.parametrize("target", [np.zeros(4), np.zeros((2, 5)), np.full(5, np.nan), "cat"])
def test_targets_that_are_no_feature_vector(target):
    with pytest.raises(ValueError, match="target"):
        space_of(Model()).invert(target, GOOD)


def test_sets_of_another_space():
    other = fsw.FeatureSpace.from_arrays(np.eye(3), None, np.eye(3))
    for target in (other.region(0), other.hull()):
        with pytest.raises(ValueError, match="5 features"):
            space_of(Model()).invert(target, GOOD)


def test_spaces_without_a_classifier():
    space = space_of(Model())
    space.classifier = None
    for name, question in QUESTIONS.items():
        if name != "pixel_plane":
            with pytest.raises(ValueError, match="no classifier"):
                question(space, GOOD)
