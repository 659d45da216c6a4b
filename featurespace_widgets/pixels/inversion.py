"""From features back to pixels: an image in the box [0, 1] whose features meet a target."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from .descent import Descent, total_variation
from .pixel_map import PixelMap, step_in_box
from .relu_network import as_image
from .targets import Nearest, PointTarget, TargetSet, as_target

__all__ = ["InversionFrame", "InversionResult", "invert", "invert_frames"]

CLOSE = 1e-3  # relative residual below which Gauss-Newton pays
DESCENT, NEWTON = 250, 30  # steps before the other of the two is tried
PLANES = 20  # planes around a set that are kept
PATIENCE = 15  # steps over which a descent must get somewhere


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


class _Search:
    """One inversion: the best image so far, and the two ways to a better one."""

    def __init__(
        self, network: PixelMap, target: TargetSet, start: Tensor, anchor: Array, closeness: float, tv: float
    ) -> None:
        self.network, self.target, self.shape = network, target, tuple(start.shape)
        self.anchor, self.closeness, self.tv = anchor, closeness, tv
        self.first = start.flatten().numpy().copy()
        self.steps, self.stopped, self.features = 0, "steps", np.empty(0)
        self.cuts: deque[tuple[Array, float]] = deque(maxlen=PLANES)  # planes with the target behind them
        self.wild = False  # whether values that are not finite were met
        features = network.features(start)
        if not np.isfinite(features).all():
            raise ValueError("the model gives features that are not finite for the image to start from")
        self.pixels = self.first
        self.nearest = self.latest = target.nearest(features)
        if self.nearest.verdict == "no":
            raise ValueError("target must be a set with a point in it, received one that is proven empty")
        self.size = float(np.linalg.norm(self.nearest.point)) or 1.0
        self.best = self._frame(self.first, features, self.nearest)

    @property
    def plain(self) -> bool:
        """Whether nothing but the residual counts."""
        return self.closeness == 0 and self.tv == 0

    @property
    def stages(self) -> tuple[Callable[[float], Iterator[None]], ...]:
        """Gauss-Newton first for a set, of which some point is near; last for a point."""
        if not self.plain:
            return (self.descend,)
        pointed = isinstance(self.target, PointTarget)
        return (self.descend, self.newton) if pointed else (self.newton, self.descend)

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

    def aim(self, features: Array) -> Array:
        """Nearest point of the target; the last one known where there is none."""
        self.latest = self.target.nearest(features)
        return self.latest.point if self.latest.found else self.nearest.point

    def _keep(self, pixels: Array, features: Array, nearest: Nearest) -> bool:
        """Keep an image where its objective is smaller."""
        if not nearest.found:
            nearest = replace(self.nearest, verdict="undecided")
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
            for stage in self.stages:
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
        """Quasi-Newton steps towards the nearest point of the target."""
        descent, x = Descent(), self.pixels

        def value(pixels: Array) -> tuple[float, Array]:
            misfit, slope, self.features = self.network.misfit(self.image(pixels), self.aim)
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
            self._keep(x, self.features, self.latest)
            yield
            history.append(f)
            gain = 1e-3 if self.plain else 1e-13
            if count >= PATIENCE and history[-1] > (1.0 - gain) * history[-1 - PATIENCE]:
                self.stopped = "steps" if self.plain else "converged"
                return

    def newton(self, limit: float) -> Iterator[None]:
        """Damped Gauss-Newton steps in the box."""
        damping = 1e-3
        for _ in range(NEWTON):
            if self.best.residual <= 1e-15 * self.size:
                return
            last = self.best.residual
            jacobian, wanted = self.linearised()
            if not np.isfinite(jacobian).all():
                self.stopped = "diverged"
                return
            size = float(np.square(jacobian).sum() / max(len(jacobian), 1))
            for _ in range(8):
                step = step_in_box(jacobian, wanted, self.pixels, damping * size)
                trial = np.clip(self.pixels + step, 0.0, 1.0)
                features = self.network.features(self.image(trial))
                if np.isfinite(features).all() and self._keep(trial, features, self.target.nearest(features)):
                    break
                damping = max(10 * damping, 1e-8)
            else:
                return
            damping = damping / 30 if damping > 1e-14 else 0.0
            yield
            slow = self.best.residual > (0.1 if self.best.residual <= limit else 0.9) * last
            if slow:
                return

    def linearised(self) -> tuple[Array, Array]:
        """Jacobian rows and how far each is to move: to the point, or behind the planes around a set.

        The plane through the nearest point of a convex set, at right angles to the way from there, has the
        set on its other side: all of them that were met hold for all of its points.
        """
        image, network, aim = self.image(self.pixels), self.network, self.nearest.point
        if isinstance(self.target, PointTarget):
            before, jacobian = network.before(image), network.jacobian(image)
            if network.relu:  # a feature wanted at zero may be anything below zero before the ReLU
                rows = (aim > 0) | (before > 0)
                return jacobian[rows], (aim - before)[rows]
            return jacobian, aim - before
        features = network.features(image)
        away = features - aim
        normal = away / np.linalg.norm(away)
        self.cuts.append((normal, float(normal @ aim)))
        beyond = [(u, u @ features - level) for u, level in self.cuts if u @ features > level]
        jacobian = np.stack([network.gradient(image, u) for u, _ in beyond])
        return jacobian, np.array([-distance for _, distance in beyond])


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
