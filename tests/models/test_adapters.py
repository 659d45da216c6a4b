"""Architectures of torchvision, timm and transformers, untrained: no weights can be had in a test."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.models.adapters import Preprocess

IMAGES = np.random.default_rng(0).random((2, 3, 64, 64), dtype=np.float32)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def operators():
    """What torchvision looks for, and does not find, beside a CPU build of torch from elsewhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name, arguments in (
            ("nms", "Tensor dets, Tensor scores, float iou_threshold"),
            ("qnms", "Tensor dets, Tensor scores, float iou_threshold"),
        ):
            if not hasattr(torch.ops.torchvision, name):
                library.define(f"{name}({arguments}) -> Tensor")
        yield library


def check(external, images=IMAGES):
    torch.manual_seed(0)
    space = fsw.FeatureSpace.from_model(external, images, progress=False)
    model = external.model.eval()
    inputs = torch.as_tensor(images)
    with torch.no_grad():
        answer = model(inputs if external.preprocess is None else external.preprocess(inputs))
    logits = getattr(answer, "logits", answer).double().numpy()
    scale = np.abs(logits).max()
    np.testing.assert_allclose(space.head.logits(space.features) / scale, logits / scale, atol=1e-4)
    return space


@pytest.mark.parametrize(
    ("name", "head", "features"),
    [
        ("resnet18", "fc", ">= 0 (means of a ReLU)"),
        ("mobilenet_v2", "classifier.1", "in [0, 6] (means of a ReLU6)"),
        ("mobilenet_v3_small", "classifier.3", "of any sign"),
        ("densenet121", "classifier", ">= 0 (means of a ReLU)"),
        ("shufflenet_v2_x0_5", "fc", ">= 0 (means of a ReLU)"),
        ("alexnet", "classifier.6", ">= 0 (outputs of a ReLU)"),
    ],
)
def test_torchvision(name, head, features):
    space = check(fsw.adapters.torchvision_model(name, weights=None))
    assert (space.card["head"], space.card["features"]) == (head, features)


@pytest.mark.parametrize(
    ("name", "head"),
    [("resnet10t", "fc"), ("mobilenetv3_small_050", "classifier"), ("convnext_atto", "head.fc")],
)
def test_timm(name, head):
    external = fsw.adapters.timm_model(name, pretrained=False)
    external.preprocess.size = None  # small images are quicker
    space = check(external)
    assert space.card["head"] == head
    assert len(space.head.class_names) == 1000
    assert "tabby" in space.head.class_names[281]


def test_heads_that_are_not_affine_are_refused():
    with pytest.raises(ValueError, match="something comes after it"):
        check(fsw.adapters.torchvision_model("squeezenet1_1", weights=None))
    external = fsw.adapters.timm_model("deit_tiny_distilled_patch16_224", pretrained=False)
    with pytest.raises(ValueError, match="mixes 'head', 'head_dist'"):
        check(external)


@pytest.fixture
def saved_transformer(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
    )
    config.id2label = {0: "ant", 1: "bee", 2: "cat"}
    transformers.ResNetForImageClassification(config).save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}, "crop_pct": 0.875,'
        ' "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.2, 0.2]}'
    )
    return tmp_path


def test_transformers(saved_transformer):
    external = fsw.adapters.transformers_model(saved_transformer)
    space = check(external)
    assert space.head.class_names == ("ant", "bee", "cat")
    assert (external.size, external.preprocess.crop) == (32, 0.875)
    assert space.domain is not None


def test_a_vision_transformer():
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=64,
        num_labels=4,
    )  # fmt: skip
    model = transformers.ViTForImageClassification(config)
    assert check(fsw.adapters.ExternalModel(model)).card["features"] == "of any sign"


def test_nothing_of_that_name():
    with pytest.raises(ValueError, match=r"did you mean .*'resnet18'"):
        fsw.adapters.torchvision_model("resnet19")
    with pytest.raises(ValueError, match="timm has no model"):
        fsw.adapters.timm_model("resnet18x", pretrained=False)
    with pytest.raises(ValueError, match="IMAGENET1K_V1"):
        fsw.adapters.torchvision_model("resnet18", weights="best")


@pytest.mark.parametrize("error", [ImportError("not there"), RuntimeError("operator nms does not exist")])
def test_a_missing_or_broken_library_is_explained(monkeypatch, error):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] == "torchvision":
                raise error

    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(ImportError, match=r'pip install "torch==.*featurespace-widgets\[torchvision\]"'):
        fsw.adapters.torchvision_model("resnet18", weights=None)


def small():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 3))


@pytest.mark.parametrize("form", ["pt", "nested.pth", "safetensors"])
def test_saved_weights(tmp_path, form):
    model, path = small(), tmp_path / f"weights.{form}"
    if form == "safetensors":
        pytest.importorskip("safetensors.torch").save_file(model.state_dict(), path)
    else:
        state = {f"module.{key}": value for key, value in model.state_dict().items()}
        torch.save({"state_dict": state, "epoch": 3} if "nested" in form else model.state_dict(), path)
    external = fsw.adapters.saved_model(path, small, class_names=["a", "b", "c"])
    space = check(external, IMAGES[:, :, :2, :2])
    np.testing.assert_array_equal(space.head.weight, model[3].weight.detach().double().numpy())


class Trap:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_code_in_weights_is_not_executed(tmp_path):
    torch.save({"weight": Trap()}, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match=r"cannot be read as weights .*state_dict"):
        fsw.adapters.saved_model(tmp_path / "weights.pt", small)


def test_weights_that_do_not_fit(tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="do not fit Sequential"):
        fsw.adapters.saved_model(tmp_path / "weights.pt", small)
    (tmp_path / "broken.pt").write_bytes(b"PK broken")
    with pytest.raises(ValueError, match="cannot be read as weights"):
        fsw.adapters.saved_model(tmp_path / "broken.pt", small)
    with pytest.raises(ValueError, match="must be a file"):
        fsw.adapters.saved_model(tmp_path / "none.pt", small)


def test_preprocessing_crops_the_centre():
    images = torch.zeros(1, 3, 40, 80)
    images[..., 6:34, 26:54] = 1
    seen = Preprocess([0.5] * 3, [0.5] * 3, size=32, crop=0.5)(images)
    assert seen.shape == (1, 3, 32, 32)
    assert float(seen.min()) > 0.9
    same = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(Preprocess([0.0] * 3, [1.0] * 3, size=32)(same), same)
