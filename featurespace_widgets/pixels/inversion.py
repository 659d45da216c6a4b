"""From features back to pixels: an image in the box [0, 1] whose features meet a target."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from torch import Tensor, nn

from ..geometry.arrays import Array, as_vector
from ..geometry.head import LinearHead
from .relu_network import as_image

__all__ = ["InversionFrame", "InversionResult", "PixelMap", "invert", "invert_frames", "step_in_box"]

CHUNKS = (5, 20, 75, 150, 250)  # iterations of L-BFGS-B between two frames
Target = ArrayLike | Callable[[Array], ArrayLike]


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

    def half_square(self, image: Tensor, goal: Callable[[Array], Array]) -> tuple[float, Array]:
        """Half the squared residual before the last ReLU, and its gradient (n,)."""
        with torch.enable_grad():
            x = image.clone().requires_grad_(True)
            value = self._before(x[None])[0]
            if not value.requires_grad:
                raise ValueError("the model gives no gradients with respect to the image")
            h = value.detach().numpy()
            target = goal(np.maximum(h, 0.0) if self.relu else h)
            rest = h - target
            if self.relu:  # wanted at zero: anything below zero will do
                rest = np.where(target > 0, rest, np.maximum(h, 0.0) - target)
            (row,) = torch.autograd.grad(value, x, torch.as_tensor(rest))
        gradient: Array = row.flatten().numpy()
        return 0.5 * float(rest @ rest), gradient

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


@dataclass(frozen=True, eq=False)
class InversionFrame:
    """One step: image (C, H, W), residual ``|phi(x) - y|``, pixel distance from the start, class."""

    image: Array
    residual: float
    distance: float
    predicted: int


@dataclass(frozen=True, eq=False)
class InversionResult:
    """The best image found.

    Attributes
    ----------
    image : (C, H, W) array in [0, 1]
    target : (d,) array
        The target, or the point of the target set that belongs to the image.
    residual : float
        ``|phi(x) - target|``, recomputed by the whole network in float64.
    tolerance : float
        Absolute residual up to which the verdict is "reached".
    yardstick : float
        Size of "near" in feature space, as given; nan where none was given.
    predicted : int
    verdict : "reached" or "undecided"
        "undecided" does not say that no image exists.
    distance : float
        L2 pixel distance from the start.
    steps : int
    """

    image: Array
    target: Array
    residual: float
    tolerance: float
    yardstick: float
    predicted: int
    verdict: Literal["reached", "undecided"]
    distance: float
    steps: int

    def verify(self, classifier: Any, head: LinearHead) -> bool:
        """Evaluate a float64 copy of the classifier again; undecided results verify as False."""
        if not (self.image.min() >= 0 and self.image.max() <= 1):
            return False
        image = torch.as_tensor(self.image)
        features = PixelMap(classifier, head, image).features(image)
        residual = float(np.linalg.norm(features - self.target))
        same = int(head.predict(features[None])[0]) == self.predicted
        close = abs(residual - self.residual) <= 1e-10 * (1.0 + float(np.linalg.norm(self.target)))
        return self.verdict == "reached" and residual <= self.tolerance * (1 + 1e-6) and close and same


def _goal(target: Target, d: int) -> Callable[[Array], Array]:
    if callable(target):
        return lambda features: as_vector("the projection", target(features), d)
    fixed = as_vector("target", target, d)
    return lambda features: fixed


def invert_frames(
    classifier: Any, head: LinearHead, target: Target, start: Any, *, max_steps: int = 10
) -> Iterator[InversionFrame]:
    """Frames of `invert`, each at least as near to the target as the one before; first the start."""
    image = as_image(start)
    return _frames(PixelMap(classifier, head, image), _goal(target, head.dimension), image, max_steps)


def _frames(
    network: PixelMap, goal: Callable[[Array], Array], image: Tensor, max_steps: int
) -> Iterator[InversionFrame]:
    first, damping = image.flatten().numpy().copy(), 1e-3

    def frame(x: Tensor) -> InversionFrame:
        y = network.features(x)
        moved = float(np.linalg.norm(x.flatten().numpy() - first))
        residual = float(np.linalg.norm(y - goal(y)))
        return InversionFrame(x.numpy().copy(), residual, moved, int(network.head.predict(y[None])[0]))

    best = frame(image)
    yield best
    for length in CHUNKS:  # L-BFGS-B first: Gauss-Newton only pays near a solution
        if best.residual <= 1e-3 * np.linalg.norm(goal(network.features(image))):
            break
        trial = _descend(network, goal, image, length)
        found = frame(trial)
        if not found.residual < best.residual:
            break
        image, best = trial, found
        yield best
    for _ in range(max_steps):
        if best.residual == 0:
            return
        before, jacobian = network.before(image), network.jacobian(image)
        wanted = goal(network.features(image)) - before
        if network.relu:  # a feature wanted at zero may be anything below zero before the ReLU
            rows = (wanted + before > 0) | (before > 0)
            wanted, jacobian = wanted[rows], jacobian[rows]
        pixels, size = image.flatten().numpy(), float(np.square(jacobian).sum() / max(len(jacobian), 1))
        for _ in range(8):
            step = step_in_box(jacobian, wanted, pixels, damping * size)
            trial = torch.as_tensor(pixels + step).clamp(0, 1).view(image.shape)
            found = frame(trial)
            if found.residual < best.residual:
                break
            damping = max(10 * damping, 1e-8)
        else:
            return
        damping = damping / 30 if damping > 1e-14 else 0.0
        image, best = trial, found
        yield best


def _descend(network: PixelMap, goal: Callable[[Array], Array], image: Tensor, length: int) -> Tensor:
    """Some iterations of L-BFGS-B on half the squared residual before the last ReLU."""

    def value(pixels: Array) -> tuple[float, Array]:
        size, gradient = network.half_square(torch.as_tensor(pixels).view(image.shape), goal)
        return size, gradient

    found = minimize(
        value,
        image.flatten().numpy(),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, 1.0)] * image.numel(),
        options={"maxiter": length, "ftol": 0.0, "gtol": 1e-14, "maxcor": 20},
    )
    return torch.as_tensor(np.clip(found.x, 0.0, 1.0)).view(image.shape)


def invert(
    classifier: Any,
    head: LinearHead,
    target: Target,
    start: Any,
    *,
    tolerance: float = 1e-6,
    yardstick: float = float("nan"),
    max_steps: int = 10,
    cancelled: Callable[[], bool] | None = None,
) -> InversionResult:
    """Find an image in [0, 1] whose features meet a target, by L-BFGS-B and then Gauss-Newton in the box.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    target : (d,) array, or a callable (d,) -> (d,)
        A feature vector, or the projection onto a set of them.
    start : (C, H, W) image in [0, 1]
    tolerance : float
        Residual for "reached", relative to ``|target|`` (to 1 where that is zero).
    yardstick : float
        Size of "near" in feature space; only kept beside the residual.
    cancelled : callable, optional
        Asked between steps; True ends the search with its best image.

    Examples
    --------
    >>> import torch
    >>> class Identity(torch.nn.Module):
    ...     def features(self, x):
    ...         return x.flatten(1)
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> found = invert(Identity(), head, [0.25, 0.75], torch.full((1, 1, 2), 0.5))
    >>> found.verdict, found.predicted, found.verify(Identity(), head)
    ('reached', 1, True)
    """
    image, goal = as_image(start), _goal(target, head.dimension)
    network = PixelMap(classifier, head, image)
    aim = goal(network.features(image))
    size = float(np.linalg.norm(aim)) or 1.0
    limit, count = tolerance * size, -1
    previous = np.inf
    for count, best in enumerate(_frames(network, goal, image, max_steps)):  # noqa: B007
        stalled = best.residual <= limit and best.residual > 0.1 * previous
        if best.residual <= 1e-15 * size or stalled or (cancelled is not None and cancelled()):
            break
        previous = best.residual
    reached = best.residual <= limit
    return InversionResult(
        best.image, goal(network.features(torch.as_tensor(best.image))), best.residual, limit, yardstick,
        best.predicted, "reached" if reached else "undecided", best.distance, count,
    )  # fmt: skip
