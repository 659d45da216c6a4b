"""From features back to pixels: an image in the box [0, 1] whose features meet a target."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from .relu_network import as_image
from .targets import Nearest, TargetSet, as_target

__all__ = ["InversionFrame", "InversionResult", "PixelMap", "invert", "invert_frames", "step_in_box"]

MEMORY = 20  # pairs of steps and gradient changes
CLOSE = 1e-3  # relative residual below which Gauss-Newton pays
DESCENT, NEWTON = 250, 30  # steps before the other of the two is tried
PATIENCE = 15  # steps over which a descent must get somewhere
SMOOTH = 1e-3  # total variation is smoothed below differences of this size


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

    def misfit(self, image: Tensor, target: Array) -> tuple[float, Array, Array]:
        """Squared residual before the last ReLU, its gradient (n,), and the features (d,)."""
        with torch.enable_grad():
            x = image.clone().requires_grad_(True)
            value = self._before(x[None])[0]
            if not value.requires_grad:
                raise ValueError("the model gives no gradients with respect to the image")
            h: Array = value.detach().numpy()
            features = np.maximum(h, 0.0) if self.relu else h
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


@dataclass(frozen=True, eq=False)
class InversionFrame:
    """The best image after a step of the optimisation.

    Attributes
    ----------
    image : (C, H, W) array in [0, 1]
    residual : float
        ``|phi(x) - y|``, with y the target or the nearest point of the target set.
    distance : float
        L2 pixel distance from the start.
    predicted : int
        Class of the image, evaluated again.
    objective : float
        What is minimised: the squared residual and the weighted terms.
    step : int
    """

    image: Array
    residual: float
    distance: float
    predicted: int
    objective: float
    step: int


@dataclass(frozen=True, eq=False)
class InversionResult:
    """The best image found.

    Attributes
    ----------
    image : (C, H, W) array in [0, 1]
    target : (d,) array
        The target, or the nearest point of the target set; NaN where its projection gave none.
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
    stopped : str
        Why it ended: "reached", "converged" (no smaller objective nearby), "stalled", "steps" (all used),
        "cancelled", "diverged" (values that are not finite: the image is the best one before) or
        "no projection" (the target set gave no nearest point).
    nearest : Nearest
        The target with what shows that it is in `target_set`.
    target_set : TargetSet
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
    stopped: str
    nearest: Nearest
    target_set: TargetSet

    def verify(self, classifier: Any, head: LinearHead) -> bool:
        """Evaluate a float64 copy of the classifier again; undecided results verify as False.

        The image is in the box, its features are within the tolerance of `target`, and that is a point of
        the target set.
        """
        if self.verdict != "reached" or not (self.image.min() >= 0 and self.image.max() <= 1):
            return False
        if not np.array_equal(self.nearest.point, self.target) or not self.target_set.contains(self.nearest):
            return False
        image = torch.as_tensor(self.image)
        features = PixelMap(classifier, head, image).features(image)
        residual = float(np.linalg.norm(features - self.target))
        same = int(head.predict(features[None])[0]) == self.predicted
        close = abs(residual - self.residual) <= 1e-10 * (1.0 + float(np.linalg.norm(self.target)))
        return residual <= self.tolerance * (1 + 1e-6) and close and same


def total_variation(pixels: Array, shape: tuple[int, ...]) -> tuple[float, Array]:
    """``sum sqrt(dx^2 + dy^2 + e^2) - e`` over all pixels and channels, e = 1e-3, and its gradient (n,)."""
    image = pixels.reshape(shape)
    across, down = np.zeros(shape), np.zeros(shape)
    across[..., :-1] = np.diff(image, axis=-1)
    down[..., :-1, :] = np.diff(image, axis=-2)
    size = np.sqrt(across**2 + down**2 + SMOOTH**2)
    across, down = across / size, down / size
    gradient = -across - down
    gradient[..., 1:] += across[..., :-1]
    gradient[..., 1:, :] += down[..., :-1, :]
    return float((size - SMOOTH).sum()), gradient.ravel()


@dataclass(eq=False)
class _Descent:
    """Limited-memory BFGS on the pixels that no bound holds (two-metric projection, Bertsekas 1982)."""

    pairs: deque[tuple[Array, Array]] = field(default_factory=lambda: deque(maxlen=MEMORY))

    def step(
        self, value: Callable[[Array], tuple[float, Array]], x: Array, f: float, g: Array
    ) -> tuple[Array, float, Array] | None:
        """A point of [0, 1]^n with a smaller value, its value and gradient; None where there is none near."""
        free = ~(((x <= 0) & (g > 0)) | ((x >= 1) & (g < 0)))
        while True:
            way = self._direction(np.where(free, g, 0.0), free)
            length = 1.0 if self.pairs else min(1.0, 0.5 / max(float(np.abs(way).max()), 1e-300))
            for _ in range(30):
                trial = np.clip(x + length * way, 0.0, 1.0)
                slope = float(g @ (trial - x))
                if slope >= 0:
                    break
                value_there, gradient = value(trial)
                if np.isfinite(value_there) and value_there <= f + 1e-4 * slope:
                    move, change = trial - x, gradient - g
                    if move @ change > 1e-12 * np.linalg.norm(move) * np.linalg.norm(change):
                        self.pairs.append((move, change))
                    return trial, value_there, gradient
                bend = value_there - f - length * float(g @ way)
                part = -0.5 * length * float(g @ way) / bend if np.isfinite(bend) and bend > 0 else 0.1
                length *= float(np.clip(part, 0.1, 0.5))
            if not self.pairs:
                return None
            self.pairs.clear()

    def _direction(self, g: Array, free: NDArray[np.bool_]) -> Array:
        """``-H g`` on the free pixels, by the two-loop recursion."""
        way, used, scale = -g, [], 1.0
        for move, change in reversed(self.pairs):
            s, y = np.where(free, move, 0.0), np.where(free, change, 0.0)
            curvature = float(s @ y)
            if curvature <= 1e-10 * np.linalg.norm(s) * np.linalg.norm(y):
                continue
            if not used:
                scale = curvature / float(y @ y)
            share = float(s @ way) / curvature
            way = way - share * y
            used.append((s, y, share, curvature))
        way = scale * way
        for s, y, share, curvature in reversed(used):
            way = way + (share - float(y @ way) / curvature) * s
        result: Array = np.where(free, way, 0.0)
        return result


class _Search:
    """One inversion: the best image so far, and the two ways to a better one."""

    def __init__(
        self, network: PixelMap, target: TargetSet, start: Tensor, anchor: Array, closeness: float, tv: float
    ) -> None:
        self.network, self.target, self.shape = network, target, tuple(start.shape)
        self.anchor, self.closeness, self.tv = anchor, closeness, tv
        self.first = start.flatten().numpy().copy()
        self.steps, self.stopped, self.features = 0, "steps", np.empty(0)
        self.wild = False  # whether values that are not finite were met
        features = network.features(start)
        if not np.isfinite(features).all():
            raise ValueError("the model gives features that are not finite for the image to start from")
        self.pixels = self.first
        self.nearest = target.nearest(features)
        if self.nearest.verdict == "no":
            raise ValueError("target must be a set with a point in it, received one that is proven empty")
        self.size = float(np.linalg.norm(self.nearest.point)) or 1.0
        self.best = self._frame(self.first, features, self.nearest)

    @property
    def plain(self) -> bool:
        """Whether nothing but the residual counts."""
        return self.closeness == 0 and self.tv == 0

    def image(self, pixels: Array) -> Tensor:
        return torch.as_tensor(pixels).view(self.shape)

    def _terms(self, pixels: Array) -> tuple[float, Array]:
        away = pixels - self.anchor
        value, gradient = self.closeness * float(away @ away), 2.0 * self.closeness * away
        if self.tv:
            variation, slope = total_variation(pixels, self.shape)
            value, gradient = value + self.tv * variation, gradient + self.tv * slope
        return value, gradient

    def _frame(self, pixels: Array, features: Array, nearest: Nearest) -> InversionFrame:
        residual = float(np.linalg.norm(features - nearest.point)) if nearest.found else np.inf
        return InversionFrame(
            pixels.reshape(self.shape).copy(), residual, float(np.linalg.norm(pixels - self.first)),
            int(self.network.head.predict(features[None])[0]),
            residual**2 + self._terms(pixels)[0], self.steps,
        )  # fmt: skip

    def _keep(self, pixels: Array, features: Array) -> bool:
        """Keep an image where its objective is smaller."""
        nearest = self.target.nearest(features)
        if not nearest.found:
            nearest = Nearest(self.nearest.point, "undecided", self.nearest.witness)
        frame = self._frame(pixels, features, nearest)
        better = frame.objective < self.best.objective
        if better:
            self.best, self.nearest, self.pixels = frame, nearest, pixels
        return better

    def run(self, limit: float, max_steps: int) -> Iterator[InversionFrame]:
        """The best frame after every step; `stopped` says why there is no further one."""
        yield self.best
        if not self.nearest.found:
            self.stopped = "no projection"
            return
        before = np.inf
        while self.steps < max_steps:
            for stage in (self.descend, self.newton) if self.plain else (self.descend,):
                for _ in stage(limit):
                    self.steps += 1
                    yield self.best
                    if self.steps >= max_steps:
                        break
                if self.stopped != "steps" or self.steps >= max_steps:
                    return
            if self.best.residual <= limit:
                self.stopped = "reached"
            elif not self.best.objective < 0.99 * before:
                self.stopped = "stalled"
            if self.stopped != "steps":
                return
            before = self.best.objective

    def descend(self, limit: float) -> Iterator[None]:
        """Quasi-Newton steps towards the nearest point, which is found anew for a set after each step."""
        descent, aim, x = _Descent(), self.nearest.point, self.pixels

        def value(pixels: Array) -> tuple[float, Array]:
            misfit, slope, self.features = self.network.misfit(self.image(pixels), aim)
            terms, pull = self._terms(pixels)
            self.wild |= not np.isfinite(misfit)
            return misfit + terms, slope + pull

        f, g = value(x)
        history = [f]
        for count in range(DESCENT if self.plain else 10**9):
            if self.plain and self.best.residual <= max(CLOSE * self.size, 0.1 * limit):
                return
            self.wild = not np.isfinite(g).all()
            found = None if self.wild else descent.step(value, x, f, g)
            if found is None:
                if self.wild:
                    self.stopped = "diverged"
                elif not self.plain:
                    self.stopped = "converged"
                return
            x, f, g = found
            self._keep(x, self.features)
            yield
            if aim is not self.nearest.point and not np.array_equal(aim, self.nearest.point):
                aim = self.nearest.point
                f, g = value(x)
            history.append(f)
            gain = 1e-2 if self.plain else 1e-13
            if count >= PATIENCE and history[-1] > (1.0 - gain) * history[-1 - PATIENCE]:
                self.stopped = "steps" if self.plain else "converged"
                return

    def newton(self, limit: float) -> Iterator[None]:
        """Damped Gauss-Newton steps in the box."""
        network, damping = self.network, 1e-3
        for _ in range(NEWTON):
            if self.best.residual <= 1e-15 * self.size:
                return
            image, last = self.image(self.pixels), self.best.residual
            before, jacobian = network.before(image), network.jacobian(image)
            if not np.isfinite(jacobian).all():
                self.stopped = "diverged"
                return
            wanted = self.nearest.point - before
            if network.relu:  # a feature wanted at zero may be anything below zero before the ReLU
                rows = (self.nearest.point > 0) | (before > 0)
                wanted, jacobian = wanted[rows], jacobian[rows]
            size = float(np.square(jacobian).sum() / max(len(jacobian), 1))
            for _ in range(8):
                step = step_in_box(jacobian, wanted, self.pixels, damping * size)
                trial = np.clip(self.pixels + step, 0.0, 1.0)
                features = network.features(self.image(trial))
                if np.isfinite(features).all() and self._keep(trial, features):
                    break
                damping = max(10 * damping, 1e-8)
            else:
                return
            damping = damping / 30 if damping > 1e-14 else 0.0
            yield
            slow = self.best.residual > (0.1 if self.best.residual <= limit else 0.9) * last
            if slow:
                return


def _begin(
    classifier: Any, head: LinearHead, target: Any, start: Any,
    anchor: Any, closeness: float, tv: float, max_steps: int,
) -> _Search:  # fmt: skip
    image = as_image(start)
    network, goal = PixelMap(classifier, head, image), as_target(target, head.dimension)
    near = image if anchor is None else as_image(anchor)
    if near.shape != image.shape:
        raise ValueError(
            f"anchor must have the shape of start, {tuple(image.shape)}, received {tuple(near.shape)}"
        )
    for name, weight in (("closeness", closeness), ("total_variation", tv)):
        if not (np.isfinite(weight) and weight >= 0):
            raise ValueError(f"{name} must be finite and not negative, received {weight}")
    if max_steps < 0:
        raise ValueError(f"max_steps must not be negative, received {max_steps}")
    return _Search(network, goal, image, near.flatten().numpy(), closeness, tv)


def invert_frames(
    classifier: Any,
    head: LinearHead,
    target: Any,
    start: Any,
    *,
    tolerance: float = 1e-6,
    anchor: Any = None,
    closeness: float = 0.0,
    total_variation: float = 0.0,
    max_steps: int = 600,
) -> Iterator[InversionFrame]:
    """Frames of `invert`, one for each step: the best image so far; the first is the start."""
    search = _begin(classifier, head, target, start, anchor, closeness, total_variation, max_steps)
    return search.run(tolerance * search.size, max_steps)


def invert(
    classifier: Any,
    head: LinearHead,
    target: Any,
    start: Any,
    *,
    tolerance: float = 1e-6,
    yardstick: float = float("nan"),
    anchor: Any = None,
    closeness: float = 0.0,
    total_variation: float = 0.0,
    max_steps: int = 600,
    progress: Callable[[InversionFrame], object] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> InversionResult:
    """Find an image in [0, 1] whose features meet a target.

    Minimises ``|phi(x) - y|^2 + closeness |x - anchor|^2 + total_variation TV(x)`` in the box, y the
    nearest point of the target, by limited-memory BFGS; where no weight is set, Gauss-Newton ends it. The
    residual is taken before the last ReLU, where there is one.

    Parameters
    ----------
    classifier : torch module with a method ``features``
    head : LinearHead
    target : (d,) array, TargetSet, Region, FeatureHull, or a callable (d,) -> (d,)
        A feature vector, or a set of them; a callable is the projection onto a set. `pixels.targets` has
        balls, half-spaces, polytopes, cells with a depth, and ties of classes.
    start : (C, H, W) image in [0, 1]
    tolerance : float
        Residual for "reached", relative to ``|target|`` (to 1 where that is zero).
    yardstick : float
        Size of "near" in feature space; only kept beside the residual.
    anchor : (C, H, W) image in [0, 1], optional
        What to stay close to; the start if not given.
    closeness, total_variation : float
        Weights, not negative. With a weight the residual is as small as the weight lets it be.
    max_steps : int
    progress : callable, optional
        Receives the frame of every step.
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
    search = _begin(classifier, head, target, start, anchor, closeness, total_variation, max_steps)
    limit = tolerance * search.size
    for frame in search.run(limit, max_steps):
        if progress is not None:
            progress(frame)
        if cancelled is not None and cancelled():
            search.stopped = "cancelled"
            break
    best, nearest = search.best, search.nearest
    reached = best.residual <= limit and search.target.contains(nearest)
    return InversionResult(
        best.image, nearest.point, best.residual, limit, yardstick, best.predicted,
        "reached" if reached else "undecided", best.distance, search.steps, search.stopped,
        nearest, search.target,
    )  # fmt: skip
