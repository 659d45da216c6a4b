"""Pixels to features in float64, with derivatives, and least-squares steps in the box of images."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..geometry.arrays import Array
from ..geometry.head import LinearHead

__all__ = ["PixelMap", "step_in_box"]


class PixelMap:
    """Float64 copy of a classifier's feature map with Jacobians; the original is not changed.

    The features are taken before the last ReLU where ``classifier.body`` is a stack that ends in one.
    """

    def __init__(self, classifier: Any, head: LinearHead, image: Tensor) -> None:
        if not isinstance(classifier, nn.Module) or not callable(getattr(classifier, "features", None)):
            raise ValueError(
                "classifier must be a torch module with a method features, "
                f"received {type(classifier).__name__}"
            )
        self.model: Any = copy.deepcopy(classifier).double().cpu().eval().requires_grad_(False)
        self.head = head
        body: Any = getattr(self.model, "body", None)
        self.relu = isinstance(body, nn.Sequential) and len(body) > 1 and isinstance(body[-1], nn.ReLU)
        self._before: Any = self.model.features
        try:
            features = self.features(image)
            if self.relu:
                self._before = body[:-1]
                after = np.maximum(self.before(image), 0.0)
                if after.shape != features.shape or not np.array_equal(after, features):
                    self.relu, self._before = False, self.model.features
        except RuntimeError as error:
            raise ValueError(f"image of shape {tuple(image.shape)} does not fit the model: {error}") from None
        if features.shape != (head.dimension,):
            raise ValueError(f"the head takes {head.dimension} features, the model gives {features.shape}")

    @torch.no_grad()
    def before(self, image: Tensor) -> Array:
        """Features (d,) before the last ReLU, where there is one."""
        value: Array = self._before(image[None])[0].numpy()
        return value

    @torch.no_grad()
    def features(self, image: Tensor) -> Array:
        """Features (d,) of an image (C, H, W)."""
        value: Array = self.model.features(image[None])[0].numpy()
        return value

    def jacobian(self, image: Tensor) -> Array:
        """Jacobian (d, n) of `before`."""
        with torch.enable_grad():
            x = image.clone().requires_grad_(True)
            value = self._before(x[None])[0]
            if not value.requires_grad:
                raise ValueError("the model gives no gradients with respect to the image")
            eye = torch.eye(len(value), dtype=value.dtype)
            (rows,) = torch.autograd.grad(value, x, eye, is_grads_batched=True)
        jacobian: Array = rows.flatten(1).numpy()
        return jacobian

    def misfit(self, image: Tensor, nearest: Callable[[Array], Array]) -> tuple[float, Array, Array]:
        """Squared distance from a set before the last ReLU, its gradient (n,), and the features (d,).

        `nearest` gives the nearest point of the set, which need not be differentiated: the gradient
        of the squared distance from a convex set is twice the way from there.
        """
        with torch.enable_grad():
            x = image.clone().requires_grad_(True)
            value = self._before(x[None])[0]
            if not value.requires_grad:
                raise ValueError("the model gives no gradients with respect to the image")
            h: Array = value.detach().numpy()
            features = np.maximum(h, 0.0) if self.relu else h
            target = nearest(features)
            # Where zero is wanted, anything below zero before the ReLU will do.
            rest = np.where(target > 0, h, features) - target
            (row,) = torch.autograd.grad(value, x, torch.as_tensor(2.0 * rest))
        gradient: Array = row.flatten().numpy()
        return float(rest @ rest), gradient, features

    def gradient(self, image: Tensor, weights: Array) -> Array:
        """Gradient (n,) of ``weights . features``."""
        with torch.enable_grad():
            x = image.clone().requires_grad_(True)
            value = self.model.features(x[None])[0] @ torch.as_tensor(weights)
            if not value.requires_grad:
                raise ValueError("the model gives no gradients with respect to the image")
            (row,) = torch.autograd.grad(value, x)
        flat: Array = row.flatten().numpy()
        return flat


def step_in_box(jacobian: Array, wanted: Array, pixels: Array, damping: float) -> Array:
    """Short step with ``J dx = wanted`` (least squares, damped) and ``0 <= pixels + dx <= 1``.

    ``dx = J'(J J' + mu I)^-1 r`` on the free pixels; those that would leave the box are fixed there.
    """
    step, free = np.zeros_like(pixels), np.ones(len(pixels), dtype=bool)
    for _ in range(10):
        part = jacobian[:, free]
        rest = wanted - jacobian[:, ~free] @ step[~free]
        gram = part @ part.T
        gram.flat[:: len(gram) + 1] += damping + 1e-15 * np.trace(gram) + 1e-300
        step[free] = part.T @ np.linalg.lstsq(gram, rest, rcond=None)[0]
        out = free & ((pixels + step < 0) | (pixels + step > 1))
        if not out.any():
            break
        step[out] = np.where(step[out] < 0, -pixels[out], 1.0 - pixels[out])
        free &= ~out
    inside: Array = np.clip(pixels + step, 0.0, 1.0) - pixels
    return inside
