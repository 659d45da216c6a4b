"""Certified pixel radii: ``python tests/benchmarks/pixel_bounds.py [--data DIR] [--quick]``.

For a small dense network that is trained here and for the bundled networks: the certified L2 radius
over the distance of the nearest image of another class that a DDN attack finds (an upper bound of the
true distance), seconds an image, and two rivals in the same run: the product of the layers' norms by
power iteration (which is from below: no proof), and interval bounds with a bisection. Every certified
ball is attacked. One thread. (auto_LiRPA, the usual rival, does not import with torch 2.13 and numpy 2.)
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

import featurespace_widgets as fsw
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.bounds import certify_image
from featurespace_widgets.pixels.network_reader import read_network
from featurespace_widgets.pixels.relu_network import ReluNetwork


class Dense(nn.Module):
    """784 -> 64 -> 64 features, ReLU, and an affine head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.head = nn.Linear(64, 10)

    def features(self, images: Tensor) -> Tensor:
        return self.body(images)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images))


def trained(images: np.ndarray, labels: np.ndarray, steps: int) -> tuple[Dense, LinearHead]:
    torch.manual_seed(0)
    model = Dense()
    x, y = torch.as_tensor(images), torch.as_tensor(labels)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
    for _ in range(steps):
        rows = torch.randint(len(x), (256,))
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimiser.step()
    model.eval()
    weight, bias = (p.detach().double().numpy() for p in (model.head.weight, model.head.bias))
    return model, LinearHead(weight, bias)


def flip_distances(network: ReluNetwork, head: LinearHead, images: Tensor, steps: int) -> np.ndarray:
    """Smallest L2 change that DDN (decoupled direction and norm) found, for each image."""
    weight, bias = torch.as_tensor(head.weight), torch.as_tensor(head.bias)
    with torch.no_grad():
        own = (network.features(images) @ weight.T + bias).argmax(1)
    best = torch.full((len(images),), torch.inf, dtype=torch.float64)
    delta, size = torch.zeros_like(images), torch.ones(len(images), dtype=torch.float64)
    shape = (-1, 1, 1, 1)
    for k in range(steps):
        x = (images + delta).detach().requires_grad_()
        logits = network.features(x) @ weight.T + bias
        rivals = logits.masked_fill(nn.functional.one_hot(own, len(bias)).bool(), -torch.inf)
        gaps = rivals.max(1).values - logits.gather(1, own[:, None])[:, 0]
        (gradient,) = torch.autograd.grad(gaps.sum(), x)
        length = (x - images).detach().flatten(1).norm(dim=1)
        crossed = gaps.detach() > 0
        best = torch.where(crossed & (length < best), length, best)
        size = torch.where(crossed, torch.minimum(size, length) * 0.95, size * 1.05)
        rate = 0.01 + 0.99 * (1 + np.cos(np.pi * k / steps)) / 2
        unit = gradient / gradient.flatten(1).norm(dim=1).clamp_min(1e-30).view(shape)
        delta = delta + rate * unit
        delta = delta * (size / delta.flatten(1).norm(dim=1).clamp_min(1e-30)).view(shape)
        delta = (images + delta).clamp(0, 1) - images
    return best.numpy()


def counter_examples(
    network: ReluNetwork, head: LinearHead, image: Tensor, radius: float, restarts: int
) -> tuple[int, int]:
    """Images of another class within the radius that projected gradients find, and images tried."""
    weight, bias = torch.as_tensor(head.weight), torch.as_tensor(head.bias)
    own = int(head.predict(network.features(image[None]).detach().numpy())[0])
    others = torch.as_tensor(np.resize(np.delete(np.arange(len(bias)), own), restarts))
    delta = torch.randn(restarts, *image.shape, dtype=torch.float64)
    found = 0
    for _ in range(10):
        delta = delta * (radius / delta.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(max=1.0)
        x = (image + delta).clamp(0, 1).requires_grad_()
        logits = network.features(x) @ weight.T + bias
        found += int((logits.argmax(1) != own).sum())
        (gradient,) = torch.autograd.grad((logits.gather(1, others[:, None])[:, 0] - logits[:, own]).sum(), x)
        delta = (x - image).detach() + 0.5 * radius * gradient / gradient.flatten(1).norm(dim=1).clamp_min(
            1e-30
        ).view(-1, 1, 1, 1)
    return found, 10 * restarts


def norm_product(network: ReluNetwork) -> float:
    """Product of the spectral norms of the affine layers, by power iteration."""
    product = 1.0
    for node in network.nodes:
        if node.weight is None:
            continue
        x = torch.randn(1, *network.nodes[node.parents[0]].shape, dtype=torch.float64)
        for _ in range(40):
            with torch.enable_grad():
                x = (x / x.norm()).requires_grad_()
                value = node(x) - node(torch.zeros_like(x))
                (x,) = torch.autograd.grad(value, x, value.detach())
        product *= float(value.detach().norm())
    return product


def interval_radius(network: ReluNetwork, head: LinearHead, image: Tensor, own: int, high: float) -> float:
    """Interval bounds in the same search by bisection; the first layer is exact for the ball."""
    rows = torch.as_tensor(head.weight[own] - np.delete(head.weight, own, 0))
    offsets = torch.as_tensor(head.bias[own] - np.delete(head.bias, own))
    low = 0.0
    for _ in range(30):
        middle = (low + high) / 2
        value, spread, first = image[None], torch.zeros_like(image[None]), True
        for node in network.nodes[1:]:
            if node.weight is None:
                below, above = node(value - spread), node(value + spread)
                value, spread = (below + above) / 2, (above - below) / 2
            else:
                value = node(value)
                if first:
                    lengths = node.weight.flatten(1).norm(dim=1).view(-1, *[1] * (value.ndim - 2))
                    spread, first = (middle * lengths).expand(value.shape), False
                else:
                    spread = replace(node, weight=node.weight.abs(), bias=None)(spread)
        worst = (value[0] @ rows.T + offsets - spread[0] @ rows.abs().T).min()
        low, high = (middle, high) if float(worst) > 0 else (low, middle)
    return low


def report(title: str, classifier: Any, head: LinearHead, images: np.ndarray, quick: bool) -> None:
    network = read_network(classifier, torch.as_tensor(images[0]))
    pixels = torch.as_tensor(images).double()
    started = time.perf_counter()
    flips = flip_distances(network, head, pixels, 100 if quick else 400)
    attack_seconds = (time.perf_counter() - started) / len(images)
    product = norm_product(network)
    shares, seconds, passes, norms, rival, rival_seconds = [], [], [], [], [], []
    tried = broken = unverified = 0
    for image, flip in zip(pixels, flips, strict=True):
        found = certify_image(classifier, head, image, norms=("L2",))
        unverified += not found.verify()
        shares.append(found.radius_l2 / flip)
        seconds.append(found.seconds)
        passes.append(found.passes)
        y = network.features(image[None]).detach().numpy()
        norms.append(float(head.radius(y)[0]) / product / flip)
        failed, count = counter_examples(network, head, image, found.radius_l2, 18)
        tried, broken = tried + count, broken + failed
        started = time.perf_counter()
        with torch.no_grad():
            rival.append(interval_radius(network, head, image, found.class_index, flip) / flip)
        rival_seconds.append(time.perf_counter() - started)
    own = np.array(shares)
    print(f"\n{title}: {len(images)} images")
    print(f"  flip distance: median {np.median(flips):.3f} (DDN, {attack_seconds:.2f} s an image)")
    print(
        f"  certified / flip distance: median {np.median(own):.3f}, from {own.min():.3f} to {own.max():.3f}"
        f" (T12: 0.3); {np.median(seconds):.2f} s an image (T12: 0.5), {np.median(passes):.0f} passes"
    )
    print(f"  product of norms / flip distance: median {np.median(norms):.4f}, ours x{ratio(own, norms):.1f}")
    print(
        f"  intervals / flip distance: median {np.median(rival):.4f}, {np.median(rival_seconds):.2f} s; "
        f"ours x{ratio(own, rival):.1f}"
    )
    print(f"  {broken} counter-examples in {tried} attacked images; {unverified} certificates do not verify")


def ratio(ours: np.ndarray, theirs: list[float]) -> float:
    return float(np.median(ours / np.maximum(theirs, 1e-12)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", help="folder with the four IDX files of MNIST; the bundled images if not given"
    )
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        space = fsw.load("mnist", data=arguments.data)
        assert space.test_bank is not None
        assert space.test_bank.images is not None
        test = space.test_bank.images[: 5 if arguments.quick else 20]
        test = test.astype(np.float32) / 255 if test.dtype == np.uint8 else test
        model, head = trained(space.images, space.labels, 300 if arguments.quick else 1500)
        report("dense 784-64-64", model, head, test, arguments.quick)
        for name in ("mnist", "fashion-mnist", "mnist-2d"):
            space = fsw.load(name)
            few, more = (2, 5) if name == "mnist-2d" else (20, 100)
            count = few if arguments.quick else more
            rows = np.linspace(0, len(space.test_bank.images) - 1, count).astype(int)
            images = space.test_bank.images[rows].astype(np.float32) / 255
            report(f"bundled {name}", space.classifier, space.head, images, arguments.quick)


if __name__ == "__main__":
    main()
