"""What a frame computes, without drawing: ``python tests/benchmarks/envelope.py``.

The widget's own module in Chromium: logits on a new plane, its exact cells, and the chip's reading, for
300 planes each; with many classes, and with a thousand cells in sight. Each plane's time is the median of
five drags over the same way: what it takes, not what else ran.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser.chromium import FLAGS, find_chromium

FRONTEND = Path(__file__).parents[2] / "featurespace_widgets" / "widgets" / "frontend"
ROUNDS = 5
VECTORS = 6  # that generate the family of planes: three means and three corners

FRAMES = """([C, bias, row, reach, frames]) => {
    const { planeLogits, walkCells, readPoint } = geometry, times = [], counts = [];
    [C, bias] = [Float64Array.from(C), Float64Array.from(bias)];
    const same = Float32Array.from(row), norms = new Map(row.map((_, i) => [i, same]));
    for (const frame of frames) {
        const start = performance.now();
        const logits = planeLogits(C, bias, frame);
        const cells = walkCells(logits, [-reach, reach, -reach, reach]);
        readPoint(logits, norms, null, [0.1 * reach, 0.1 * reach]);
        times.push(performance.now() - start);
        counts.push(cells.length);
    }
    return [times, counts];
}"""


def heads(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, np.ndarray, float, float]]:
    """Products of weight rows and generating vectors (K, m), biases, the window, the target."""
    cases = {}
    for count, limit in ((1000, 2.0), (10_000, 16.0)):
        cases[f"{count:,} classes"] = (rng.normal(size=(count, VECTORS)), rng.normal(size=count), 3.0, limit)
    sites = rng.uniform(-1, 1, (1000, 2))  # as in a Voronoi diagram, every class has a cell
    spread = np.zeros((1000, VECTORS))
    spread[:, 1:3] = sites
    cases["1,000 cells in sight"] = (spread, -0.5 * np.square(sites).sum(axis=1), 1.0, 16.0)
    return cases


def planes(rng: np.random.Generator, voronoi: bool) -> list[list[list[float]]]:
    """Frames (3, m) of a plane that is dragged and tilted from one to the next."""
    base = np.zeros((3, VECTORS))
    base[1, 1] = base[2, 2] = 1.0
    if not voronoi:
        base = np.vstack([np.full(VECTORS, 1 / VECTORS), np.linalg.qr(rng.normal(size=(VECTORS, 2)))[0].T])
    steps = rng.normal(size=(300, 3, VECTORS)) * (1e-3 if voronoi else 1e-2)
    return (base + np.cumsum(steps, axis=0)).tolist()


def main() -> None:
    """Print the median and the 95th percentile of each case beside its target."""
    path = find_chromium()
    if path is None:
        sys.exit("this benchmark needs Chromium, Chrome or Edge")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder) / "geometry.js"
        bundle = "npx esbuild src/geometry.js --bundle --minify --format=iife --global-name=geometry"
        subprocess.run([*bundle.split(), f"--outfile={out}", "--log-level=error"], cwd=FRONTEND, check=True)
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = browser.new_page()
        page.add_script_tag(path=str(out))
        rng = np.random.default_rng(0)
        for title, (products, bias, reach, limit) in heads(rng).items():
            row = rng.uniform(1, 2, len(bias)).tolist()
            frames = planes(rng, "sight" in title)
            arguments = [products.ravel().tolist(), bias.tolist(), row, reach, frames]
            drags = [page.evaluate(FRAMES, arguments) for _ in range(ROUNDS)]
            times, counts = np.median([drag for drag, _ in drags], axis=0), drags[0][1]
            p50, p95 = np.quantile(times, (0.5, 0.95))
            cells = f"{min(counts)} to {max(counts)} cells"
            print(f"{title:24s} {cells:18s} p50 {p50:6.2f} ms   p95 {p95:6.2f} ms   (at most {limit:g})")
        browser.close()


if __name__ == "__main__":
    main()
