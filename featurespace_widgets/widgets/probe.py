"""The point under the probe, in plane and feature space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.arrays import Array
from ..geometry.null_shift import NullShift
from ..geometry.plane import Slice
from .scene import Scene

__all__ = ["Probe", "probe_at"]


@dataclass(frozen=True)
class Probe:
    """The point under the probe.

    Attributes
    ----------
    st : (2,) array
        Plane coordinates.
    features : (d,) array or None
        On a boundary plane the lifted feature vector, None where the lift found none; on a
        section the point of the plane itself.
    class_index, margin, radius
        Class of `features` among all K, its logit margin and its distance to the nearest
        boundary in R^d.
    verdict : str
        Of the lift: "yes", "no" (no feature vector of the domain lies over the point) or
        "undecided"; on a section "yes" or "no" for being inside the domain.
    shift : NullShift or None
        Along which `features` was moved; None where it was not.
    """

    st: Array
    features: Array | None
    class_index: int
    margin: float
    radius: float
    verdict: str
    shift: NullShift | None = None


def probe_at(scene: Scene, plane: Slice, st: Array, share: float = 0.0) -> Probe:
    """What lies over (boundary plane) or at (section) plane coordinates (2,), moved along null directions.

    `share` of the way that they allow in the domain, from -1 to 1; no margin depends on it.
    """
    space = scene.space
    if plane.is_boundary_plane and space.bank is not None:
        lift = space.lift_result(plane, st[None])
        verdict = str(lift.verdicts[0])
        features = lift.points[0] if verdict == "yes" else None
    else:
        features = plane.from_plane(st[None])[0]
        domain = space.domain
        inside = domain is None or bool(((features >= domain.lb) & (features <= domain.ub)).all())
        verdict = "yes" if inside else "no"
    shift = scene.null_shift(features) if share and features is not None else None
    if shift is not None:
        features = shift.at(share)
    shown = plane.from_plane(st[None])[0] if features is None else features
    logits = np.sort(space.head.logits(shown)[0])
    return Probe(
        st,
        features,
        int(space.head.predict(shown)[0]),
        float(logits[-1] - logits[-2]),
        float(space.radius(shown)[0]),
        verdict,
        shift,
    )
