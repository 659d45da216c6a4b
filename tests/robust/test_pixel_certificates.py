"""Certificates of pixel space on many small random networks, against a plain NumPy network: none is wrong.

Half of the networks have whole-number weights, dead units and equal rows; half of the images lie on the
limits of their pixels. The long mode is that of `test_certificates`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from featurespace_widgets import LinearHead
from featurespace_widgets.pixels.bounds import certify_image
from featurespace_widgets.pixels.flips import flip_image
from featurespace_widgets.pixels.relu_pieces import relu_piece
from robust.scale import tries

SIDE, HIDDEN, FEATURES, CLASSES = 3, 6, 4, 3


class Network(nn.Module):
    def __init__(self, layers) -> None:
        super().__init__()
        parts: list[nn.Module] = [nn.Flatten()]
        for weight, bias in layers:
            layer = nn.Linear(weight.shape[1], weight.shape[0]).double()
            layer.weight.data, layer.bias.data = torch.as_tensor(weight), torch.as_tensor(bias)
            parts += [layer, nn.ReLU()]
        self.body = nn.Sequential(*parts)

    def features(self, x):
        return self.body(x)


@dataclass(frozen=True)
class Problem:
    number: int
    layers: list[tuple[np.ndarray, np.ndarray]]
    head: LinearHead
    image: np.ndarray
    rng: np.random.Generator

    def open_and_logits(self, images):
        """Which units are open, and the logits, of images (n, 9), without torch."""
        h, signs = images, []
        for weight, bias in self.layers:
            h = h @ weight.T + bias
            signs.append(h > 0)
            h = np.maximum(h, 0)
        return np.hstack(signs), h @ self.head.weight.T + self.head.bias


def problems(count: int, seed: int) -> Iterator[Problem]:
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        shapes = [(HIDDEN, SIDE * SIDE), (FEATURES, HIDDEN)]
        image = rng.uniform(size=(1, SIDE, SIDE))
        if number % 2:
            layers = [(rng.normal(size=shape), 0.3 * rng.normal(size=shape[0])) for shape in shapes]
            weight, bias = rng.normal(size=(CLASSES, FEATURES)), rng.normal(size=CLASSES)
        else:
            layers = [
                (rng.integers(-2, 3, shape).astype(float), rng.integers(-1, 2, shape[0]).astype(float))
                for shape in shapes
            ]
            weight, bias = rng.integers(-2, 3, (CLASSES, FEATURES)), rng.integers(-1, 2, CLASSES)
            image = np.round(image * rng.choice([1, 4])) / 4
        yield Problem(number, layers, LinearHead(weight, bias), image, rng)


def radius(p: Problem):
    """No image of the box within the radius has another class: random ones and corners."""
    found = certify_image(Network(p.layers), p.head, p.image)
    yield found.verdict
    assert found.verify() == (found.verdict == "yes")
    start = p.image.ravel()
    for norm, size in (("L2", found.radius_l2), ("Linf", found.radius_linf)):
        if not size:
            continue
        steps = p.rng.normal(size=(400, len(start)))
        steps[:200] = np.sign(steps[:200])
        steps *= p.rng.uniform(0.5, 1, (400, 1))
        if norm == "L2":
            steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        steps = np.clip(steps, -1, 1)
        _, logits = p.open_and_logits(np.clip(start + min(size, 1e6) * steps, 0, 1))
        assert (logits.max(axis=1) - logits[:, found.class_index] <= 1e-9).all(), (norm, size)


def flip(p: Problem):
    """A flip is a tie of the winners, in the box, no nearer than what is certified."""
    network = Network(p.layers)
    found = flip_image(network, p.head, p.image)
    yield found.verdict
    if found.verdict != "found":
        return
    assert found.verify(network, p.head)
    flipped = found.image.ravel()[None].astype(float)
    _, logits = p.open_and_logits(flipped)
    scale = 1 + np.abs(logits).max()
    assert abs(logits[0, found.class_index] - logits[0, found.target]) <= 1e-8 * scale
    assert logits.max() - logits[0, found.target] <= 1e-8 * scale
    assert flipped.min() >= 0
    assert flipped.max() <= 1
    assert found.distance == pytest.approx(np.linalg.norm(flipped - p.image.ravel()), rel=1e-9, abs=1e-12)
    certified = certify_image(network, p.head, p.image, norms=("L2",))
    assert certified.class_index != found.class_index or certified.radius_l2 <= found.distance + 1e-9


def piece(p: Problem):
    """Membership is the pattern of open units and the class; the largest ball holds nothing else."""
    found = relu_piece(Network(p.layers), p.head, p.image)
    ball = found.largest_ball()
    yield "yes"
    start = p.image.ravel()
    own, _ = p.open_and_logits(start[None])
    near = start + p.rng.normal(size=(60, len(start))) * p.rng.choice([1e-3, 0.05, 0.5], (60, 1))
    signs, values = p.open_and_logits(near)
    clear = np.abs(np.sort(values, axis=1)[:, -1] - np.sort(values, axis=1)[:, -2]) > 1e-9
    same = (signs == own).all(axis=1) & (values.argmax(axis=1) == found.class_index)
    np.testing.assert_array_equal(found.contains(near.reshape(-1, *p.image.shape))[clear], same[clear])
    if 0 < ball.radius < np.inf:
        assert ball.verify()
        steps = p.rng.normal(size=(60, len(start)))
        steps *= ball.radius * (1 - 1e-6) / np.linalg.norm(steps, axis=1, keepdims=True)
        inside, _ = p.open_and_logits(start + steps)
        assert (inside == own).all()


CHECKS = [radius, flip, piece]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_verdict_is_wrong(check):
    count, seen = tries(42, 2084), Counter()
    for problem in problems(count, CHECKS.index(check)):
        try:
            seen.update(check(problem))
        except AssertionError as error:
            raise AssertionError(f"problem {problem.number}: {error}") from error
    print(f"\npixel {check.__name__}: {count} problems, verdicts {dict(seen)}, none wrong")
    assert seen["undecided"] < 0.6 * count
