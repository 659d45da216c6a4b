"""Any torch classifier and its images, as the parts of a feature space."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..geometry.head import LinearHead
from .adapters import ExternalModel
from .bank import Bank
from .domains import range_of
from .heads import OUTPUTS, TOLERANCE, as_layer, find_head, logits_of, share, take_off
from .photos import train_head
from .sources import Batch, ImageFolder, as_floats, batches, class_names_of

__all__ = ["ModelParts", "read_folder", "read_model"]

TRIED = 8  # images on which a model is taken apart and checked


@dataclass(frozen=True)
class ModelParts:
    """What `FeatureSpace` is built from."""

    head: LinearHead
    domain: Bounds | None
    bank: Bank
    classifier: nn.Module
    title: str
    card: dict[str, Any]


def read_model(
    model: Any,
    images: Any,
    labels: ArrayLike | None = None,
    *,
    class_names: Sequence[str] | None = None,
    head: str | None = None,
    preprocess: Any = None,
    batch_size: int = 256,
    progress: bool = True,
) -> ModelParts:
    """Take a classifier apart and compute the features of images; see `FeatureSpace.from_model`."""
    if isinstance(model, ExternalModel):
        preprocess = model.preprocess if preprocess is None else preprocess
        class_names = model.class_names if class_names is None else class_names
        model = model.model
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model must be a torch.nn.Module, received {type(model).__name__}; "
            "for other frameworks use FeatureSpace.from_arrays(weight, bias, features)"
        )
    if preprocess is not None and not callable(preprocess):
        raise ValueError(f"preprocess must be a function of images (n, C, H, W), received {preprocess!r}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, received {batch_size}")
    if isinstance(images, str | os.PathLike):
        images = ImageFolder(images)
    stream = batches(images, labels, batch_size)
    first = next(stream)
    own = share(model)
    device = next((tensor.device for tensor in own.parameters()), torch.device("cpu"))
    tried = torch.as_tensor(as_floats(first[0][:TRIED])).to(device)
    try:
        found = find_head(own, tried if preprocess is None else preprocess(tried), head)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"{type(model).__name__} does not take images of shape {tuple(tried.shape)}: {error}; "
            "state how images become its inputs with preprocess="
        ) from error
    expected = _answers(own, tried, preprocess)
    names = class_names if class_names is not None else class_names_of(images)
    if names is not None and class_names is None and len(names) != max(2, len(found.weight)):
        names = None  # those of the images are not the model's
    linear = LinearHead(found.weight.double().cpu().numpy(), found.bias.double().cpu().numpy(), names)
    classifier = take_off(own, found, preprocess, linear)
    _check(classifier, tried, expected, found.output, len(found.weight))
    bounds, words = range_of(classifier, tried)
    bank = _bank(classifier, linear, first, stream, _length(images), device, progress)
    if bounds is not None and not _holds(bounds, bank):
        bounds, words = None, "of any sign"
    title = f"{type(model).__name__} · {linear.dimension} features {words}"
    card = {"head": found.name, "output": found.output, "features": words, "model": type(model).__name__}
    return ModelParts(linear, bounds, bank, classifier, title, card)


def read_folder(
    path: str | os.PathLike[str], model: Any = None, *, batch_size: int = 32, progress: bool = True
) -> ModelParts:
    """Train a linear head for folders of photos; see `FeatureSpace.from_folder`."""
    external = model
    if external is None:
        from .imagenet import efficientnet_lite0

        external = efficientnet_lite0()
    elif not isinstance(external, ExternalModel):
        external = ExternalModel(external)
    photos = ImageFolder(path, size=external.size)
    if len(photos.class_names) < 2:
        raise ValueError(f"{str(path)!r} must hold two folders of pictures or more, one for each class")
    parts = read_model(external, _Unlabelled(photos), batch_size=batch_size, progress=progress)
    trained = train_head(parts.bank.features.astype(np.float64), photos.labels)
    head = LinearHead(trained.weight, trained.bias, photos.class_names)
    classifier: Any = parts.classifier
    classifier.head = as_layer(head, classifier.head.weight)
    bank = Bank.checked(head, parts.bank.features, photos.labels, parts.bank.images)
    title = f"{Path(path).name} · {100 * trained.accuracy:.0f} % in {trained.folds}-fold cross-validation"
    card = {**parts.card, "head": "trained here", "output": "logits", "accuracy": trained.accuracy}
    return ModelParts(head, parts.domain, bank, classifier, title, card)


class _Unlabelled(Sequence[NDArray[np.uint8]]):
    """The pictures of a folder, whose classes are not those of the network."""

    def __init__(self, photos: ImageFolder) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, row: Any) -> Any:
        return self.photos[row][0]


@torch.no_grad()
def _answers(model: nn.Module, images: Tensor, preprocess: Any) -> Tensor:
    return logits_of(model(images if preprocess is None else preprocess(images)))


@torch.no_grad()
def _check(classifier: Any, images: Tensor, expected: Tensor, output: str, logits: int) -> None:
    """``head(features(x)) == model(x)``, and the same again: some models change their mind."""
    features = classifier.features(images)
    again = classifier.features(images)
    if not torch.allclose(features, again, rtol=1e-3, atol=1e-5):
        raise ValueError("the model gives other features for the same images the second time")
    ours = classifier.head(features)
    ours = ours[:, 1:] - ours[:, :1] if logits == 1 else OUTPUTS[output](ours)
    gap = float((ours - expected).abs().max())
    if not gap <= TOLERANCE * max(float(expected.abs().max()), 1e-30):
        raise ValueError(
            f"the head does not explain the model: head(features(x)) differs from model(x) by {gap:.3g}; "
            "is its layer used in more than one place?"
        )


def _length(images: Any) -> int | None:
    try:
        return len(getattr(images, "dataset", images))
    except TypeError:  # a stream
        return None


def _bank(
    classifier: Any,
    head: LinearHead,
    first: Batch,
    rest: Any,
    total: int | None,
    device: torch.device,
    progress: bool,
) -> Bank:
    features, pictures, labels = [], [], []
    with tqdm(total=total, desc="features", unit="image", disable=not progress) as bar:
        for pixels, own in _chain(first, rest):
            features.append(_features(classifier, pixels, device))
            pictures.append(pixels)
            labels.append(own)
            bar.update(len(pixels))
    vectors, known = np.concatenate(features), np.concatenate(labels)
    wrong = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(wrong):
        rows = ", ".join(map(str, wrong[:5])) + (", ..." if len(wrong) > 5 else "")
        raise ValueError(f"the model gives features that are not finite for {len(wrong)} images: {rows}")
    stored = np.concatenate(pictures) if len({p.dtype for p in pictures}) == 1 else None
    if stored is None:
        stored = np.concatenate([as_floats(p) for p in pictures])
    return Bank.checked(head, vectors, None if (known == -1).any() else known, stored)


def _chain(first: Batch, rest: Any) -> Any:
    yield first
    yield from rest


@torch.no_grad()
def _features(classifier: Any, pixels: NDArray[Any], device: torch.device) -> NDArray[np.float32]:
    try:
        vectors: Tensor = classifier.features(torch.as_tensor(as_floats(pixels)).to(device))
    except torch.OutOfMemoryError as error:
        raise MemoryError(f"{len(pixels)} images at once are too many: pass a smaller batch_size") from error
    found: NDArray[np.float32] = vectors.float().cpu().numpy()
    return found


def _holds(bounds: Bounds, bank: Bank) -> bool:
    return bool((bank.features >= bounds.lb).all() and (bank.features <= bounds.ub).all())
