"""The lift: the feature vector of the domain, nearest to real data, that lies over a plane point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree

from .arrays import Array, as_matrix
from .plane import Slice

__all__ = ["Lift", "Lifter"]

ITERATIONS = 60
RESIDUAL = 1e-10  # of the plane coordinates, relative to the size of the features
LOCAL_SHARE = 0.25  # of the samples that the local mean reaches; narrower ones leave the shown class


@dataclass(frozen=True)
class Lift:
    """Feature vectors over plane points, with how well each was reached.

    Attributes
    ----------
    points : (n, d) array
        NaN where the verdict is not "yes".
    residuals : (n,) array
        Distance in the plane between the point's projection and what was asked.
    verdicts : (n,) array of str
        "yes": `points` is the witness; "no": a half-plane of `Slice.shadow_halfplanes` excludes
        the plane point, so no feature vector of the domain lies over it; else "undecided".
    """

    points: Array
    residuals: Array
    verdicts: NDArray[np.str_]


class Lifter:
    """Lifts points of one plane towards given samples.

    Solves ``min |y - y_ref|^2 : basis (y - origin) = (s, t), y in the domain`` where ``y_ref`` is
    the local mean of the samples around (s, t) in the plane. The solution has the form
    ``y = clip(y_ref + a u + b v)``: a semismooth Newton iteration finds (a, b).

    Parameters
    ----------
    plane : Slice
    samples : (n, d) array
        Real feature vectors, n >= 1.
    """

    def __init__(self, plane: Slice, samples: Array) -> None:
        if not len(samples):
            raise ValueError(
                "the lift needs feature vectors of real data to stay near, received an empty bank"
            )
        self.plane = plane
        self.samples = samples
        self.coordinates = plane.to_plane(samples)
        self.bandwidth = self._bandwidth()

    def _bandwidth(self) -> float:
        """Typical distance within which a share of the samples lies around a sample in the plane."""
        count = len(self.coordinates)
        some = self.coordinates[:: -(-count // 500)]
        distances, _ = KDTree(self.coordinates).query(some, k=[1 + int(LOCAL_SHARE * (count - 1))])
        return max(float(np.median(distances)), 1e-12)

    def reference(self, st: Array) -> Array:
        """Local mean of the samples at plane points: (n, 2) -> (n, d); smooth in (s, t)."""
        squares = np.square(st[:, None, :] - self.coordinates).sum(axis=2)
        squares -= squares.min(axis=1, keepdims=True)
        weights = np.exp(-squares / (2 * self.bandwidth**2))
        mean: Array = weights @ self.samples / weights.sum(axis=1, keepdims=True)
        return mean

    def __call__(self, st: ArrayLike) -> Lift:
        """Lift plane points (n, 2)."""
        targets = as_matrix("st", st, 2)
        reference = self.reference(targets)
        size = 1.0 + np.abs(targets).max(axis=1, initial=0.0) + float(np.abs(self.plane.origin).max())
        points, residuals = self._newton(targets, reference, 1e-13 * size)
        reached = residuals <= RESIDUAL * size
        halfplanes = self.plane.shadow_halfplanes()
        outside = (halfplanes[:, 0] + targets @ halfplanes[:, 1:].T < -RESIDUAL * size[:, None]).any(axis=1)
        verdicts = np.where(reached, "yes", np.where(outside, "no", "undecided"))
        return Lift(np.where(reached[:, None], points, np.nan), residuals, verdicts)

    def _newton(self, targets: Array, reference: Array, enough: Array) -> tuple[Array, Array]:
        basis, origin, domain = self.plane.basis, self.plane.origin, self.plane.domain

        def solve(multipliers: Array) -> tuple[Array, Array, Array]:
            free = reference + multipliers @ basis
            clipped = free if domain is None else np.clip(free, domain.lb, domain.ub)
            gradient = targets - (clipped - origin) @ basis.T
            dual = (0.5 * np.square(clipped - reference).sum(axis=1)) + (multipliers * gradient).sum(axis=1)
            return clipped, gradient, dual

        multipliers = np.zeros_like(targets)
        points, gradient, dual = solve(multipliers)
        for _ in range(ITERATIONS):
            done = np.abs(gradient).max(axis=1) <= enough
            if done.all():
                break
            inside = np.ones_like(points, bool)
            if domain is not None:
                free = reference + multipliers @ basis
                inside = (free > domain.lb) & (free < domain.ub)
            curvature = np.einsum("id,nd,jd->nij", basis, inside, basis)
            # A trace of the identity keeps the step defined where all features are at a bound.
            step = np.linalg.solve(curvature + 1e-12 * np.eye(2), gradient[:, :, None])[:, :, 0]
            step[done] = 0.0
            length = np.ones(len(targets))
            for _ in range(30):  # the dual is concave: halve until it does not fall
                trial = multipliers + length[:, None] * step
                found, slope, value = solve(trial)
                worse = value < dual - 1e-12 * (1 + np.abs(dual))
                if not worse.any():
                    break
                length = np.where(worse, length / 2, length)
            better = np.isfinite(value) & ~worse
            multipliers = np.where(better[:, None], trial, multipliers)
            points = np.where(better[:, None], found, points)
            gradient = np.where(better[:, None], slope, gradient)
            dual = np.where(better, value, dual)
        residuals = np.linalg.norm(gradient, axis=1)
        return points, residuals
