"""Feature vectors drawn over a slice by name: paths and sets of points that follow the plane as it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..geometry.arrays import Array, as_matrix

__all__ = ["Overlay"]

KINDS = ("path", "points")
MOST = 5000  # vectors of one overlay


@dataclass(frozen=True, eq=False)
class Overlay:
    """Feature vectors with the way in which they are drawn.

    Attributes
    ----------
    features : (m, d) array
    kind : {"path", "points"}
    label : str
    """

    features: Array
    kind: Literal["path", "points"]
    label: str

    @classmethod
    def checked(cls, features: ArrayLike, dimension: int, kind: Any, label: Any) -> Overlay:
        """An overlay of what a caller gave; a ValueError says what is wrong with it."""
        if kind not in KINDS:
            raise ValueError(f"kind must be 'path' or 'points', received {kind!r}")
        vectors = as_matrix("features", features, dimension)
        if not 1 <= len(vectors) <= MOST:
            raise ValueError(f"features must be 1 to {MOST} vectors, received {len(vectors)}")
        return cls(vectors, kind, str(label))

    def message(self, generators: Array) -> dict[str, Any]:
        """What the browser needs to draw it on any plane spanned by the generating vectors (m, d)."""
        return {
            "kind": self.kind,
            "label": self.label,
            "count": len(self.features),
            "products": np.ascontiguousarray(self.features @ generators.T, "<f8").tobytes(),
            "squares": np.square(self.features).sum(axis=1).astype("<f8").tobytes(),
        }
