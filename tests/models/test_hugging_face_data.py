"""Images from the `datasets` library itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import featurespace_widgets as fsw
from featurespace_widgets.models.sources import batches, class_names_of

datasets = pytest.importorskip("datasets")

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 3, 6, 6), dtype=np.uint8)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
NAMES = ("ant", "bee", "cat")


@pytest.fixture
def rows():
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(NAMES))})
    pictures = [Image.fromarray(pixels.transpose(1, 2, 0)) for pixels in PIXELS]
    return datasets.Dataset.from_dict({"image": pictures, "label": LABELS}, features=features)


@pytest.fixture
def as_torch(rows):
    return rows.with_format("torch")


@pytest.mark.parametrize("form", ["rows", "as_torch", "saved", "folder"])
def test_pixels_labels_and_names_come_through(form, rows, as_torch, tmp_path):
    if form == "saved":
        rows.save_to_disk(tmp_path / "saved")
        data = datasets.load_from_disk(tmp_path / "saved")
    elif form == "folder":
        for k, label in enumerate(LABELS):
            (tmp_path / "train" / NAMES[label]).mkdir(parents=True, exist_ok=True)
            rows[k]["image"].save(tmp_path / "train" / NAMES[label] / f"{k}.png")
        data = datasets.load_dataset(
            "imagefolder", data_dir=str(tmp_path), split="train", cache_dir=str(tmp_path / "cache")
        )
    else:
        data = {"rows": rows, "as_torch": as_torch}[form]
    parts = list(batches(data, None, 3))
    np.testing.assert_array_equal(np.concatenate([pixels for pixels, _ in parts]), PIXELS)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in parts]), LABELS)
    assert class_names_of(data) == NAMES


def test_a_space_and_a_study_take_it(rows, tmp_path):
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 5), torch.nn.Linear(5, 3))
    space = fsw.FeatureSpace.from_model(model, rows, progress=False)
    assert space.head.class_names == NAMES
    wanted = model[1](torch.as_tensor(PIXELS).flatten(1) / 255).detach().numpy()
    np.testing.assert_allclose(space.features, wanted, rtol=1e-5, atol=1e-6)
    bank = fsw.study.extract(space, rows, tmp_path / "bank", progress=False)
    np.testing.assert_allclose(bank.features, wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(bank.labels, LABELS)
