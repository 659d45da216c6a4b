"""The bundled models: really trained, whole, and what their cards say."""

import gzip
import json
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import featurespace_widgets as fsw
from featurespace_widgets.models import store, zoo
from featurespace_widgets.models.datasets import read_dataset, read_idx_folder, read_pictures
from featurespace_widgets.models.networks import ConvClassifier, ResidualClassifier, fold_batch_norm
from featurespace_widgets.models.recipes import RECIPES

FLOORS = {"fashion-mnist": 0.925, "mnist": 0.993, "mnist-2d": 0.985, "cifar10": 0.89}


@pytest.fixture(scope="module", params=fsw.available())
def space(request):
    return fsw.load(request.param)


def test_card_accuracy_is_recomputed_on_the_bundled_samples(space):
    if space.test_bank.images is None:  # CIFAR-10: its features ship, its images may not
        seen = space.head.predict(space.test_bank.features)
    else:
        images = torch.as_tensor(space.test_bank.images).float() / 255
        with torch.no_grad():
            seen = space.classifier(images).argmax(1).numpy()
    accuracy = float(np.mean(seen == space.test_bank.labels))
    assert accuracy == pytest.approx(space.card["bank_test_accuracy"], abs=0.0021)
    assert accuracy > FLOORS[space.card["name"]] - 0.01
    assert space.card["test_accuracy"] >= FLOORS[space.card["name"]]


def test_bundled_features_are_those_of_the_classifier(space):
    banks = [
        bank for bank in (space.bank, space.test_bank, space.examples) if bank and bank.images is not None
    ]
    assert space.pictured in banks
    for bank in banks:
        images = torch.as_tensor(bank.images[::10]).float() / 255
        with torch.no_grad():
            features = space.classifier.features(images).numpy()
            logits = space.classifier(images).numpy()
        np.testing.assert_allclose(features, bank.features[::10], atol=2e-3, rtol=2e-3)
        np.testing.assert_allclose(space.head.logits(features), logits, atol=1e-3, rtol=1e-3)


def test_bank_sizes_and_domain(space):
    assert len(space.bank) >= 4000
    assert len(space.test_bank) >= 1000
    assert set(np.unique(space.labels)) == set(range(10))
    if space.card["relu_features"]:
        assert space.features.min() >= 0
        assert space.domain is not None
    else:
        assert space.domain is None


def test_decoded_test_features_keep_their_class(space):
    if space.decoder is None:
        assert space.card["decoder"] is None
        return
    view = space.preview(space.test_bank.features)
    kept = np.mean(view.seen == space.head.predict(space.test_bank.features))
    assert kept == pytest.approx(space.card["decoded_class_kept"], abs=0.02)
    assert view.images.shape == (1000, 1, 28, 28)
    assert view.images.min() >= 0
    assert view.images.max() <= 1


def copy_of_the_zoo(tmp_path, monkeypatch):
    folder = tmp_path / "bundled"
    shutil.copytree(store.BUNDLED, folder)
    monkeypatch.setattr(store, "BUNDLED", folder)
    return folder


@pytest.mark.parametrize("file", ["mnist-2d.weights.npz", "mnist-2d.features.npz", "mnist.images.npz"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "missing"])
def test_a_damaged_file_is_named_and_refused(tmp_path, monkeypatch, file, damage):
    path = copy_of_the_zoo(tmp_path, monkeypatch) / file
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        content[len(content) // 2] ^= 1
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    with pytest.raises(store.DamagedFileError, match=file):
        fsw.load("mnist-2d")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "mnist"}'])
def test_a_damaged_card_is_named_and_refused(tmp_path, monkeypatch, text):
    (copy_of_the_zoo(tmp_path, monkeypatch) / "mnist-2d.card.json").write_text(text)
    with pytest.raises(store.DamagedFileError, match=r"mnist-2d\.card\.json"):
        fsw.load("mnist-2d")


def write_idx(folder, prefix, images, labels, compress):
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        content = header + array.astype(np.uint8).tobytes()
        name = f"{prefix}-{kind}-ubyte"
        if compress:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)


@pytest.mark.parametrize("compress", [True, False])
def test_a_full_data_set_is_used_and_its_features_are_cached(tmp_path, monkeypatch, compress):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundled = fsw.load("mnist")
    write_idx(tmp_path, "train", bundled.bank.images[:80, 0], bundled.labels[:80], compress)
    write_idx(tmp_path, "t10k", bundled.test_bank.images[:30, 0], bundled.test_bank.labels[:30], compress)
    space = fsw.load("mnist", data=tmp_path)
    assert (len(space.bank), len(space.test_bank)) == (80, 30)
    np.testing.assert_allclose(space.features, bundled.features[:80], atol=2e-3, rtol=2e-3)
    cached = sorted((tmp_path / "cache/featurespace_widgets").iterdir())
    assert len(cached) == 2
    before = [path.stat().st_mtime_ns for path in cached]
    again = fsw.load("mnist", data=tmp_path)
    np.testing.assert_array_equal(again.features, space.features)
    assert [path.stat().st_mtime_ns for path in cached] == before
    cached[0].write_bytes(b"cut")
    np.testing.assert_array_equal(fsw.load("mnist", data=tmp_path).features, space.features)


def test_folders_without_the_data_set_are_refused(tmp_path):
    with pytest.raises(ValueError, match="train-images-idx3-ubyte"):
        fsw.load("mnist", data=tmp_path)
    write_idx(tmp_path, "train", np.zeros((2, 28, 28)), np.zeros(3), False)
    with pytest.raises(ValueError, match="same n"):
        read_idx_folder(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0\0")
    with pytest.raises(ValueError, match="not a complete IDX file"):
        read_idx_folder(tmp_path)


@pytest.mark.parametrize(
    ("network", "shape"), [(ConvClassifier, (1, 28, 28)), (ResidualClassifier, (3, 32, 32))]
)
def test_folding_batch_normalisation_changes_nothing(network, shape):
    torch.manual_seed(0)
    trained = network(64, batch_norm=True)
    trained(torch.rand(32, *shape))  # moves the running statistics
    trained.eval()
    images = torch.rand(8, *shape)
    expected = trained(images)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in fold_batch_norm(trained).modules())
    assert fold_batch_norm(trained).state_dict().keys() == network(64).state_dict().keys()
    torch.testing.assert_close(fold_batch_norm(trained)(images), expected, atol=1e-5, rtol=1e-4)


def test_cards_state_what_a_reader_needs():
    for name in fsw.available():
        card = json.loads((store.BUNDLED / f"{name}.card.json").read_text())
        wanted = {"dataset", "architecture", "test_accuracy", "seed", "date", "sha256", "data_licence"}
        assert wanted <= set(card)
        assert zoo.load_networks(card)[0].head.out_features == 10


def test_a_model_without_a_decoder_shows_the_nearest_example():
    space = fsw.load("cifar10")
    assert space.bank.images is None
    assert space.decoder is None
    with pytest.raises(ValueError, match="no decoder"):
        space.decode(space.features[:1])
    view = space.preview(space.examples.features[3:5] + 1e-4)
    assert view.source == "nearest example image"
    np.testing.assert_array_equal(view.images, space.examples.images[3:5])
    np.testing.assert_allclose(view.residuals, 1e-4 * np.sqrt(64), rtol=1e-2)
    assert np.mean(space.head.predict(space.examples.features) == space.examples.labels) >= 0.8
    distances, rows = space.nearest_images(space.features[:3], 4)
    brute = np.linalg.norm(space.examples.features - space.features[:3, None].astype(float), axis=2)
    np.testing.assert_allclose(distances, np.sort(brute, axis=1)[:, :4])
    assert rows.shape == (3, 4)


def write_pictures(folder, names, size=6):
    chance = np.random.default_rng(0)
    images = {}
    for part in ("train", "test"):
        for name in names:
            (folder / part / name).mkdir(parents=True)
            for k in range(2):
                pixels = chance.integers(0, 256, (size, size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{k}.png")
                images[part, name, k] = pixels.transpose(2, 0, 1)
    return images


def test_pictures_are_read_from_a_folder_and_from_its_archive(tmp_path):
    names = ("owl", "cow")
    images = write_pictures(tmp_path / "set", names)
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w") as bundle:
        for path in sorted((tmp_path / "set").rglob("*.png")):
            bundle.write(path, path.relative_to(tmp_path / "set"))
    for source in (tmp_path / "set", archive):
        parts = read_pictures(source, names)
        np.testing.assert_array_equal(parts["test"].labels, [0, 0, 1, 1])
        np.testing.assert_array_equal(parts["test"].images[2], images["test", "cow", 0])
        np.testing.assert_array_equal(parts["train"].images[1], images["train", "owl", 1])
    with pytest.raises(ValueError, match="train/ant/"):
        read_pictures(archive, ("ant",))
    Image.new("RGB", (5, 5)).save(tmp_path / "set/test/cow/9.png")
    with pytest.raises(ValueError, match=r"test/cow/9\.png has shape"):
        read_pictures(tmp_path / "set", names)


def test_cifar_binaries_are_read(tmp_path):
    records = np.random.default_rng(0).integers(0, 10, (6, 3073), dtype=np.uint8)
    records[:4].tofile(tmp_path / "data_batch_1.bin")
    records[4:].tofile(tmp_path / "test_batch.bin")
    parts = read_dataset(RECIPES["cifar10"].dataset, tmp_path)
    np.testing.assert_array_equal(parts["train"].labels, records[:4, 0])
    np.testing.assert_array_equal(parts["test"].images[1, 2, 0], records[5, 2049 : 2049 + 32])
    (tmp_path / "test_batch.bin").write_bytes(b"cut")
    with pytest.raises(ValueError, match=r"test_batch\.bin holds 3 bytes"):
        read_dataset(RECIPES["cifar10"].dataset, tmp_path)
