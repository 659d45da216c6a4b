"""Banks on disk: nothing is lost, nothing is loaded that need not be, and bad images are recorded."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.models.disk_bank import BankPart, DiskBank

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def space():
    return fsw.load("mnist")


@pytest.fixture(scope="module")
def images(space):
    return space.test_bank.images[:300]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL")
def test_killed_ten_times_at_random_moments_nothing_is_lost(tmp_path):
    command = [sys.executable, str(HERE / "killed_extraction.py"), str(tmp_path), "10"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["struck"] == 10
    assert found["equal"]
    assert found["thumbnails"]
    assert found["labels"]
    assert found["failures"] == {}
    # Earlier work was used: each kill costs one batch at most.
    assert found["before"] > 10
    assert found["chunks"] <= found["batches"] <= found["chunks"] + 10


def test_features_are_those_of_the_model(space, images, tmp_path):
    labels = space.test_bank.labels[:300]
    bank = fsw.study.extract(space, images, tmp_path / "bank", labels=labels, batch_size=128, progress=False)
    with torch.no_grad():
        wanted = space.classifier.features(torch.as_tensor(images) / 255).numpy()
    np.testing.assert_allclose(bank.features, wanted, atol=1e-4)
    np.testing.assert_array_equal(bank.thumbnails, images)
    np.testing.assert_array_equal(bank.labels, labels)
    assert bank.facts["model"]["title"] == space.title
    assert "numpy" in bank.facts["versions"]


def test_the_hull_of_a_bank_is_that_of_its_memory_map(space, images, tmp_path):
    bank = fsw.study.extract(space, images, tmp_path / "bank", progress=False)
    hull = FeatureHull(bank.features)
    assert isinstance(hull.points.points, np.memmap)
    queries = space.features[:5]
    in_memory = FeatureHull(np.array(bank.features)).project(queries)
    np.testing.assert_array_equal(hull.project(queries).distances, in_memory.distances)
    own = fsw.FeatureSpace(space.head, space.domain, bank.as_bank(), classifier=space.classifier)
    assert isinstance(own.features, np.memmap)
    assert own.nearest(bank.features[3], 1)[1] == 3


class Faulty(torch.utils.data.Dataset):
    """Some of its pictures are broken, each in another way."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        if row == 0:
            raise OSError("broken data stream")
        image = self.images[row]
        if row == 7:
            image = image[:, :5]
        if row == 11:
            image = np.full(image.shape, np.nan, np.float32)
        return image, row % 10


def test_failing_images_are_recorded_and_left_out(space, images, tmp_path):
    bank = fsw.study.extract(space, Faulty(images[:40]), tmp_path / "bank", batch_size=16, progress=False)
    assert set(bank.failures) == {0, 7, 11}
    assert "OSError: broken data stream" in bank.failures[0]
    assert "(1, 5, 28)" in bank.failures[7]
    assert "[0, 1]" in bank.failures[11]
    good = np.setdiff1d(np.arange(40), [0, 7, 11])
    np.testing.assert_array_equal(bank.rows, good)
    np.testing.assert_array_equal(bank.labels, good % 10)
    with torch.no_grad():
        wanted = space.classifier.features(torch.as_tensor(images[good]) / 255).numpy()
    np.testing.assert_allclose(bank.features, wanted, atol=1e-4)


def test_large_images_get_thumbnails(tmp_path):
    class Mean(torch.nn.Module):
        def features(self, images):
            return images.mean((2, 3))

    space = fsw.FeatureSpace(fsw.LinearHead(np.eye(3)), classifier=Mean())
    image = np.zeros((2, 3, 256, 128), np.float32)
    image[:, :, :128] = 1.0
    bank = fsw.study.extract(space, image, tmp_path / "bank", progress=False)
    assert bank.thumbnails.shape == (2, 3, 64, 32)
    assert (bank.thumbnails[:, :, :30] == 255).all()
    assert (bank.thumbnails[:, :, 34:] == 0).all()


def test_features_beyond_float16_fail_and_say_so(tmp_path):
    bank = DiskBank.create(tmp_path / "bank", 2, 1, (1, 1, 1), dtype="float16")
    bank.write(0, BankPart(np.array([[1e6], [1.0]]), np.zeros(2, int), np.zeros((2, 1, 1, 1), np.uint8)))
    assert bank.failures == {0: "a feature is not finite as float16"}
    np.testing.assert_array_equal(bank.features, [[1.0]])


def test_half_a_bank_says_what_is_missing(tmp_path):
    bank = DiskBank.create(tmp_path / "bank", 5, 2, (1, 1, 1), chunk=3)
    bank.write(1, BankPart(np.ones((2, 2)), np.zeros(2, int), np.zeros((2, 1, 1, 1), np.uint8)))
    assert DiskBank(tmp_path / "bank").missing == [0]
    with pytest.raises(ValueError, match="1 of 2 chunks are missing"):
        _ = bank.features


def test_another_model_or_other_data_is_refused(space, images, tmp_path):
    fsw.study.extract(space, images[:20], tmp_path / "bank", progress=False)
    with pytest.raises(ValueError, match="made with another data;"):
        fsw.study.extract(space, images[1:21], tmp_path / "bank", progress=False)
    with pytest.raises(ValueError, match="made with another model;"):
        fsw.study.extract(fsw.load("fashion-mnist"), images[:20], tmp_path / "bank", progress=False)


def test_refusals(space, images, tmp_path):
    with pytest.raises(ValueError, match="no classifier"):
        fsw.study.extract(fsw.FeatureSpace.from_arrays(np.eye(2)), images, tmp_path / "bank")
    with pytest.raises(ValueError, match="none of 2 images can be read; the first: ValueError: an image"):
        fsw.study.extract(space, np.full((2, 1, 28, 28), 2.0), tmp_path / "bank")
    with pytest.raises(ValueError, match="'float32' or 'float16', received 'float64'"):
        fsw.study.extract(space, images, tmp_path / "bank", dtype="float64")
    with pytest.raises(ValueError, match="holds no bank"):
        DiskBank(tmp_path)
