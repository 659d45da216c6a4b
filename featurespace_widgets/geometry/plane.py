"""Slices: two-dimensional affine planes through feature space, and what is exact on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from .arrays import Array, Features, as_matrix, check_classes
from .cells import Cell, clip_polygon, upper_envelope, window
from .directions import main_directions
from .head import LinearHead

__all__ = ["Slice", "boundary_plane", "clip_window", "section_plane"]

DEGENERATE = 1e-9  # relative length below which a direction counts as zero


@dataclass(frozen=True, eq=False)
class Slice:
    """The plane ``y = origin + s * basis[0] + t * basis[1]`` in the feature space of a head.

    Attributes
    ----------
    origin : (d,) array
    basis : (2, d) array
        Orthonormal rows.
    classes : tuple of int
        The classes whose partition `cells` draws. For a section all K: the cells of the plane's
        own points. For a boundary plane those for which projecting *any* feature vector along
        the fibres keeps its side and its distance.
    chosen : tuple of int
        The classes a boundary plane was made for; empty for a section.
    """

    head: LinearHead
    domain: Bounds | None
    origin: Array
    basis: Array
    classes: tuple[int, ...]
    chosen: tuple[int, ...] = ()

    @property
    def is_boundary_plane(self) -> bool:
        """Whether sides and distances hold for projected points, not only for points on the plane."""
        return bool(self.chosen)

    def to_plane(self, features: ArrayLike) -> Array:
        """Plane coordinates of the orthogonal projection: (n, d) -> (n, 2)."""
        st: Array = (as_matrix("features", features, len(self.origin)) - self.origin) @ self.basis.T
        return st

    def from_plane(self, st: ArrayLike) -> Array:
        """Feature vectors on the plane: (n, 2) -> (n, d)."""
        return self.origin + as_matrix("st", st, 2) @ self.basis

    def distance(self, features: ArrayLike) -> Array:
        """Distance of feature vectors from the plane: (n, d) -> (n,)."""
        away = as_matrix("features", features, len(self.origin)) - self.origin
        distances: Array = np.linalg.norm(away - (away @ self.basis.T) @ self.basis, axis=1)
        return distances

    def logit_planes(self) -> Array:
        """(K, 3) coefficients of the logits ``z_k = c + a s + b t`` on the plane."""
        weight = self.head.weight
        return np.column_stack(
            [weight @ self.origin + self.head.bias, weight @ self.basis[0], weight @ self.basis[1]]
        )

    def cells(self, extent: Sequence[float]) -> list[Cell]:
        """Exact cells of `classes` on the window ``extent = (s0, s1, t0, t1)``; they tile it."""
        found = upper_envelope(self.logit_planes()[list(self.classes)], extent)
        names = np.array([*self.classes, -1])
        return [
            Cell(self.classes[cell.class_index], cell.polygon, tuple(int(names[k]) for k in cell.neighbours))
            for cell in found
        ]

    def domain_polygon(self, extent: Sequence[float]) -> Array:
        """Part of the window whose points lie in the domain: (m, 2), empty where there is none."""
        if self.domain is None:
            return window(extent)
        lower = np.column_stack([self.origin - self.domain.lb, self.basis.T])
        upper = np.column_stack([self.domain.ub - self.origin, -self.basis.T])
        return clip_window(np.vstack([lower, upper]), extent)

    def shadow_halfplanes(self) -> Array:
        """Half-planes ``h - n . (s, t) >= 0`` of the projected domain, as rows (h, -n_s, -n_t).

        A plane point has a feature vector of the domain on its fibre iff it satisfies all. The
        projection of a box is a zonotope, so its edges are normal to the projected axes.
        """
        if self.domain is None:
            return np.empty((0, 3))
        lower, upper = self.domain.lb - self.origin, self.domain.ub - self.origin
        generators = self.basis.T[np.linalg.norm(self.basis, axis=0) > DEGENERATE]
        normals = np.column_stack([-generators[:, 1], generators[:, 0]])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals = np.vstack([normals, -normals])
        slopes = normals @ self.basis
        slopes[np.abs(slopes) < DEGENERATE] = 0.0
        with np.errstate(invalid="ignore"):
            reach = np.where(slopes > 0, slopes * upper, np.where(slopes < 0, slopes * lower, 0.0)).sum(
                axis=1
            )
        finite = np.isfinite(reach)
        halfplanes: Array = np.column_stack([reach, -normals])[finite]
        return halfplanes

    def domain_shadow(self, extent: Sequence[float]) -> Array:
        """Part of the window over which the domain has a feature vector: (m, 2)."""
        return clip_window(self.shadow_halfplanes(), extent)


def clip_window(halfplanes: Array, extent: Sequence[float]) -> Array:
    """Part of a window where ``h + a s + b t >= 0`` for all rows (h, a, b)."""
    polygon, labels = window(extent), [-1] * 4
    finite = halfplanes[np.isfinite(halfplanes[:, 0])]
    while len(polygon) >= 3 and len(finite):
        values = finite[:, :1] + finite[:, 1:] @ polygon.T
        size = np.abs(finite[:, 0]) + np.abs(finite[:, 1:]) @ np.abs(polygon).max(axis=0)
        worst = (values / np.maximum(size, 1e-300)[:, None]).min(axis=1)
        row = int(worst.argmin())
        if worst[row] >= -1e-14:
            break
        polygon, labels = clip_polygon(polygon, labels, values[row], row)
        finite = np.delete(finite, row, axis=0)
    return polygon if len(polygon) >= 3 else np.empty((0, 2))


def section_plane(head: LinearHead, domain: Bounds | None, points: ArrayLike) -> Slice:
    """Slice through three feature vectors (3, d); axis 1 runs from the first to the second.

    Raises
    ------
    ValueError
        If the points are not (3, d) and finite, coincide or lie on one line.
    """
    vertices = as_matrix("points", points, head.dimension)
    if len(vertices) != 3:
        raise ValueError(f"points must be 3 feature vectors, received {len(vertices)}")
    sides = vertices[1:] - vertices[0]
    lengths = np.array([*np.linalg.norm(sides, axis=1), np.linalg.norm(vertices[2] - vertices[1])])
    if lengths.min() <= DEGENERATE * max(lengths.max(), 1e-300):
        raise ValueError(
            "points must be three different feature vectors, received coinciding ones "
            f"(distances {', '.join(f'{length:.3g}' for length in lengths)}); move one of them"
        )
    basis = _orthonormal(sides[0], sides[1])
    if basis is None:
        raise ValueError(
            "points must not lie on one line: three collinear feature vectors span no plane; move one"
        )
    return Slice(head, domain, vertices[0], basis, tuple(range(head.num_classes)))


def _orthonormal(first: Array, second: Array) -> Array | None:
    """Gram-Schmidt of two vectors, or None where they are parallel."""
    u = first / np.linalg.norm(first)
    rest = second - (second @ u) * u
    rest = rest - (rest @ u) * u  # once more: the first pass leaves rounding along u
    length = np.linalg.norm(rest)
    return None if length <= DEGENERATE * np.linalg.norm(second) else np.array([u, rest / length])


def boundary_plane(
    head: LinearHead,
    domain: Bounds | None,
    classes: Sequence[int],
    features: Features | None = None,
    labels: NDArray[np.int64] | None = None,
) -> Slice:
    """Plane spanned by the boundary normals of two or three classes.

    Projecting any feature vector onto it along the fibres keeps the logit differences among the
    chosen classes, so every point, each sample too, lies on its true side of their boundaries at
    its true distance. Where these normals span those of all K classes that holds for all K. In general
    those of more than three classes span more than a plane, so more are not taken.

    Parameters
    ----------
    classes : 2 or 3 different class indices
    features, labels : arrays (n, d), (n,), optional
        The samples: the origin is the mean of the chosen classes' means; with two classes the
        second axis is the main direction of their samples across the first.

    Raises
    ------
    ValueError
        If the classes are not 2 or 3 different indices, or two of them have equal weight rows.
    """
    if isinstance(classes, Sequence) and len(classes) > 3:
        raise ValueError(
            f"classes must be 2 or 3, received {len(classes)}: a plane keeps the sides of three classes, of "
            "more only where their normals span no more; choose three, or a section, exact for points on it"
        )
    chosen = check_classes(classes, head.num_classes, (2, 3))
    normals = head.weight[chosen[0]] - head.weight[list(chosen[1:])]
    size = max(float(np.abs(head.weight).max()), 1e-300)
    for normal, (i, j) in [
        *zip(normals, [(chosen[0], k) for k in chosen[1:]], strict=True),
        *([(normals[1] - normals[0], (chosen[1], chosen[2]))] if len(chosen) == 3 else []),
    ]:
        if np.linalg.norm(normal) <= DEGENERATE * size:
            raise ValueError(
                f"classes {head.class_names[i]!r} and {head.class_names[j]!r} have equal weight rows: "
                "no boundary separates them in feature space; choose other classes"
            )
    means, samples = _class_samples(chosen, features, labels)
    origin = np.mean(means, axis=0) if means else _tie_point(head, chosen)
    basis = _orthonormal(normals[0], normals[1]) if len(chosen) == 3 else None
    if basis is None:
        basis = _orthonormal(normals[0], _main_direction(normals[0], samples - origin))
    assert basis is not None
    basis = _turned(basis, (np.array(means) - origin) @ basis.T if means else None)
    return Slice(head, domain, origin, basis, _exact_classes(head, basis, chosen), chosen)


def _class_samples(
    chosen: tuple[int, ...], features: Features | None, labels: NDArray[np.int64] | None
) -> tuple[list[Array], Array]:
    """Means of the chosen classes that have samples, and all their samples."""
    if features is None or labels is None:
        return [], np.empty((0, 1))  # subtracts from any origin and stays empty
    groups = [features[labels == index] for index in chosen]
    means = [group.mean(axis=0, dtype=np.float64) for group in groups if len(group)]
    return means, np.concatenate(groups)


def _tie_point(head: LinearHead, chosen: tuple[int, ...]) -> Array:
    """Smallest feature vector at which the chosen logits tie (or come nearest to it)."""
    rows, offsets = head.weight[list(chosen)], head.bias[list(chosen)]
    solution: Array = np.linalg.lstsq(rows[1:] - rows[0], offsets[0] - offsets[1:], rcond=None)[0]
    return solution


def _main_direction(across: Array, centred: Array) -> Array:
    """Direction of largest spread orthogonal to a normal; a coordinate axis without samples."""
    found = main_directions(centred, 1, across)
    if len(found):
        main: Array = found[0]
        return main
    axis = np.zeros(len(across))
    axis[int(np.abs(across).argmin())] = 1.0
    return axis


def _turned(basis: Array, means: Array | None) -> Array:
    """Fix the signs, which are free: first class to the left, last class upwards."""
    if means is None or len(means) < 2:
        return basis
    signs = np.array(
        [1.0 if means[0, 0] <= means[-1, 0] else -1.0, 1.0 if means[-1, 1] >= means[0, 1] else -1.0]
    )
    turned: Array = basis * signs[:, None]
    return turned


def _exact_classes(head: LinearHead, basis: Array, chosen: tuple[int, ...]) -> tuple[int, ...]:
    """All classes where the plane holds every boundary normal, otherwise the chosen ones."""
    centred = head.weight - head.weight.mean(axis=0)
    outside = centred - (centred @ basis.T) @ basis
    if np.abs(outside).max() <= 1e-12 * max(float(np.abs(centred).max()), 1e-300):
        return tuple(range(head.num_classes))
    return chosen
