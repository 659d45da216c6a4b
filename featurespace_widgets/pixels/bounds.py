"""Certified pixel radii: no image of the box within them has another class.

The norms of the layers give a radius at once. For a larger one every unit of the network is bounded by
linear relaxation, and the K - 1 differences of logits are bounded from below; the radius is certified
when all these bounds are positive.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..geometry.arrays import Array
from ..geometry.head import LinearHead
from .logit_slopes import cone_below, logit_slopes
from .network_reader import read_network
from .relaxation import (
    MARGIN,
    Ball,
    Cancelled,
    Relaxation,
    bound_layers,
    difference_rows,
    improve_slopes,
)
from .relu_network import NoRuleError, ReluNetwork, as_image

__all__ = ["PixelCertificate", "RadiusProof", "certify_image"]

Norm = Literal["L2", "Linf"]

TIE = "the logits of two classes tie at this image"
LOOSE = "the relaxation is too loose at every radius tried, or the search was cancelled"
# The search ends when this share of the radius is certified; a pass through a large network is dear.
CLOSE, CLOSE_LARGE = 0.99, 0.95
DEEP, MANY = 3, 4000  # ReLU layers, or units, beyond which a network counts as large
CONES = 8  # computed for the largest radius by norms
# Of the linearised distance: where norms reach this share, the relaxation of a large network stays below.
ENOUGH = 0.1


@dataclass(frozen=True, eq=False)
class RadiusProof:
    """Functions below all K - 1 logit differences on a ball of images: affine, or cones, or their sum.

    Attributes
    ----------
    norm : "L2" or "Linf"
    radius : float
        Zero where nothing is certified.
    image : (n,) array
    others : (K - 1,) array
        The other classes.
    rows : (K - 1, n) array
    constants : (K - 1,) array
    slopes : (K - 1,) array
        ``z_i - z_j >= rows[j] . x + constants[j] - slopes[j] |x - image|_2`` for every image x of the box
        within the radius. A linear relaxation has no slopes.
    margin : float
        Smallest value of these functions on the ball, minus a safety margin for rounding.
    """

    norm: Norm
    radius: float
    image: Array
    others: NDArray[np.int64]
    rows: Array
    constants: Array
    slopes: Array
    margin: float

    @property
    def method(self) -> str:
        """What the functions come from."""
        return "norms of the layers" if self.slopes.any() else "linear relaxation (CROWN)"

    def verify(self) -> bool:
        """Minimise the functions over ball and box again: True when all stay positive.

        Plain numpy on the stored arrays. That they lie below the logit differences is what the
        relaxation or the norms prove; attacking the classifier inside the ball is a test of that.
        """
        return bool(np.isfinite(self.radius) and self.radius > 0 and self.lowest(self.radius) > 0)

    def lowest(self, radius: float) -> float:
        """Smallest value of the functions on box and ball of a radius, minus a safety margin."""
        rows, down, up = self.rows, self.image, 1.0 - self.image
        if self.norm == "Linf":
            least, most = np.minimum(down, radius), np.minimum(up, radius)
            fall = np.maximum(rows, 0) @ least - np.minimum(rows, 0) @ most
            distance = float(np.linalg.norm(np.maximum(least, most)))
        else:  # a pixel at its limit cannot move further that way
            free = np.where(rows > 0, down > 0, up > 0)
            fall = radius * np.linalg.norm(np.where(free, rows, 0.0), axis=1)
            distance = radius
        fall = fall + self.slopes * distance
        scale = 1.0 + np.abs(self.constants) + np.abs(rows) @ self.image
        values = rows @ self.image + self.constants - fall - MARGIN * scale
        return float(values.min(initial=np.inf))


@dataclass(frozen=True, eq=False)
class PixelCertificate:
    """What is certified around an image.

    Attributes
    ----------
    verdict : "yes" or "undecided"
        "yes" when at least one radius is positive.
    class_index : int
        Of the image; -1 where the model could not be read.
    radius_l2, radius_linf : float
        Every image of the box [0, 1] closer than this has the class; 0 where nothing is certified.
    proofs : tuple of RadiusProof
    reason : str
        Why nothing is certified; empty otherwise.
    passes : int
        Relaxations of the whole network that were computed.
    seconds : float
    """

    verdict: Literal["yes", "undecided"]
    class_index: int
    radius_l2: float
    radius_linf: float
    proofs: tuple[RadiusProof, ...] = ()
    reason: str = ""
    passes: int = 0
    seconds: float = 0.0

    def verify(self) -> bool:
        """Whether both radii are backed by proofs that hold; False when nothing is certified."""
        stated = {"L2": self.radius_l2, "Linf": self.radius_linf}
        proven = {proof.norm: proof for proof in self.proofs}
        return self.verdict == "yes" and all(
            radius == 0 or (norm in proven and radius <= proven[norm].radius and proven[norm].verify())
            for norm, radius in stated.items()
        )


@torch.no_grad()
def certify_image(
    classifier: Any,
    head: LinearHead,
    image: Any,
    *,
    norms: tuple[Norm, ...] = ("L2", "Linf"),
    passes: int = 10,
    steps: int = 10,
    cancelled: Callable[[], bool] | None = None,
) -> PixelCertificate:
    """Sound L2 and Linf radii around an image within which the class cannot change.

    The norms of the layers first (`logit_slopes`): enough for a large network whose layers were
    trained to have small ones. Else linear relaxation, backwards from the differences of logits;
    intermediate layers are bounded in the same way where intervals leave the sign of a unit open. All in
    float64, every bound moved outwards by 1e-9 (1 + |bound|). The ball is intersected with the box [0, 1]
    of images.

    Parameters
    ----------
    classifier : torch module with a method ``features``
        Layers with a rule are listed at `relu_network.ReluNetwork`. It is not changed.
    head : LinearHead
    image : (C, H, W) array or tensor in [0, 1]
    norms : which radii to compute; the other one is 0
    passes : int
        Relaxations of the whole network for one radius, at most; 0 for what the norms give alone.
    steps : int
        Steps that improve the slopes of the last walk (alpha-CROWN for the last layer); 0 for none.
    cancelled : callable, optional
        Asked between batches of units; True ends the search with what is certified so far.

    Returns
    -------
    PixelCertificate
        Verdict "undecided" with the reason where a layer has no rule or the logits tie.

    Raises
    ------
    ValueError
        If the image is not (C, H, W) in [0, 1], the head does not fit, a norm is unknown, or passes or
        steps are not whole numbers from 0 on.

    Examples
    --------
    >>> import torch
    >>> from featurespace_widgets.geometry.head import LinearHead
    >>> class Brightness(torch.nn.Module):
    ...     def features(self, x):
    ...         return torch.relu(x.flatten(1))
    >>> head = LinearHead([[1.0, 0.0], [0.0, 1.0]])
    >>> found = certify_image(Brightness(), head, torch.tensor([[[0.75, 0.25]]]))
    >>> round(found.radius_l2, 3), round(found.radius_linf, 3), found.verify()
    (0.354, 0.25, True)
    """
    started = time.perf_counter()
    pixels = as_image(image)
    unknown = set(norms) - {"L2", "Linf"}
    if unknown:
        raise ValueError(f"norms must be 'L2' or 'Linf', received {sorted(map(str, unknown))}")
    for name, count in (("passes", passes), ("steps", steps)):
        if not isinstance(count, (int, np.integer)) or count < 0:
            raise ValueError(f"{name} must be a whole number from 0 on, received {count!r}")
    try:
        network = read_network(classifier, pixels)
    except NoRuleError as error:
        return PixelCertificate(
            "undecided", -1, 0.0, 0.0, reason=str(error), seconds=time.perf_counter() - started
        )
    search = _Search(network, head, pixels, passes, steps, cancelled)
    proofs = tuple(search.largest(norm) for norm in norms)
    radii = {proof.norm: proof.radius for proof in proofs}
    positive = any(radius > 0 for radius in radii.values())
    tie = not search.gaps.min(initial=np.inf) > 0
    reason = "" if positive else TIE if tie else LOOSE
    return PixelCertificate(
        "yes" if positive else "undecided",
        search.class_index,
        radii.get("L2", 0.0),
        radii.get("Linf", 0.0),
        proofs,
        reason=reason,
        passes=search.passes,
        seconds=time.perf_counter() - started,
    )


class _Search:
    """The largest radius for which all logit differences are bounded away from zero."""

    def __init__(
        self,
        network: ReluNetwork,
        head: LinearHead,
        image: Tensor,
        most_passes: int,
        steps: int,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        d = network.nodes[-1].shape
        if d != (head.dimension,):
            raise ValueError(f"the head takes {head.dimension} features, the model gives {d[0]}")
        self.network, self.image, self.most_passes, self.steps = network, image, most_passes, steps
        self.cancelled = cancelled or (lambda: False)
        logits = head.logits(network.features(image[None])[0].numpy())[0]
        self.class_index = int(logits.argmax())
        self.others = np.delete(np.arange(head.num_classes), self.class_index)
        self.directions = torch.as_tensor(head.weight[self.class_index] - head.weight[self.others])
        self.offsets = torch.as_tensor(head.bias[self.class_index] - head.bias[self.others])
        self.gaps: Array = logits[self.class_index] - logits[self.others]
        self.slopes: Array = logit_slopes(network, self.directions).numpy()
        self.passes = 0

    def by_norms(self, norm: Norm) -> RadiusProof:
        """Each difference falls by its slope times what the image moves, at most; less near the image."""
        flat = np.zeros((len(self.slopes), self.image.numel()))
        best = _shrunk(self._proven(norm, self.cap(norm), flat, self.gaps, self.slopes))
        good, bad = best.radius, math.inf
        pixels = self.image.flatten().numpy()
        for _ in range(CONES):
            radius = min(1.5 * good, (good + bad) / 2, self.cap(norm))
            farthest = radius if norm == "L2" else radius * len(pixels) ** 0.5
            cone = cone_below(self.network, self.directions, self.image, farthest)
            if cone is None:
                break
            rows, slopes = cone[0].flatten(1).numpy(), cone[1].numpy()
            proof = self._proven(norm, radius, rows, self.gaps - rows @ pixels, slopes)
            best = max(best, _shrunk(proof), key=lambda found: found.radius)
            good, bad = (radius, bad) if proof.margin > 0 else (best.radius, radius)
        return best

    def cap(self, norm: Norm) -> float:
        """Radius of a ball that holds the whole box of images."""
        return 1.0 if norm == "Linf" else float(np.sqrt(self.image.numel()))

    def _proven(self, norm: Norm, radius: float, rows: Array, constants: Array, slopes: Array) -> RadiusProof:
        image = self.image.flatten().numpy()
        made = RadiusProof(norm, radius, image, self.others, rows, constants, slopes, 0.0)
        return replace(made, margin=made.lowest(radius))

    def proof(self, relaxation: Relaxation, ball: Ball) -> RadiusProof:
        """Affine functions that hold on the ball, for its whole radius."""
        _, constant, rows = difference_rows(self.network, self.directions, relaxation, ball)
        flat, constants = rows.flatten(1).numpy(), (constant + self.offsets).numpy()
        norm: Norm = "L2" if ball.norm == "L2" else "Linf"
        return self._proven(norm, ball.radius, flat, constants, np.zeros(len(flat)))

    def largest(self, norm: Norm) -> RadiusProof:
        """Search by secants of log(fall of the smallest difference) against log(radius)."""
        point = Ball(self.image, 0.0, norm)
        at_image = self.proof(bound_layers(self.network, point), point)
        gap = float(self.gaps.min(initial=np.inf))
        if not gap > 0:
            return at_image
        cap = self.cap(norm)
        slopes = np.linalg.norm(at_image.rows, axis=1, ord=1 if norm == "Linf" else 2)
        linear = float((self.gaps / np.maximum(slopes, 1e-300)).min(initial=cap))
        # Near the image the fall is linear: a first point of the curve that needs no bound.
        lower = (np.log(1e-3 * min(linear, cap)), np.log(1e-3))
        upper, failed = lower, np.inf
        layers = [math.prod(self.network.nodes[index].shape) for index in self.network.relus]
        large = len(layers) > DEEP or sum(layers) > MANY
        close = CLOSE_LARGE if large else CLOSE
        best = self.by_norms(norm)
        if large and best.radius >= ENOUGH * linear:
            return best
        # Beyond the norms by less than what ends the search.
        radius = min(max((0.025 if large else 0.4) * linear, 2 * best.radius / (1 + close)), cap)
        for _ in range(self.most_passes):
            if self.cancelled():
                break
            try:
                proof = self._improved(radius, norm)
            except Cancelled:
                break
            best = max(best, _shrunk(proof), key=lambda found: found.radius)
            logs = (np.log(radius), np.log(max(1.0 - proof.margin / gap, 1e-12)))
            if proof.margin > 0:
                lower = logs
            else:
                upper, failed = logs, radius
            # The fall grows at least linearly: a share that is used up leaves no more radius than that.
            used = best.radius == radius and 1.0 - proof.margin / gap >= close
            if used or best.radius >= close * min(failed, cap):
                break
            radius = _next_radius(lower, upper, best.radius, failed, cap)
        return best

    def _improved(self, radius: float, norm: Norm) -> RadiusProof:
        """Functions for one radius, their slopes improved when that could decide it."""
        self.passes += 1
        ball = Ball(self.image, radius, norm)
        relaxation = bound_layers(self.network, ball, self.cancelled)
        proof = self.proof(relaxation, ball)
        if self.steps and -0.5 * float(self.gaps.min()) < proof.margin <= 0:
            steeper = improve_slopes(
                self.network, self.directions, self.offsets, relaxation, ball, self.steps
            )
            proof = max(proof, self.proof(steeper, ball), key=lambda found: found.margin)
        return proof


def _next_radius(
    lower: tuple[float, float], upper: tuple[float, float], certified: float, failed: float, cap: float
) -> float:
    """Where the secant through two points (log radius, log fall) reaches 1, kept in the open interval."""
    if not np.isfinite(failed):
        return float(min(cap, np.exp(lower[0]) * min(4.0, 1.05 * np.exp(-lower[1] / 2))))
    # Before anything is certified the lower point is far away, where the fall is still linear.
    least = 1.0 if certified > 0 else 3.5
    steep = max((upper[1] - lower[1]) / max(upper[0] - lower[0], 1e-12), least)
    bottom = max(certified, float(np.exp(lower[0])))
    guess = 0.995 * float(np.exp(upper[0] - upper[1] / steep))
    if lower[1] > np.log(0.75):  # the secant of a convex curve creeps up from below: aim beyond it
        guess = (2 * guess + min(failed, float(np.exp(lower[0] - lower[1])))) / 3
    room = failed - bottom
    return float(np.clip(guess, bottom + 0.02 * room, failed - 0.05 * room))


def _shrunk(proof: RadiusProof) -> RadiusProof:
    """The largest radius, at most its own, that these functions certify: they hold on smaller balls."""
    if proof.margin > 0:
        return proof

    low, high = 0.0, proof.radius
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if proof.lowest(middle) > 0 else (low, middle)
    return replace(proof, radius=low, margin=proof.lowest(low))
