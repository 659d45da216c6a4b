"""Images from arrays, folders, data sets and loaders give the same batches."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import featurespace_widgets as fsw
from featurespace_widgets.models.sources import batches, class_names_of

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 3, 6, 6), dtype=np.uint8)
LABELS = np.array([0, 0, 0, 1, 1, 2, 2])
NAMES = ("ant", "bee", "cat")


class Pairs(list):
    """Like a torchvision data set: (image, label) and `classes`."""

    classes = NAMES


class Rows(list):
    """Like a Hugging Face data set: mappings, and features that name the classes."""

    features = {"image": None, "label": SimpleNamespace(names=list(NAMES))}  # noqa: RUF012


def picture(row):
    return Image.fromarray(PIXELS[row].transpose(1, 2, 0))


@pytest.fixture
def folder(tmp_path):
    for row, label in enumerate(LABELS):
        (tmp_path / NAMES[label]).mkdir(exist_ok=True)
        picture(row).save(tmp_path / NAMES[label] / f"{row}.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "ant" / "notes.txt").write_text("no picture")
    return tmp_path


@pytest.fixture(
    params=["folder", "path", "pairs", "floats", "rows", "dataset", "loader", "loader of rows"],
)
def source(request, folder):
    floats = torch.as_tensor(PIXELS) / 255
    tensors = TensorDataset(floats, torch.as_tensor(LABELS))
    rows = Rows({"image": picture(k), "label": int(LABELS[k])} for k in range(7))
    return {
        "folder": lambda: fsw.ImageFolder(folder),
        "path": lambda: str(folder),
        "pairs": lambda: Pairs((picture(k), LABELS[k]) for k in range(7)),
        "floats": lambda: [(floats[k].numpy(), int(LABELS[k])) for k in range(7)],
        "rows": lambda: rows,
        "dataset": lambda: tensors,
        "loader": lambda: DataLoader(tensors, batch_size=2),
        "loader of rows": lambda: DataLoader(
            [{"image": floats[k], "label": LABELS[k]} for k in range(7)], batch_size=3
        ),
    }[request.param]()


def test_every_source_gives_the_same(source):
    parts = list(batches(source, None, 3))
    pixels = np.concatenate([p / 255 if p.dtype == np.uint8 else p for p, _ in parts])
    np.testing.assert_allclose(pixels, PIXELS / 255, atol=1e-6)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in parts]), LABELS)


def test_arrays_and_tensors_bring_no_labels():
    for images in (PIXELS, torch.as_tensor(PIXELS), PIXELS.astype(np.float16) / 255):
        assert [set(labels) for _, labels in batches(images, None, 4)] == [{-1}, {-1}]
    given = [labels for _, labels in batches(PIXELS, LABELS, 4)]
    np.testing.assert_array_equal(np.concatenate(given), LABELS)


def test_class_names_are_those_of_the_source(folder):
    assert class_names_of(fsw.ImageFolder(folder)) == NAMES
    assert class_names_of(Pairs()) == NAMES
    assert class_names_of(Rows()) == NAMES
    assert class_names_of(DataLoader(Pairs([(PIXELS[0], 0)]))) == NAMES
    assert class_names_of(PIXELS) is None


def test_pictures_are_scaled_and_cropped(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide[:, :, 0]).save(tmp_path / "grey.png")
    photos = fsw.ImageFolder(tmp_path, size=5)
    assert photos.class_names == ()
    for pixels, label in photos:
        assert (pixels.shape, label) == ((3, 5, 5), -1)
        assert pixels[:, 2, 2].min() >= 199
    assert fsw.ImageFolder(tmp_path, grey=True)[0][0].shape == (1, 10, 30)


def test_a_broken_picture_is_named(folder):
    (folder / "bee" / "3.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(ValueError, match=r"image 3: .*3\.png cannot be read as a picture"):
        list(batches(folder, None, 4))


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        ("no such folder", "must be a folder"),
        ([{"text": 1}], "key 'image'"),
        ([PIXELS[0], PIXELS[1, :, :3]], "image 1 has"),
        ([PIXELS[0].astype(float)], "uint8, or finite floats"),
        ([PIXELS[0, 0]], "must have shape"),
        (PIXELS[0], "must have shape"),
        (None, "received NoneType"),
    ],
)
def test_what_is_no_image_is_refused(images, reason):
    with pytest.raises(ValueError, match=reason):
        list(batches(images, None, 4))


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no picture"):
        fsw.ImageFolder(tmp_path)


def test_extraction_reads_them_too(folder, tmp_path_factory):
    space = fsw.FeatureSpace.from_model(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(108, 5), torch.nn.Linear(5, 3)),
        str(folder),
        progress=False,
    )
    assert space.head.class_names == NAMES
    path = tmp_path_factory.mktemp("bank") / "bank"
    bank = fsw.study.extract(space, fsw.ImageFolder(folder), path, progress=False)
    np.testing.assert_allclose(bank.features, space.features, atol=1e-6)
    np.testing.assert_array_equal(bank.labels, LABELS)
