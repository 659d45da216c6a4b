"""Pixel flips: ties recomputed, exact answers of affine networks, nothing claimed without a flip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.bounds import certify_image
from featurespace_widgets.pixels.flips import flip_image


class Small(torch.nn.Module):
    def __init__(self, relu=True):
        super().__init__()
        layers = [torch.nn.Flatten(), torch.nn.Linear(36, 24)]
        self.body = torch.nn.Sequential(*layers, *([torch.nn.ReLU()] if relu else []))

    def features(self, x):
        return self.body(x)


def setting(relu, seed=1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Small(relu)
    rng = np.random.default_rng(seed)
    return model, LinearHead(rng.normal(size=(4, 24))), 0.3 + 0.4 * rng.random((1, 6, 6))


@pytest.mark.parametrize("seed", range(4))
def test_affine_network_has_the_exact_distance(seed):
    model, head, image = setting(relu=False, seed=seed)
    layer = model.body[1]
    rows = head.weight @ layer.weight.detach().double().numpy()
    z = rows @ image.ravel() + head.weight @ layer.bias.detach().double().numpy() + head.bias
    i = int(z.argmax())
    exact = min((z[i] - z[j]) / np.linalg.norm(rows[i] - rows[j]) for j in range(4) if j != i)
    flip = flip_image(model, head, image)
    assert flip.verify(model, head)
    assert flip.distance == pytest.approx(exact, rel=1e-5)
    assert flip.linearised_distance == pytest.approx(exact, rel=1e-8)
    assert flip.distance >= exact * (1 - 1e-12)


def test_flip_is_a_tie_in_the_box_and_tampering_shows():
    model, head, image = setting(relu=True)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    flip = flip_image(model, head, image)
    assert flip.verdict == "found"
    assert flip.verify(model, head)
    assert not replace(flip, image=image).verify(model, head)
    assert not replace(flip, distance=0.5 * flip.distance).verify(model, head)
    assert not replace(flip, target=flip.class_index).verify(model, head)
    assert 0 <= flip.null_share <= 1
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("seed", range(4))
def test_no_flip_is_nearer_than_the_certified_radius(seed):
    model, head, image = setting(relu=True, seed=seed)
    flip = flip_image(model, head, image)
    certificate = certify_image(model, head, image, norms=("L2",))
    assert certificate.verify()
    assert 0 < certificate.radius_l2 <= flip.distance


def test_a_target_is_reached_and_is_no_nearer_than_any():
    model, head, image = setting(relu=True)
    nearest = flip_image(model, head, image)
    for target in set(range(4)) - {nearest.class_index}:
        flip = flip_image(model, head, image, target)
        if flip.verdict == "found":
            assert flip.target == target
            assert flip.verify(model, head)
            assert flip.distance >= nearest.distance * (1 - 1e-4)
    assert flip_image(model, head, image, nearest.target).distance == pytest.approx(
        nearest.distance, rel=1e-3
    )


def test_real_images_have_flips_that_verify():
    space = fsw.load("mnist")
    for row in (0, 17, 400):
        flip = space.flip_image(space.test_bank.images[row] / 255.0)
        assert flip.verdict == "found"
        assert flip.verify(space.classifier, space.head)
        assert 0.2 < flip.distance < 4.0
        assert flip.alignment > 0.3


def test_all_targets_are_the_single_ones_nearest_first():
    model, head, image = setting(relu=True)
    seen = []
    flips = flip_image(model, head, image, "all", progress=seen.append)
    own = flips[0].class_index
    assert {flip.target for flip in flips} == set(range(4)) - {own}
    assert sorted(flip.distance for flip in seen) == [flip.distance for flip in flips]
    assert flips[0].distance <= flip_image(model, head, image).distance
    for flip in flips:
        assert flips.to(flip.target) is flip
    assert (flips.verify(model, head) == [flip.verdict == "found" for flip in flips]).all()
    rows = flips.table()
    assert [row["target"] for row in rows] == [flip.target for flip in flips]
    assert all(row["box"] == 0 for row in rows)
    assert all(row["relevant_share"] + row["null_share"] == pytest.approx(1) for row in rows)
    with pytest.raises(ValueError, match="target must be one of"):
        flips.to(own)


def test_a_space_says_where_a_flip_lands_and_what_is_certified():
    model, head, image = setting(relu=True)
    rng = np.random.default_rng(0)
    with torch.no_grad():
        features = model.features(torch.as_tensor(rng.random((200, 1, 6, 6)), dtype=torch.float32)).numpy()
    space = fsw.FeatureSpace.from_arrays(head.weight, head.bias, features)
    space.classifier = model
    told = []
    flips = space.flip_image(image, "all", certify=True, progress=told.append)
    assert len(told) == len(flips) == 3
    for flip in flips:
        assert flip.verify(model, head)
        assert flip.hull_verdict in ("inside", "outside")
        assert flip.hull_distance == space.hull().project(flip.landing).distances[0]
        assert 0 < flip.certified_distance <= flip.distance
    flip = flips[0]
    assert not replace(flip, certified_distance=2 * flip.distance).verify(model, head)
    assert not replace(flip, landing=flip.landing + 1).verify(model, head)
    assert np.isnan(space.flip_image(image).certified_distance)
    space.bank = None
    assert space.flip_image(image).hull_verdict == "undecided"


def test_no_flip_is_undecided():
    model, _, image = setting(relu=True)
    constant = LinearHead(np.zeros((2, 24)), [1.0, 0.0])
    flip = flip_image(model, constant, image)
    assert flip.verdict == "undecided"
    assert not flip.verify(model, constant)
    _, head, _ = setting(relu=True)
    halted = flip_image(model, head, image, cancelled=lambda: True)
    assert (halted.verdict, halted.stopped) == ("undecided", "cancelled")
    asked = iter([False] * 60)
    early = flip_image(model, head, image, cancelled=lambda: next(asked, True))
    assert (early.verdict, early.stopped) == ("found", "cancelled")
    assert early.verify(model, head)
    own = halted.class_index
    stopped = flip_image(model, head, image, (own + 1) % 4, cancelled=lambda: True)
    assert (stopped.target, stopped.distance, stopped.verdict) == ((own + 1) % 4, np.inf, "undecided")


@pytest.mark.parametrize(
    ("image", "target", "message"),
    [
        (np.full((1, 6, 6), 1.5), None, r"\[0, 1\]"),
        (np.full((1, 5, 6), 0.5), None, "image"),
        (np.full((6, 6), 0.5), None, "shape"),
        (np.full((3, 6, 6), 0.5), None, "does not fit the model"),
        (np.full((1, 6, 6), np.nan), None, r"\[0, 1\]"),
        (np.full((1, 6, 6), 0.5), 9, "class"),
        (np.full((1, 6, 6), 0.5), "every", '"all"'),
    ],
)
def test_bad_input_is_refused(image, target, message):
    model, head, _ = setting(relu=True)
    with pytest.raises(ValueError, match=message):
        flip_image(model, head, image, target)


def test_own_class_as_target():
    model, head, image = setting(relu=True)
    own = flip_image(model, head, image, cancelled=lambda: True).class_index
    with pytest.raises(ValueError, match="differ"):
        flip_image(model, head, image, own)


def test_values_that_are_not_finite_stop_the_search_with_the_best_flip_so_far():
    class Overflowing(torch.nn.Module):
        """Infinite after some evaluations in float32, in which the search runs."""

        calls = 0

        def features(self, x):
            Overflowing.calls += x.dtype == torch.float32
            gone = x.dtype == torch.float32 and Overflowing.calls > self.limit
            return x.flatten(1) * (torch.inf if gone else 1.0)

    head, image = LinearHead(np.eye(2)), np.array([[[0.8, 0.3]]])
    for limit, verdict in ((60, "found"), (0, "undecided")):
        Overflowing.calls, model = 0, Overflowing()
        model.limit = limit
        flip = flip_image(model, head, image)
        assert (flip.stopped, flip.verdict) == ("diverged", verdict)
    whole = Overflowing()
    Overflowing.calls, whole.limit = 0, 10**9
    assert flip_image(whole, head, image).stopped == "finished"

    class Nowhere(torch.nn.Module):
        def features(self, x):
            return x.flatten(1) * torch.nan

    with pytest.raises(ValueError, match="finite"):
        flip_image(Nowhere(), head, image)


def test_models_without_gradients_are_refused():
    class Frozen(torch.nn.Module):
        def features(self, x):
            return x.flatten(1).detach()[:, :24]

    _, head, image = setting(relu=True)
    with pytest.raises(ValueError, match="gradients"):
        flip_image(Frozen(), head, image)
