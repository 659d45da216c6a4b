"""The affine head of any torch classifier: found by its output, taken off, checked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from ..geometry.head import LinearHead
from .networks import Classifier

__all__ = ["AdaptedClassifier", "FoundHead", "as_layer", "find_head", "logits_of", "share", "take_off"]

TOLERANCE = 1e-4  # of the largest logit, between the model's float32 and ours
OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {
    "logits": lambda logits: logits,
    "log-softmax of the logits": lambda logits: logits.log_softmax(1),
    "softmax of the logits": lambda logits: logits.softmax(1),
}


@dataclass(frozen=True)
class FoundHead:
    """The last affine layer of a model."""

    name: str
    layer: nn.Linear | nn.Conv2d
    output: str  # what the model returns, one of OUTPUTS

    @property
    def weight(self) -> Tensor:
        """(K, d)."""
        return self.layer.weight.detach().flatten(1)

    @property
    def bias(self) -> Tensor:
        """(K,), zero where the layer has none."""
        bias = self.layer.bias
        return self.weight.new_zeros(len(self.weight)) if bias is None else bias.detach()


class _Reached(Exception):
    """The head's input has been computed: what comes after it is not needed."""

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.features = features


class _Stop(nn.Module):
    """Stands where the head was."""

    def forward(self, features: Tensor) -> Tensor:
        raise _Reached(features)


class AdaptedClassifier(nn.Module):
    """A classifier cut before its head; ``forward`` gives the logits even if the model gives more."""

    def __init__(self, model: nn.Module, preprocess: Any, name: str, head: nn.Linear) -> None:
        super().__init__()
        model.set_submodule(name, _Stop())
        self.model, self.preprocess, self.head = model, preprocess, head

    def features(self, images: Tensor) -> Tensor:
        """(n, C, H, W) images in [0, 1] -> (n, d)."""
        try:
            self.model(images if self.preprocess is None else self.preprocess(images))
        except _Reached as reached:
            return reached.features.flatten(1)
        raise RuntimeError("the model gave an answer without its head")

    def forward(self, images: Tensor) -> Tensor:
        """(n, C, H, W) images in [0, 1] -> (n, K)."""
        logits: Tensor = self.head(self.features(images))
        return logits


def share(model: nn.Module) -> nn.Module:
    """Copy of a model in eval mode that shares its weights: the original keeps its mode and layers.

    Raises
    ------
    ValueError
        If the model cannot be copied.
    """
    if isinstance(model, torch.jit.ScriptModule):
        raise ValueError(
            "a scripted model hides its layers; pass the model it was made from, or its arrays to from_arrays"
        )
    memo: dict[int, Any] = {id(tensor): tensor for tensor in chain(model.parameters(), model.buffers())}
    try:
        return copy.deepcopy(model, memo).eval()
    except Exception as error:  # whatever a model's own state raises
        raise ValueError(f"{type(model).__name__} cannot be copied ({error}); use from_arrays") from error


def logits_of(answer: Any) -> Tensor:
    """The tensor (n, K) in what a model returns: itself, ``.logits`` or ``["logits"]``."""
    if isinstance(answer, Mapping):
        answer = answer.get("logits", answer)
    answer = getattr(answer, "logits", answer)
    if not isinstance(answer, Tensor) or answer.ndim not in (1, 2):
        what = (
            f"a tensor {tuple(answer.shape)}" if isinstance(answer, Tensor) else f"a {type(answer).__name__}"
        )
        raise ValueError(f"the model must return one tensor (n, K) or an object with .logits, it gave {what}")
    return answer.reshape(len(answer), -1)


@torch.no_grad()
def find_head(model: nn.Module, inputs: Tensor, name: str | None = None) -> FoundHead:
    """The last linear layer, or 1x1 convolution, whose output is the model's output.

    Parameters
    ----------
    model : torch.nn.Module, in eval mode
    inputs : (n, ...) what the model takes
    name : str, optional
        The layer that is meant; the last that fits if not given.

    Raises
    ------
    ValueError
        If there is none: says what the model ends in and what to do.
    """
    seen: list[tuple[str, Any, Tensor, Tensor]] = []
    handles = [
        layer.register_forward_hook(lambda layer, args, out, key=key: seen.append((key, layer, args[0], out)))
        for key, layer in model.named_modules()
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1))
    ]
    try:
        output = logits_of(model(inputs))
    finally:
        for handle in handles:
            handle.remove()
    for key, layer, features, out in reversed(seen):
        if name not in (None, key) or out[0].numel() != output.shape[1] or len(features) != len(output):
            continue
        if features[0].numel() != layer.weight.shape[1]:
            continue  # applied at many places, and pooled after
        for kind, function in OUTPUTS.items():
            if _same(function(out.flatten(1)), output):
                return FoundHead(key, layer, kind)
    raise ValueError(_no_head(model, seen, output, name))


def _same(ours: Tensor, theirs: Tensor) -> bool:
    scale = float(theirs.abs().max()) if theirs.numel() else 0.0
    return bool((ours - theirs).abs().max() <= TOLERANCE * max(scale, 1e-30))


def _no_head(
    model: nn.Module, seen: list[tuple[str, Any, Tensor, Tensor]], output: Tensor, name: str | None
) -> str:
    kind = type(model).__name__
    if name is not None and name not in {key for key, *_ in seen}:
        allowed = ", ".join(repr(key) for key, *_ in seen[-5:]) or "none"
        return f"head={name!r} is no linear layer that {kind} used; the last it used: {allowed}"
    if not torch.isfinite(output).all():
        return f"{kind} gives outputs that are not finite for these images; is its preprocessing missing?"
    wide = [key for key, _, _, out in seen if out.ndim > 1 and out.shape[1] == output.shape[1]]
    what = "no linear layer or 1x1 convolution gives its output"
    if len(wide) == 1:
        what = f"its output is not that of {wide[0]!r}: something comes after it (pooling, scaling, ...)"
    elif wide:
        what = f"its output mixes {', '.join(map(repr, wide))}"
    return (
        f"{kind} has no affine head: {what}. Wrap it so that it returns what one linear layer gives, "
        "or compute the arrays and use FeatureSpace.from_arrays(weight, bias, features)"
    )


def as_layer(head: LinearHead, like: Tensor) -> nn.Linear:
    """A head as a torch layer, on the device and in the precision of a tensor."""
    layer = nn.Linear(head.dimension, head.num_classes, device=like.device, dtype=like.dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(head.weight))
        layer.bias.copy_(torch.as_tensor(head.bias))
    return layer.requires_grad_(False)


def take_off(model: nn.Module, found: FoundHead, preprocess: Any, head: LinearHead) -> nn.Module:
    """Classifier with ``features`` and ``forward`` made of a model from `share` and its head.

    A plain ``nn.Sequential`` stays one, so that exact answers about its layers remain possible.
    """
    last = as_layer(head, found.weight)
    before = [] if preprocess is None else [preprocess]
    stack = isinstance(model, nn.Sequential) and all(isinstance(x, nn.Module) for x in before)
    if stack and found.layer is list(model.children())[-1]:
        layers = before + list(model.children())[:-1]
        plain = Classifier()
        plain.body = nn.Sequential(
            *(x for x in layers if not isinstance(x, nn.Dropout | nn.Dropout2d | nn.Identity))
        )
        plain.head = last
        return plain.eval()
    return AdaptedClassifier(model, preprocess, found.name, last).eval()
