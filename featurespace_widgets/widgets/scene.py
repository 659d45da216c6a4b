"""The scene: what the browser needs to draw any plane of a family without the kernel.

The family is spanned by generating vectors, the columns of G: class means, anchors and the axes of
the boundary plane. A point or direction on screen is a row of coefficients; the browser gets only
inner products, so lengths, logits, the domain and the samples cost no d-vectors there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from ..geometry.arrays import Array, as_matrix
from ..geometry.null_shift import NullShift, null_direction, null_shift
from ..geometry.plane import Slice
from ..space import FeatureSpace
from .palette import class_colours

__all__ = ["Scene", "default_classes"]

MAX_SAMPLES = 5000
MAX_MEANS = 12
FEW_CLASSES = 256  # lengths of all pairs' normals are sent up to here
VIEW_QUANTILES = (0.01, 0.99)


class Scene:
    """Generating vectors, default frames and the message that carries them to the browser.

    Parameters
    ----------
    space : FeatureSpace
    chosen : 2 or 3 class indices
    anchors : (3, d) array, optional
        Corners of the section; by default the means of chosen classes.
    anchor_names : three texts, optional
    """

    def __init__(
        self,
        space: FeatureSpace,
        chosen: Sequence[int],
        anchors: ArrayLike | None = None,
        anchor_names: Sequence[str] | None = None,
    ) -> None:
        self.space = space
        self.boundary = space.boundary_plane(chosen)
        self.chosen = self.boundary.chosen
        self.mean_classes, means = self._class_means()
        if anchors is None:
            corners, names = self._default_anchors(means)
        else:
            corners = as_matrix("anchors", anchors, space.head.dimension)
            names = list(anchor_names or ("anchor 1", "anchor 2", "anchor 3"))
        self.corners: Array = corners
        self.usual = anchors is None  # the corners are those that nobody chose
        self.section = space.slice(corners)  # refuses coinciding and collinear corners
        self.anchor_names = names
        axes = np.vstack([self.boundary.origin, self.boundary.basis])
        self.generators = np.vstack([means, corners, axes])

    def _class_means(self) -> tuple[list[int], Array]:
        """Means of classes that have samples, chosen ones first, at most `MAX_MEANS`."""
        if self.space.bank is None:
            return [], np.empty((0, self.space.head.dimension))
        labels = self.space.labels
        present = set(np.unique(labels).tolist())
        order = [k for k in (*self.chosen, *range(self.space.head.num_classes)) if k in present]
        classes = list(dict.fromkeys(order))[:MAX_MEANS]
        return classes, np.array([self.space.features[labels == k].mean(axis=0) for k in classes])

    def _default_anchors(self, means: Array) -> tuple[Array, list[str]]:
        """Three class means that span a plane; without samples, three points of the boundary plane."""
        names = [f"mean {self.space.head.class_names[k]}" for k in self.mean_classes]
        for third in range(2, len(means)):
            corners = means[[0, 1, third]]
            try:
                self.space.slice(corners)
            except ValueError:
                continue
            return corners, [names[0], names[1], names[third]]
        return self.boundary.from_plane([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), [
            "point 1",
            "point 2",
            "point 3",
        ]

    def unit_rows(self, start: int, count: int) -> Array:
        """Coefficient rows that pick generating vectors."""
        return np.eye(len(self.generators))[start : start + count]

    def boundary_frame(self) -> Array:
        """(3, m) coefficients of the boundary plane's origin and axes."""
        return self.unit_rows(len(self.generators) - 3, 3)

    def section_frame(self) -> Array:
        """(3, m) coefficients of the section's origin and axes, by Gram-Schmidt of its corners."""
        first = len(self.mean_classes)
        a, b, c = self.unit_rows(first, 3)
        gram = self.generators @ self.generators.T
        u = (b - a) / np.sqrt((b - a) @ gram @ (b - a))
        rest = (c - a) - ((c - a) @ gram @ u) * u
        return np.vstack([a, u, rest / np.sqrt(rest @ gram @ rest)])

    def plane(self, mode: str, frame: ArrayLike) -> Slice:
        """The slice that a frame of the browser stands for.

        Raises
        ------
        ValueError
            If the frame has another shape, is not finite or spans no plane.
        """
        if mode == "boundary":
            return self.boundary
        rows = as_matrix("frame", frame, len(self.generators))
        if rows.shape[0] != 3:
            raise ValueError(f"frame must have 3 rows (origin and two axes), received {rows.shape[0]}")
        origin, u, v = rows @ self.generators
        return self.space.slice(np.vstack([origin, origin + u, origin + v]))

    @cached_property
    def null_direction(self) -> Array | None:
        """The null direction (d,) along which the samples vary most; None where the head sees everything."""
        space = self.space
        return null_direction(space.head, self.boundary.origin[None] if space.bank is None else self._drawn)

    @property
    def _drawn(self) -> Array:
        return np.asarray(self.space.features[self._rows()], dtype=np.float64)

    def null_shift(self, features: Array) -> NullShift | None:
        """How far a vector (d,) can be moved along `null_direction`, each feature by its range at most."""
        if self.null_direction is None:
            return None
        reach = np.ones(len(features)) if self.space.bank is None else np.ptp(self._drawn, axis=0)
        return null_shift(self.space.head, self.space.domain, features, self.null_direction, reach)

    def message(self, version: int) -> dict[str, Any]:
        """The scene as a dict of small JSON values and little-endian buffers."""
        head, generators = self.space.head, self.generators
        samples = self._samples()
        return {
            "version": version,
            "title": self.space.title,
            "classNames": list(head.class_names),
            "colors": class_colours(head.num_classes, self.chosen),
            "chosen": list(self.chosen),
            "K": head.num_classes,
            "m": len(generators),
            "bias": _buffer(head.bias, "<f8"),
            "C": _buffer(head.weight @ generators.T, "<f8"),
            "gram": _buffer(generators @ generators.T, "<f8"),
            "norms": self._norms(),
            "domain": self._domain(),
            "samples": samples,
            "members": [
                {"label": f"mean {head.class_names[k]}", "classIndex": k, "column": column}
                for column, k in enumerate(self.mean_classes)
            ],
            "boundary": {
                "frame": self.boundary_frame().tolist(),
                "classes": list(self.boundary.classes),
                "exactAll": len(self.boundary.classes) == head.num_classes,
                "shadow": _buffer(_as_upper(self.boundary.shadow_halfplanes()), "<f8"),
                "extent": self.extent(self.boundary),
            },
            "section": {
                "frame": self.section_frame().tolist(),
                "handles": self._handles().tolist(),
                "labels": self.anchor_names,
                "extent": self.extent(self.section),
            },
            "spread": self.spread,
            "nullDims": len(head.null_basis),
        }

    def _handles(self) -> Array:
        first = len(self.mean_classes)
        return self.section.to_plane(self.generators[first : first + 3])

    def extent(self, plane: Slice) -> list[float]:
        """Window that shows the samples of the chosen classes and, on a section, its corners."""
        points = np.empty((0, 2))
        if self.space.bank is not None:
            near = np.isin(self.space.labels, plane.classes if plane.is_boundary_plane else self.chosen)
            some = self.space.features[near if near.any() else slice(None)]
            points = np.quantile(plane.to_plane(some), VIEW_QUANTILES, axis=0)
        if not plane.is_boundary_plane:
            points = np.vstack([points, self._handles()])
        if not len(points):
            points = np.array([[-1.0, -1.0], [1.0, 1.0]])
        low, high = points.min(axis=0), points.max(axis=0)
        pad = np.maximum(0.08 * (high - low), 1e-9 + 0.02 * float((high - low).max()))
        return [float(x) for x in (low[0] - pad[0], high[0] + pad[0], low[1] - pad[1], high[1] + pad[1])]

    def start(self) -> Array:
        """Where the probe starts on the boundary plane: halfway to a chosen class's mean."""
        if not self.mean_classes:
            return np.zeros(2)
        centre: Array = self.boundary.to_plane(self.generators[self.mean_classes.index(self._shown_class())])[
            0
        ]
        return centre / 2

    def _shown_class(self) -> int:
        """The last chosen class that has samples."""
        return next((k for k in reversed(self.chosen) if k in self.mean_classes), self.mean_classes[0])

    def _rows(self) -> NDArray[np.int64]:
        """Rows of the bank that are drawn: evenly spread if there are more than fit."""
        count = len(self.space.features)
        return np.unique(np.linspace(0, count - 1, min(count, MAX_SAMPLES)).astype(np.int64))

    def _samples(self) -> dict[str, Any]:
        if self.space.bank is None:
            empty = {key: b"" for key in ("products", "squares", "labels", "ids")}
            return {"count": 0, **empty}
        rows = self._rows()
        features = self.space.features[rows]
        return {
            "count": len(rows),
            "products": _buffer(features @ self.generators.T, "<f4"),
            "squares": _buffer(np.square(features).sum(axis=1), "<f4"),
            "labels": _buffer(self.space.labels[rows], "<u2"),
            "ids": _buffer(rows, "<u4"),
        }

    @cached_property
    def spread(self) -> float:
        """Median distance of the chosen classes' samples from their mean plane's origin."""
        if self.space.bank is None:
            return 1.0
        near = self.space.features[np.isin(self.space.labels, self.chosen)]
        return float(np.median(np.linalg.norm(near - self.boundary.origin, axis=1))) if len(near) else 1.0

    def _norms(self) -> dict[str, Any]:
        """Rows of ``|w_i - w_j|``: of all classes where they are few, else of the chosen ones.

        On a section the kernel's answers bring the row of the point's class.
        """
        few = self.space.head.num_classes <= FEW_CLASSES
        classes = list(range(self.space.head.num_classes)) if few else list(self.chosen)
        return {"classes": classes, "rows": _buffer(self.space.head.normal_lengths(classes), "<f4")}

    def norms_of(self, class_index: int) -> dict[str, Any] | None:
        """The row of a class that the scene's message may have left out."""
        if self.space.head.num_classes <= FEW_CLASSES:
            return None
        row = self.space.head.normal_lengths([class_index])
        return {"classes": [class_index], "rows": _buffer(row, "<f4")}

    def _domain(self) -> dict[str, Any] | None:
        domain = self.space.domain
        if domain is None:
            return None
        orthant = not domain.lb.any() and np.isposinf(domain.ub).all()
        # Features that no generating vector moves cut nothing in this family.
        live = np.flatnonzero(np.abs(self.generators).max(axis=0) > 0)
        return {
            "rows": _buffer(self.generators.T[live], "<f8"),
            "lower": _buffer(domain.lb[live], "<f8"),
            "upper": _buffer(domain.ub[live], "<f8"),
            "text": "features ≥ 0" if orthant else "feature bounds",
        }


def default_classes(space: FeatureSpace) -> tuple[int, ...]:
    """The three classes whose means lie closest together (two if there are only two)."""
    head = space.head
    if head.num_classes == 2:
        return (0, 1)
    if space.bank is None:
        return (0, 1, 2)
    present = np.unique(space.labels)
    if len(present) < 3:
        return tuple(int(k) for k in (present if len(present) == 2 else (0, 1)))
    means = np.array([space.features[space.labels == k].mean(axis=0) for k in present])
    # Distances measured across the boundaries: what the head tells apart least.
    scores = means @ head.weight.T
    gaps = cdist(scores, scores, "chebyshev")
    np.fill_diagonal(gaps, np.inf)
    i, j = np.unravel_index(int(gaps.argmin()), gaps.shape)
    rest = np.minimum(gaps[i], gaps[j])
    rest[[i, j]] = np.inf
    return tuple(sorted(int(present[k]) for k in (i, j, int(rest.argmin()))))


def _as_upper(halfplanes: Array) -> Array:
    """Rows (n_s, n_t, h) with ``n . (s, t) <= h`` from rows ``h + a s + b t >= 0``."""
    return np.column_stack([-halfplanes[:, 1:], halfplanes[:, :1]])


def _buffer(array: ArrayLike, dtype: str) -> bytes:
    return np.ascontiguousarray(array, dtype=dtype).tobytes()
