"""Pixel flips against foolbox: ``python tests/benchmarks/flips.py [--count N] [--models NAME ...]``.

For each bundled model and N correctly classified test images: `flip_image` and foolbox's DDN with 1,000
steps in turn, one image at a time. Distances are recomputed in float64 on the images; a ratio below 1 is a
shorter flip than the rival's. Needs ``pip install foolbox``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import featurespace_widgets as fsw


def rival_distance(attack: object, model: object, image: np.ndarray, label: int) -> float:
    """L2 distance of foolbox's adversarial image, infinite where it found none."""
    clean = torch.as_tensor(image[None], dtype=torch.float32)
    _, found, success = attack(model, clean, torch.tensor([label]), epsilons=None)  # type: ignore[operator]
    if not bool(success[0]):
        return np.inf
    return float(np.linalg.norm(found[0].double().numpy() - image))


def compare(name: str, count: int) -> None:
    """Print the figures of one model."""
    import foolbox

    space = fsw.load(name)
    samples = space.test_bank if space.test_bank.images is not None else space.examples
    right = np.flatnonzero(space.head.predict(samples.features) == samples.labels)
    rows = right[:: max(1, len(right) // count)][:count]
    model = foolbox.PyTorchModel(space.classifier, bounds=(0, 1), device="cpu")
    attack = foolbox.attacks.DDNAttack(steps=1000)
    ours, theirs, seconds, ties = [], [], np.zeros(2), []
    for row in rows:
        image = samples.images[row].astype(np.float64) / 255.0
        started = time.perf_counter()
        flip = space.flip_image(image)
        middle = time.perf_counter()
        theirs.append(rival_distance(attack, model, image, int(samples.labels[row])))
        seconds += [middle - started, time.perf_counter() - middle]
        assert flip.verify(space.classifier, space.head)
        ours.append(flip.distance)
        ties.append(flip.tie)
    ratio = np.array(ours) / np.array(theirs)
    print(f"{name}: {len(rows)} images")
    figures = {"median": np.median(ratio), "mean": ratio.mean(), "worst": ratio.max()}
    print("  distance / DDN-1000:", ", ".join(f"{key} {value:.4f}" for key, value in figures.items()))
    longer = [f"{np.mean(ratio > 1 + share):.1%} by more than {share:.1%}" for share in (0.001, 0.01)]
    print(f"  longer flips: {', '.join(longer)}")
    print(f"  worst tie {max(ties):.1e}")
    print(
        f"  seconds per image {seconds[0] / len(rows):.2f}, DDN-1000 {seconds[1] / len(rows):.2f}: ", end=""
    )
    print(f"{seconds[0] / seconds[1]:.2f} of its time")


def main() -> None:
    """Compare on the bundled models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--models", nargs="+", default=["mnist", "fashion-mnist"])
    arguments = parser.parse_args()
    for name in arguments.models:
        compare(name, arguments.count)


if __name__ == "__main__":
    main()
