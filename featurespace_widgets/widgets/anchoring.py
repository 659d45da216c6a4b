"""The part of a slice view that puts the section's corners, from Python and for the browser's drawer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..geometry.arrays import as_vector
from .cards import error_card
from .corners import corner_vector, plane_corners, sample_page
from .scene import Scene

if TYPE_CHECKING:
    from ..space import FeatureSpace
    from .probe import Probe

__all__ = ["Anchored"]


class Anchored(traitlets.HasTraits):
    """What puts corners on samples, on any feature vector, or all three on another plane."""

    thumbs = traitlets.Dict().tag(sync=True)
    error = traitlets.Dict().tag(sync=True)

    lock: threading.RLock
    _built: Scene
    _current: dict[str, Any]

    if TYPE_CHECKING:  # what the view answers

        @property
        def space(self) -> FeatureSpace:
            """The space shown."""

        @property
        def classes(self) -> tuple[int, ...]:
            """The chosen classes."""

        @property
        def mode(self) -> str:
            """What is drawn."""

        @property
        def probe(self) -> Probe:
            """The point."""

        def default_pose(self, mode: str) -> dict[str, Any]:
            """Where a fresh view stands."""

        def set_state(self, sync_data: dict[str, Any]) -> None:
            """Take the browser's state."""

        def _show(self, built: Scene, mode: str, pose: dict[str, Any] | None = None) -> None: ...

    def through_sample(self, sample: int, handle: int = 0) -> None:
        """Pull one corner of the section to a training sample.

        Parameters
        ----------
        sample : int
            Row of the training features.
        handle : {0, 1, 2}
            The corner that moves there.

        Raises
        ------
        ValueError
            For a row or a corner that is not there, or corners that would lie on one line.
        """
        count = len(self.space.features)
        if not isinstance(sample, int) or not 0 <= sample < count:
            raise ValueError(f"sample must be a row from 0 to {count - 1}, received {sample!r}")
        self.through_point(self.space.features[sample], f"sample {sample}", handle)

    def through_point(self, features: ArrayLike, name: str, handle: int = 0) -> None:
        """Pull one corner of the section to any feature vector; on a boundary plane the section opens.

        Parameters
        ----------
        features : (d,) array
        name : str
            Written beside the corner.
        handle : {0, 1, 2}
            The corner that moves there.

        Raises
        ------
        ValueError
            For a vector of another length or not finite, another corner, or corners that would lie on
            one line; nothing changes then.

        Examples
        --------
        >>> import featurespace_widgets as fsw
        >>> space = fsw.load("mnist-2d")
        >>> view = fsw.SliceView(space, classes=(3, 5, 8))
        >>> view.through_point(2 * space.features[4], "twice sample 4")
        >>> view.mode, view.scene["section"]["labels"][0]
        ('section', 'twice sample 4')
        """
        vector = as_vector("features", features, self.space.head.dimension)
        if handle not in (0, 1, 2):
            raise ValueError(f"handle must be 0, 1 or 2, received {handle!r}")
        pose = self._current if self.mode == "section" else self.default_pose("section")
        section = self._built.plane("section", pose["frame"])
        corners = section.from_plane(pose["handles"])
        moved = np.linalg.norm(corners - self._built.corners, axis=1)
        kept = moved <= 1e-9 * (1 + np.abs(corners).max())
        names = [name if same else "" for name, same in zip(self._built.anchor_names, kept, strict=True)]
        corners[handle], names[handle] = vector, str(name)
        self._show(Scene(self.space, self.classes, corners, names), "section")

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What the drawer asks for; or a pose, sent so where states are held back."""
        kind = content.get("type") if isinstance(content, dict) else None
        if kind == "pose" and isinstance(content.get("pose"), dict):
            self.set_state({"pose": content["pose"]})
        requests: dict[Any, Callable[[], None]] = {
            "through": lambda: self.through_sample(content.get("sample", -1), content.get("handle", 0)),
            "corner": lambda: self._put_corner(content),
            "plane": lambda: self._turn_to(content.get("kind", "")),
            "thumbs": lambda: self._offer_samples(content),
        }
        if not isinstance(kind, str) or kind not in requests:
            return
        try:
            with self.lock:
                requests[kind]()
        except Exception as error:
            self.error = error_card("The plane cannot be put there", error)

    def _put_corner(self, content: dict[str, Any]) -> None:
        vector, name = corner_vector(
            self.space, self.classes, self.probe.features, str(content.get("kind")), content.get("label", 0)
        )
        self.through_point(vector, name, content.get("handle", 0))

    def _turn_to(self, kind: str) -> None:
        if kind == "means":
            self._show(Scene(self.space, self.classes), "section")
        else:
            corners, names = plane_corners(
                self.space, self.classes, self.probe.features, kind, self._built.spread
            )
            self._show(Scene(self.space, self.classes, corners, names), "section")

    def _offer_samples(self, content: dict[str, Any]) -> None:
        self.thumbs = sample_page(self.space, content.get("label", 0), content.get("from", 0))
