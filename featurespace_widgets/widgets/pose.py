"""What the browser says of where a view stands, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry.arrays import Array

__all__ = ["MODES", "checked_pose"]

MODES = ("boundary", "section")
FARTHEST = 1e50  # squares of coordinates stay finite


def checked_pose(pose: dict[str, Any]) -> tuple[Array, str, float, bool]:
    """Probe (2,), mode, share of the null shift and whether the hand is off.

    A ValueError says what is wrong with a pose.
    """
    mode, point = pose.get("mode"), np.asarray(pose.get("probe", ()), dtype=float)
    if mode not in MODES or point.shape != (2,) or not np.isfinite(point).all():
        raise ValueError(
            f"a pose needs mode 'boundary' or 'section' and two finite probe coordinates, received {mode!r} "
            f"and {pose.get('probe')!r}"
        )
    corners = 3 if mode == "section" else len(pose["handles"])
    for name, shape in (("frame", (3, None)), ("handles", (corners, 2)), ("view", (3,))):
        numbers = np.asarray(pose.get(name, ()), dtype=float)
        wanted = numbers.ndim == len(shape) and all(
            n in (None, m) for n, m in zip(shape, numbers.shape, strict=True)
        )
        if not (wanted or (numbers.size == 0 and corners == 0)) or not (np.abs(numbers) < FARTHEST).all():
            raise ValueError(f"a pose needs finite numbers {shape} as {name}, received {numbers.shape}")
    if not isinstance(pose.get("id"), int) or not (np.abs(point) < FARTHEST).all() or not pose["view"][2] > 0:
        raise ValueError("a pose needs an id, a point that is not too far away and a view wider than 0")
    shift = pose.get("shift", 0.0)
    if type(shift) not in (int, float) or not -1 <= shift <= 1:
        raise ValueError(f"a pose needs a share from -1 to 1 as shift, received {shift!r}")
    return point, str(mode), float(shift), bool(pose.get("final", True))
