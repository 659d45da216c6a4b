"""Inversion: residuals recomputed, the box kept, nothing claimed that does not hold."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds, lsq_linear, minimize

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.geometry.region import Region
from featurespace_widgets.pixels.descent import total_variation
from featurespace_widgets.pixels.inversion import invert, invert_frames
from featurespace_widgets.pixels.targets import BallTarget, TieTarget, cell, half_space, polytope


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


class Affine(torch.nn.Module):
    """Features ``A x + c``: least squares in the box is a convex problem with known solvers."""

    def __init__(self, matrix, offset):
        super().__init__()
        self.matrix, self.offset = (torch.nn.Parameter(torch.as_tensor(v)) for v in (matrix, offset))

    def features(self, x):
        return x.flatten(1) @ self.matrix.T + self.offset


class Strange(torch.nn.Module):
    """Any function of the flat image as features."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def features(self, x):
        return self.function(x.flatten(1))


@pytest.fixture(scope="module")
def setting():
    with torch.random.fork_rng():
        model = Small()
    rng = np.random.default_rng(1)
    return model, LinearHead(rng.normal(size=(3, 6))), rng.random((2, 1, 6, 6))


@pytest.fixture(scope="module")
def affine():
    rng = np.random.default_rng(7)
    matrix, offset = rng.normal(size=(8, 25)), rng.normal(size=8)
    return Affine(matrix, offset), LinearHead(rng.normal(size=(4, 8))), rng.random((1, 5, 5)), rng


def test_features_of_an_image_are_reached(setting):
    model, head, images = setting
    target = model.double().features(torch.as_tensor(images[1:]))[0].detach().numpy()
    model.float()
    wanted = model.features(torch.as_tensor(images[1:]).float())[0].detach().numpy()
    assert np.allclose(target, wanted, atol=1e-5)
    found = invert(model, head, target, images[0])
    assert found.verdict == found.stopped == "reached"
    assert found.residual <= 1e-10 * np.linalg.norm(target)
    assert found.image.min() >= 0
    assert found.image.max() <= 1
    assert found.verify(model, head)
    assert not replace(found, image=images[0]).verify(model, head)
    assert not replace(found, target=target + 1).verify(model, head)
    assert not replace(found, predicted=(found.predicted + 1) % 3).verify(model, head)
    assert next(model.parameters()).dtype == torch.float32
    assert next(model.parameters()).requires_grad


def test_what_is_not_reached_is_undecided(setting):
    model, head, images = setting
    found = invert(model, head, -np.ones(6), images[0])
    assert found.verdict == "undecided"
    assert found.stopped == "stalled"
    assert not found.verify(model, head)


def test_unreachable_point_of_an_affine_map_is_a_least_squares_problem(affine):
    model, head, image, rng = affine
    matrix, offset = model.matrix.detach().numpy(), model.offset.detach().numpy()
    for _ in range(5):
        target = 30 * rng.normal(size=8)
        exact = lsq_linear(matrix, target - offset, (0, 1), method="bvls", tol=1e-15)
        found = invert(model, head, target, image)
        assert found.residual == pytest.approx(np.sqrt(2 * exact.cost), rel=1e-8)


@pytest.mark.parametrize("closeness", [1e-2, 1.0, 100.0])
def test_closeness_to_an_anchor_against_least_squares(affine, closeness):
    model, head, image, rng = affine
    anchor, target = rng.random((1, 5, 5)), 5 * rng.normal(size=8)
    root = np.sqrt(closeness)
    exact = lsq_linear(
        np.vstack([model.matrix.detach().numpy(), root * np.eye(25)]),
        np.concatenate([target - model.offset.detach().numpy(), root * anchor.ravel()]),
        (0, 1), method="bvls", tol=1e-15,
    )  # fmt: skip
    found = invert(model, head, target, image, anchor=anchor, closeness=closeness)
    assert found.stopped == "converged"
    assert np.allclose(found.image.ravel(), exact.x, atol=1e-5)


def test_total_variation_against_torch_and_another_optimiser(affine):
    model, head, image, rng = affine
    target, weight = 3 * rng.normal(size=8), 0.5
    matrix, offset = model.matrix.detach(), model.offset.detach()

    def variation(x):
        across = torch.cat([x[:, 1:] - x[:, :-1], torch.zeros(5, 1, dtype=x.dtype)], 1)
        down = torch.cat([x[1:] - x[:-1], torch.zeros(1, 5, dtype=x.dtype)], 0)
        return ((across**2 + down**2 + 1e-6).sqrt() - 1e-3).sum()

    def objective(pixels):
        x = torch.tensor(pixels, requires_grad=True)
        value = (x @ matrix.T + offset - torch.as_tensor(target)).square().sum()
        value = value + weight * variation(x.view(5, 5))
        value.backward()
        return value.item(), x.grad.numpy()

    x = torch.tensor(image.ravel(), requires_grad=True)
    variation(x.view(5, 5)).backward()
    value, gradient = total_variation(image.ravel(), image.shape)
    assert value == pytest.approx(variation(torch.as_tensor(image[0])).item(), rel=1e-12)
    assert np.allclose(gradient, x.grad.numpy(), atol=1e-12)
    exact = minimize(
        objective, image.ravel(), jac=True, method="L-BFGS-B", bounds=[(0, 1)] * 25,
        options={"maxiter": 5000, "maxfun": 20000, "ftol": 0, "gtol": 1e-10},
    )  # fmt: skip
    *_, last = invert_frames(model, head, target, image, total_variation=weight, max_steps=3000)
    assert last.objective <= exact.fun * (1 + 1e-7)


def test_distance_to_an_unreachable_ball_and_half_space(affine):
    model, head, image, rng = affine
    matrix, offset = model.matrix.detach().numpy(), model.offset.detach().numpy()
    centre = 30 * rng.normal(size=8)
    away = np.sqrt(2 * lsq_linear(matrix, centre - offset, (0, 1), method="bvls", tol=1e-15).cost)
    found = invert(model, head, BallTarget(centre, 0.5 * away), image)
    assert found.residual == pytest.approx(0.5 * away, rel=1e-6)
    assert found.verdict == "undecided"
    reached = invert(model, head, BallTarget(centre, 1.01 * away), image)
    assert reached.verdict == "reached"
    assert reached.verify(model, head)
    normal = rng.normal(size=8)
    most = np.maximum(normal @ matrix, 0).sum() + normal @ offset  # over the box
    beyond = invert(model, head, half_space(normal, -most - 2.0), image)
    assert beyond.residual == pytest.approx(2.0 / np.linalg.norm(normal), rel=1e-6)
    assert invert(model, head, half_space(normal, -most + 0.1), image).verdict == "reached"


def test_every_kind_of_set_is_reached(setting):
    model, head, images = setting
    rng = np.random.default_rng(2)
    with torch.no_grad():
        bank = model.features(torch.as_tensor(rng.random((30, 1, 6, 6))).float()).double().numpy()
    classes = np.unique(head.predict(bank))
    domain = Bounds(0, np.inf)
    sets = {
        "region": Region(head, domain, int(classes[0])),
        "hull": FeatureHull(bank[:10]),
        "ball": BallTarget(bank[3], 1e-3),
        "box": polytope(np.vstack([np.eye(6), -np.eye(6)]), np.concatenate([1e-3 - bank[4], bank[4] + 1e-3])),
        "projection": lambda y: np.clip(y, bank[5] - 1e-3, bank[5] + 1e-3),
    }
    for name, target in sets.items():
        found = invert(model, head, target, images[0])
        assert found.verdict == "reached", name
        assert found.verify(model, head), name
        assert not replace(found, image=images[1] * 0).verify(model, head), name


def test_a_face_is_a_tie_of_the_image(affine):
    model, head, image, _ = affine
    for tied in ((0, 1), (2, 3), (0, 1, 2)):
        found = invert(model, head, TieTarget(head, None, tied), image)
        logits = head.logits(model.features(torch.as_tensor(found.image)[None]).detach().numpy())[0]
        assert found.verdict == "reached"
        assert np.ptp(logits[list(tied)]) <= 1e-5 * np.abs(logits).max()
        assert logits[list(tied)].max() >= logits.max() - 1e-5 * np.abs(logits).max()


def test_a_deep_cell_makes_the_class_certain(affine):
    model, head, image, _ = affine
    for index in range(4):
        found = invert(model, head, cell(head, None, index, depth=0.05), image)
        assert found.verdict == "reached"
        assert found.predicted == index


def test_frames_never_get_worse(setting):
    model, head, images = setting
    frames = list(invert_frames(model, head, np.zeros(6), images[0]))
    assert (np.diff([frame.residual for frame in frames]) <= 0).all()
    assert [frame.step for frame in frames] == sorted(frame.step for frame in frames)
    assert frames[0].step == frames[0].distance == 0
    weighted = invert_frames(model, head, np.ones(6), images[0], closeness=0.1, total_variation=0.01)
    assert (np.diff([frame.objective for frame in weighted]) <= 0).all()


def test_cancelled_between_steps(setting):
    model, head, images = setting
    found = invert(model, head, np.ones(6), images[0], cancelled=lambda: True)
    assert found.steps == 0
    assert found.distance == 0
    assert found.stopped == "cancelled"
    seen = []
    later = invert(model, head, np.ones(6), images[0], progress=seen.append, cancelled=lambda: len(seen) > 3)
    assert later.steps == 3
    assert later.residual == seen[-1].residual < seen[0].residual
    assert invert(model, head, np.ones(6), images[0], max_steps=2).stopped == "steps"


def test_a_diverging_search_stops_with_its_best_frame():
    head, start = LinearHead(np.eye(4)), np.zeros((1, 2, 2))
    root = invert(Strange(torch.sqrt), head, np.ones(4), start)  # no finite gradient at zero
    assert root.stopped == "diverged"
    assert np.array_equal(root.image, start)
    island = Strange(lambda x: torch.where(x == 0, x, torch.nan * x))  # finite at the start only
    lost = invert(island, head, np.ones(4), start)
    assert lost.stopped == "diverged"
    assert lost.verdict == "undecided"
    assert np.array_equal(lost.image, start)


def test_bad_input(setting):
    model, head, images = setting
    with pytest.raises(ValueError, match="target"):
        invert(model, head, np.ones(5), images[0])
    with pytest.raises(ValueError, match="0, 1"):
        invert(model, head, np.ones(6), images[0] + 2)
    with pytest.raises(ValueError, match="does not fit"):
        invert(model, head, np.ones(6), np.zeros((1, 5, 5)))
    with pytest.raises(ValueError, match="does not fit"):
        invert(model, head, np.ones(6), np.zeros((3, 6, 6)))
    with pytest.raises(ValueError, match="anchor"):
        invert(model, head, np.ones(6), images[0], anchor=np.zeros((1, 5, 5)))
    for name in ("closeness", "total_variation"):
        with pytest.raises(ValueError, match=name):
            invert(model, head, np.ones(6), images[0], **{name: -1.0})
    with pytest.raises(ValueError, match="no gradients"):
        invert(Strange(lambda x: x.detach()), LinearHead(np.eye(36)), np.ones(36), images[0])
    with pytest.raises(ValueError, match="not finite"):
        invert(Strange(lambda x: x * torch.nan), LinearHead(np.eye(36)), np.ones(36), images[0])
    same = LinearHead(np.zeros((2, 6)), [0.0, 1.0])
    with pytest.raises(ValueError, match="proven empty"):
        invert(model, head, TieTarget(same, None, [0]), images[0])
