"""Feature vectors drawn over a slice by name: paths and sets of points that follow the plane as it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..geometry.arrays import Array, as_matrix

if TYPE_CHECKING:
    from .scene import Scene

__all__ = ["Overlaid", "Overlay"]

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


class Overlaid(traitlets.HasTraits):
    """The part of a slice view that draws feature vectors by name."""

    overlays = traitlets.Dict().tag(sync=True)

    _built: Scene
    _overlays: dict[str, Overlay]
    _version: int

    def draw(
        self, name: str, features: ArrayLike, *, kind: Literal["path", "points"] = "path", label: str = ""
    ) -> None:
        """Draw feature vectors over the slice; the browser keeps them in place while the plane moves.

        On a section a vector off the plane is drawn fainter, at its foot on the plane.

        Parameters
        ----------
        name : str
            By which `erase` takes it away; the same name again replaces it.
        features : (m, d) array
        kind : {"path", "points"}
            A line through the vectors in their order, or a mark at each.
        label : str
            Written beside the last vector.

        Raises
        ------
        ValueError
            For vectors of another length or not finite, none or too many, or another kind.

        Examples
        --------
        >>> import featurespace_widgets as fsw
        >>> space = fsw.load("mnist-2d")
        >>> view = fsw.SliceView(space, classes=(3, 5, 8))
        >>> view.draw("walk", space.features[[3, 8]], label="from 3 to 8")
        >>> list(view.overlays)
        ['walk']
        >>> view.erase("walk")
        """
        self._overlays[str(name)] = Overlay.checked(features, self._built.space.head.dimension, kind, label)
        self._send_overlays()

    def erase(self, name: str) -> None:
        """Take away what `draw` put there; a name that is not there is no error."""
        if self._overlays.pop(str(name), None) is not None:
            self._send_overlays()

    def _send_overlays(self) -> None:
        generators = self._built.generators
        self.overlays = {
            name: {**overlay.message(generators), "version": self._version}
            for name, overlay in self._overlays.items()
        }
