"""The point under the probe, in plane and feature space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..geometry.arrays import Array
from ..geometry.plane import Slice
from ..space import FeatureSpace

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
    """

    st: Array
    features: Array | None
    class_index: int
    margin: float
    radius: float
    verdict: str


def probe_at(space: FeatureSpace, plane: Slice, st: Array) -> Probe:
    """What lies over (boundary plane) or at (section) plane coordinates (2,)."""
    if plane.is_boundary_plane and space.bank is not None:
        lift = space.lift_result(plane, st[None])
        verdict = str(lift.verdicts[0])
        features = lift.points[0] if verdict == "yes" else None
    else:
        features = plane.from_plane(st[None])[0]
        domain = space.domain
        inside = domain is None or bool(((features >= domain.lb) & (features <= domain.ub)).all())
        verdict = "yes" if inside else "no"
    shown = plane.from_plane(st[None])[0] if features is None else features
    logits = np.sort(space.head.logits(shown)[0])
    return Probe(
        st,
        features,
        int(space.head.predict(shown)[0]),
        float(logits[-1] - logits[-2]),
        float(space.radius(shown)[0]),
        verdict,
    )
