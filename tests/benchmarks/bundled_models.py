"""What the bundled models reach: ``python tests/benchmarks/bundled_models.py [--data NAME=DIR ...]``.

Accuracy and decoded class kept are recomputed on the bundled test images, or on the full test set where a
folder is given. The lifted share counts points, uniform over the busy part of the boundary planes of all
class triples, whose decoded image the model sees as the class that the plane shows there.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np

import featurespace_widgets as fsw

POINTS = 100  # on the plane of each class triple


def test_figures(space: fsw.FeatureSpace) -> tuple[float, float | None]:
    """Accuracy, and share of test features whose decoded image keeps their class (None: no decoder)."""
    bank = space.test_bank
    predicted = space.head.predict(bank.features)
    if space.decoder is None:
        return float(np.mean(predicted == bank.labels)), None
    seen = np.concatenate([space.preview(rows).seen for rows in np.array_split(bank.features, 10)])
    return float(np.mean(predicted == bank.labels)), float(np.mean(seen == predicted))


def lifted_figures(space: fsw.FeatureSpace) -> dict[str, float]:
    """Shares over plane points: of the lifted vectors and of their images that have the shown class."""
    chance = np.random.default_rng(2024)
    vectors, images, lifted, landing = [], [], [], []
    for triple in combinations(range(space.head.num_classes), 3):
        plane = space.boundary_plane(triple)
        samples = plane.to_plane(space.features[np.isin(space.labels, triple)])
        points = chance.uniform(*np.quantile(samples, (0.02, 0.98), axis=0), (POINTS, 2))
        result = space.lift_result(plane, points)
        ok = result.verdicts == "yes"
        shown = np.array(plane.classes)[
            space.head.logits(plane.from_plane(points[ok]))[:, list(plane.classes)].argmax(1)
        ]
        view = space.preview(result.points[ok])
        lifted.append(ok.mean())
        vectors.append(np.mean(space.head.predict(result.points[ok]) == shown))
        images.append(np.mean(view.seen == shown))
        away = plane.to_plane(view.landed) - points[ok]
        landing.append(np.median(np.linalg.norm(away, axis=1)) / samples.std())
    return {
        "plane points that could be lifted": float(np.mean(lifted)),
        "lifted vector has the shown class": float(np.mean(vectors)),
        "decoded image seen as the shown class": float(np.mean(images)),
        "the same, worst of 120 class triples": float(np.min(images)),
        "landing error / spread of the samples": float(np.median(landing)),
    }


def main() -> None:
    """Print the figures of every bundled model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", action="append", default=[], metavar="NAME=DIR")
    folders = dict(pair.split("=", 1) for pair in parser.parse_args().data)
    for name in fsw.available():
        bundled = fsw.load(name)
        accuracy, kept = test_figures(fsw.load(name, data=folders[name]) if name in folders else bundled)
        where = "full test set" if name in folders else "1,000 bundled test samples"
        print(f"{name} ({where})")
        card = bundled.card
        print(f"  {'test accuracy':42s} {accuracy:.4f}   card {card['test_accuracy']:.4f}")
        if kept is None:
            continue
        print(
            f"  {'decoded test feature keeps class':42s} {kept:.4f}   card {card['decoded_class_kept']:.4f}"
        )
        for title, value in lifted_figures(bundled).items():
            print(f"  {title:42s} {value:.4f}")


if __name__ == "__main__":
    main()
