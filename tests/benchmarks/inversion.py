"""Inversion against Adam: ``python tests/benchmarks/inversion.py [--count N] [--models NAME ...]``.

Targets are features of N test images, the start is the nearest training image, the rival is Adam in float32
on the pixels, clamped to the box after each step, with the best of three step sizes counted. One image at a
time, ours and the rival's in turn. Residuals are recomputed in float64, relative to the target.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch

import featurespace_widgets as fsw
from featurespace_widgets.pixels.pixel_map import PixelMap

CLOSE = 1e-2


def adam(
    model: torch.nn.Module, start: np.ndarray, target: np.ndarray, rate: float
) -> tuple[float, float, float]:
    """Best relative residual of 2,000 steps, the seconds until `CLOSE` and those of all."""
    x = torch.as_tensor(start, dtype=torch.float32)[None].clone().requires_grad_()
    aim, size = torch.as_tensor(target, dtype=torch.float32), float(np.linalg.norm(target))
    optimiser = torch.optim.Adam([x], lr=rate)
    best, close, began = np.inf, np.inf, time.perf_counter()
    for _ in range(2000):
        rest = (model.features(x)[0] - aim).square().sum()
        residual = rest.item() ** 0.5 / size
        if residual < best:
            best = residual
        if residual <= CLOSE:
            close = min(close, time.perf_counter() - began)
        optimiser.zero_grad()
        rest.backward()
        optimiser.step()
        with torch.no_grad():
            x.clamp_(0, 1)
    return best, close, time.perf_counter() - began


def ours(space: fsw.FeatureSpace, start: np.ndarray, target: np.ndarray) -> tuple[float, float, float, float]:
    """Relative residual, seconds of all, until the first frame and until `CLOSE`."""
    seen, size, began = [], float(np.linalg.norm(target)), time.perf_counter()
    found = space.invert(
        target, start, progress=lambda frame: seen.append((time.perf_counter() - began, frame.residual))
    )
    seconds = time.perf_counter() - began
    close = next((at for at, residual in seen if residual <= CLOSE * size), np.inf)
    assert found.verify(space.classifier, space.head) == (found.verdict == "reached")
    return found.residual / size, seconds, seen[0][0], close


def compare(name: str, count: int) -> None:
    """Print the figures of one model."""
    space = fsw.load(name)
    images = space.test_bank.images / 255.0
    rows = np.linspace(0, len(images) - 1, count).astype(int)
    mine, rival = [], []
    for row in rows:
        image = torch.as_tensor(images[row])
        target = PixelMap(space.classifier, space.head, image).features(image)
        start = space.pictured.images[space.nearest_images(target[None], 1)[1][0, 0]] / 255.0
        mine.append(ours(space, start, target))
        tries = np.array([adam(space.classifier, start, target, rate) for rate in (0.003, 0.01, 0.03)])
        rival.append(tries.min(axis=0))
    residual, seconds, first, close = np.array(mine).T
    best, adam_close, adam_seconds = np.array(rival).T
    quick, slow = np.median(close), np.median(adam_close)
    print(f"{name}: {count} targets")
    print(f"  first frame {np.median(first):.3f} s, worst {first.max():.3f} s")
    print(f"  relative residual {CLOSE:g}: median {quick:.3f} s, worst {close.max():.2f} s")
    print(f"    Adam {slow:.3f} s, never on {np.isinf(adam_close).sum()}: ratio {slow / quick:.1f}")
    print(f"  end: relative residual median {np.median(residual):.1e}, worst {residual.max():.1e}")
    print(f"    seconds {np.median(seconds):.2f}, worst {seconds.max():.2f}")
    print(f"    Adam with 2,000 steps: median {np.median(best):.1e}, worst {best.max():.1e}")
    print(f"    in {np.median(adam_seconds):.2f} s: ratio {np.median(adam_seconds / seconds):.1f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--models", nargs="+", default=["mnist", "fashion-mnist"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.models:
        compare(name, arguments.count)


if __name__ == "__main__":
    main()
