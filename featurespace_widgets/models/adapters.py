"""Classifiers of other libraries, with the preprocessing and class names they come with.

Each function needs its library (an extra of this package) and returns an `ExternalModel` for
``FeatureSpace.from_model``.
"""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "ExternalModel",
    "Preprocess",
    "optional_library",
    "saved_model",
    "timm_model",
    "torchvision_model",
    "transformers_model",
]


class Preprocess(nn.Module):
    """Images in [0, 1] to what a network takes, differentiable: resize, centre crop, ``(x - mean) / std``.

    Parameters
    ----------
    mean, std : one number per channel
        Grey images are repeated for them.
    size : int, optional
        Side of the square that the network takes; images of that size are left as they are.
    crop : float
        Share of the shorter side that the square keeps.

    Examples
    --------
    >>> import torch
    >>> from featurespace_widgets.models.adapters import Preprocess
    >>> Preprocess([0.5] * 3, [0.5] * 3, size=32)(torch.ones(2, 1, 40, 50)).shape
    torch.Size([2, 3, 32, 32])
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], size: int | None = None, crop: float = 1.0
    ) -> None:
        super().__init__()
        self.size, self.crop = size, crop
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).reshape(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(n, C, H, W) -> (n, channels, size, size)."""
        if self.size is not None and images.shape[-2:] != (self.size, self.size):
            scale = self.size / self.crop / min(images.shape[-2:])
            sides = [max(self.size, round(side * scale)) for side in images.shape[-2:]]
            images = functional.interpolate(images, sides, mode="bicubic", antialias=True).clamp(0, 1)
            top, left = ((side - self.size) // 2 for side in sides)
            images = images[..., top : top + self.size, left : left + self.size]
        return (images - self.mean.to(images)) / self.std.to(images)


@dataclass(frozen=True)
class ExternalModel:
    """A classifier with what its library says of it."""

    model: nn.Module
    preprocess: Callable[[Tensor], Tensor] | None = None
    class_names: tuple[str, ...] | None = None
    size: int | None = None  # pixels a side of the images it was made for


def torchvision_model(name: str, weights: str | None = "DEFAULT") -> ExternalModel:
    """A classifier of torchvision, e.g. ``"resnet18"``; ``weights=None`` for an untrained one.

    Raises
    ------
    ImportError
        If torchvision is not there or does not fit the installed torch.
    ValueError
        For an unknown model or weights.
    """
    models = optional_library("torchvision.models", "torchvision")
    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(_unknown("torchvision", name, known))
    if weights is None:
        return ExternalModel(models.get_model(name, weights=None))
    choices = models.get_model_weights(name)
    if weights not in choices.__members__:
        raise ValueError(f"{name} has the weights {', '.join(choices.__members__)}, received {weights!r}")
    chosen = choices[weights]
    transform = chosen.transforms()
    size, resized = transform.crop_size[0], transform.resize_size[0]
    return ExternalModel(
        models.get_model(name, weights=chosen),
        Preprocess(transform.mean, transform.std, size, size / resized),
        tuple(chosen.meta["categories"]),
        size,
    )


def timm_model(name: str, *, pretrained: bool = True) -> ExternalModel:
    """A classifier of timm, e.g. ``"resnet18"``; ``pretrained=False`` for an untrained one.

    Raises
    ------
    ImportError
        If timm, or the torchvision it needs, is not there or does not fit the installed torch.
    ValueError
        For an unknown model.
    """
    timm = optional_library("timm", "timm")
    known = timm.list_models(name.split(".")[0])
    if not known:
        raise ValueError(_unknown("timm", name, timm.list_models()))
    model = timm.create_model(name, pretrained=pretrained)
    facts = timm.data.resolve_model_data_config(model)
    size = int(facts["input_size"][-1])
    names = None
    if model.num_classes == 1000:
        info = timm.data.ImageNetInfo()
        names = tuple(info.index_to_description(k).split(",")[0] for k in range(1000))
    return ExternalModel(model, Preprocess(facts["mean"], facts["std"], size, facts["crop_pct"]), names, size)


def transformers_model(name: str | os.PathLike[str]) -> ExternalModel:
    """An image classifier of Hugging Face transformers: a name on the hub, or a folder.

    Raises
    ------
    ImportError
        If transformers is not there.
    ValueError
        If nothing of that name can be loaded.
    """
    transformers = optional_library("transformers", "transformers")
    try:
        model = transformers.AutoModelForImageClassification.from_pretrained(name, use_safetensors=True)
        facts, _ = transformers.ImageProcessingMixin.get_image_processor_dict(name)
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(name)!r} cannot be loaded as an image classifier: {error}") from error
    labels = model.config.id2label
    names = tuple(str(labels[k]) for k in range(len(labels)))
    wanted = facts.get("crop_size") or facts.get("size") or {}
    wanted = {"height": wanted} if isinstance(wanted, int) else wanted
    size = wanted.get("height") or wanted.get("shortest_edge")
    crop = facts.get("crop_pct") or 1.0
    preprocess = Preprocess(
        facts.get("image_mean") or [0.5] * 3, facts.get("image_std") or [0.5] * 3, size, crop
    )
    return ExternalModel(model, preprocess, names, size)


def saved_model(
    path: str | os.PathLike[str],
    constructor: Callable[[], nn.Module],
    *,
    preprocess: Callable[[Tensor], Tensor] | None = None,
    class_names: Sequence[str] | None = None,
) -> ExternalModel:
    """A model made by a constructor, with the weights of a ``.pt``, ``.pth`` or ``.safetensors`` file.

    Only weights are read, never code: ``torch.load(weights_only=True)``.

    Raises
    ------
    ValueError
        If the file cannot be read so, or its weights do not fit the model.
    """
    file = Path(path)
    state = _read_state(file)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state.get(key), Mapping):
            state = state[key]
    state = {str(key).removeprefix("module."): value for key, value in state.items()}
    model = constructor()
    try:
        model.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ValueError(f"the weights of {file.name} do not fit {type(model).__name__}: {error}") from error
    return ExternalModel(model, preprocess, None if class_names is None else tuple(class_names))


def _read_state(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ValueError(f"path must be a file of weights, received {str(file)!r}")
    try:
        if file.suffix == ".safetensors":
            state = optional_library("safetensors.torch", "transformers").load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except ImportError:
        raise
    except Exception as error:  # a broken archive raises almost anything
        hint = "save model.state_dict(), which holds weights alone"
        raise ValueError(f"{file.name} cannot be read as weights ({_first_line(error)}); {hint}") from error
    if not isinstance(state, dict):
        raise ValueError(f"{file.name} holds a {type(state).__name__}, expected a state dict")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def optional_library(module: str, extra: str) -> Any:
    """Import an optional library, or say how to mend what is missing or broken."""
    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError) as error:  # torchvision raises RuntimeError beside another torch
        torch_version = torch.__version__.split("+")[0]
        raise ImportError(
            f"{module.split('.')[0]} cannot be imported ({_first_line(error)}). Mend it with: "
            f'pip install "torch=={torch_version}" "featurespace-widgets[{extra}]"; '
            "torch and torchvision must come from the same index"
        ) from error


def _unknown(library: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 3)
    hint = f"; did you mean {', '.join(map(repr, near))}?" if near else ""
    return f"{library} has no model {name!r}{hint}"
