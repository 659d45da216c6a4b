"""The bundled models: networks, banks and full data sets."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds
from torch import Tensor, nn

from ..geometry.head import LinearHead
from .archives import read_npz
from .bank import Bank
from .datasets import ImageSet, read_dataset
from .networks import NETWORKS, Classifier, ConvDecoder, evaluate
from .recipes import RECIPES
from .store import DamagedFileError, pack, read_arrays, read_card, write_atomically

__all__ = ["LoadedModel", "load_model", "load_networks"]


@dataclass(frozen=True)
class LoadedModel:
    """Everything a bundled model brings."""

    head: LinearHead
    domain: Bounds | None
    bank: Bank
    test_bank: Bank
    examples: Bank | None
    classifier: Classifier
    decoder: ConvDecoder | None
    title: str
    card: dict[str, Any]


def load_model(name: str, data: str | os.PathLike[str] | None = None) -> LoadedModel:
    """Load the networks and banks of a bundled model; see `featurespace_widgets.load`."""
    card = read_card(name)
    classifier, decoder = load_networks(card)
    shipped, features = _bundled_images(card), read_arrays(card, f"{name}.features.npz")
    parts = shipped if data is None else read_dataset(RECIPES[name].dataset, data)
    if data is not None:
        features |= {part: _cached_features(card, classifier, images) for part, images in parts.items()}
    weight, bias = (p.detach().double().numpy() for p in (classifier.head.weight, classifier.head.bias))
    head = LinearHead(weight, bias, card["class_names"])
    banks = {
        part: Bank.checked(
            head,
            features[part],
            parts[part].labels if part in parts else features[f"{part}_labels"],
            parts[part].images if part in parts else None,
        )
        for part in ("train", "test")
    }
    examples = shipped.get("examples")
    return LoadedModel(
        head,
        Bounds(np.zeros(head.dimension), np.full(head.dimension, np.inf)) if card["relu_features"] else None,
        banks["train"],
        banks["test"],
        Bank.checked(head, features["examples"], examples.labels, examples.images) if examples else None,
        classifier,
        decoder,
        f"{card['title']} · {card['feature_dim']} features · {100 * card['test_accuracy']:.1f} %",
        card,
    )


def load_networks(card: dict[str, Any], folder: Path | None = None) -> tuple[Classifier, ConvDecoder | None]:
    """Classifier and, where there is one, decoder of a card, in eval mode, computing in float32."""
    stored = read_arrays(card, f"{card['name']}.weights.npz", folder)
    classifier: Classifier = NETWORKS[card["network"]](
        card["feature_dim"], len(card["class_names"]), relu_features=card["relu_features"]
    )
    decoder = ConvDecoder(torch.ones(card["feature_dim"])) if card["decoder"] else None
    for prefix, network in (("classifier.", classifier), ("decoder.", decoder)):
        if network is None:
            continue
        state = {
            key.removeprefix(prefix): torch.as_tensor(value.astype(np.float32))
            for key, value in stored.items()
            if key.startswith(prefix)
        }
        _load_state(network, state, Path(f"{card['name']}.weights.npz"))
    return classifier, decoder


def _load_state(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise DamagedFileError(path, f"does not fit its network ({error})") from error
    network.eval().requires_grad_(False)


def _bundled_images(card: dict[str, Any]) -> dict[str, ImageSet]:
    stored = read_arrays(card, f"{card['dataset']}.images.npz")
    return {
        part: ImageSet(stored[f"{part}_images"], stored[f"{part}_labels"].astype(np.int64))
        for part in ("train", "test", "examples")
        if f"{part}_images" in stored
    }


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "featurespace_widgets"


def _cached_features(card: dict[str, Any], classifier: Classifier, images: ImageSet) -> NDArray[np.float32]:
    """Features of a full data set, computed once for these weights and these images."""
    digest = hashlib.sha256(card["sha256"][f"{card['name']}.weights.npz"].encode())
    digest.update(images.images.tobytes())
    path = _cache_folder() / f"{card['name']}-{digest.hexdigest()[:16]}.npz"
    try:
        stored: NDArray[np.float32] = read_npz(path)["features"]
        if stored.shape == (len(images.images), card["feature_dim"]):
            return stored
    except (ValueError, KeyError):
        pass  # not there or not whole: compute it again
    pixels = torch.as_tensor(images.images)
    features: NDArray[np.float32] = evaluate(
        lambda part: classifier.features(part.float() / 255), pixels
    ).numpy()
    write_atomically(path, pack({"features": features}))
    return features
