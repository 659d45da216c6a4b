"""FeatureSpace: a head, a domain and a bank of features, with the images they came from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from .geometry.adjacency import Adjacency, adjacency
from .geometry.arrays import Array, Features, as_bounds, as_matrix, blocks, check_classes
from .geometry.blend_ties import AmbiguousBlend, ambiguous_blend
from .geometry.certified import CertifiedBlends, SliceRegions, slice_regions
from .geometry.faces import Faces, faces
from .geometry.faces_through_hull import FacesThroughHull, faces_through_hull
from .geometry.head import LinearHead
from .geometry.hull import FeatureHull
from .geometry.hull_pairs import HullPair, Spoilers, separate, spoilers
from .geometry.lift import Lift, Lifter
from .geometry.measures import HullMeasures, hull_measures
from .geometry.path import Path, path
from .geometry.plane import Slice, boundary_plane, section_plane
from .geometry.region import Region
from .geometry.ties import Ambiguity, ambiguous
from .models.bank import Bank
from .space_images import ImageQuestions
from .space_sources import ModelSources

__all__ = ["FeatureSpace"]

LIFT_SAMPLES = 20_000  # a local mean of more is no different, only slower


class FeatureSpace(ModelSources, ImageQuestions):
    """The last hidden layer of a classifier, made exact: the noun everything meets in.

    Use `featurespace_widgets.load` for a bundled model, `from_model` or `from_arrays` for your own.

    Parameters
    ----------
    head : LinearHead
    domain : scipy.optimize.Bounds or None
        Where features can lie, e.g. ``Bounds(0, inf)`` after a ReLU; None for all of R^d.
    bank : Bank, optional
        Training samples.
    test_bank : Bank, optional
        Samples the classifier was not trained on.
    examples : Bank, optional
        Samples with images, for a bank that has none.
    classifier, decoder : torch modules, optional
        ``classifier(x) -> logits``, ``classifier.features(x) -> (n, d)``, ``decoder(y) -> images``.
    title : str
        What a person sees.
    card : dict, optional
        Facts of a bundled model.
    """

    def __init__(
        self,
        head: LinearHead,
        domain: Bounds | None = None,
        bank: Bank | None = None,
        *,
        test_bank: Bank | None = None,
        examples: Bank | None = None,
        classifier: Any = None,
        decoder: Any = None,
        title: str = "own arrays",
        card: dict[str, Any] | None = None,
    ) -> None:
        self.head = head
        self.domain = as_bounds(domain, head.dimension)
        self.bank = bank
        self.test_bank = test_bank
        self.examples = examples
        self.classifier = classifier
        self.decoder = decoder
        self.title = title
        self.card = card or {}
        self._hulls: dict[int | None, FeatureHull] = {}
        self._lifters: WeakKeyDictionary[Slice, Lifter] = WeakKeyDictionary()

    @classmethod
    def from_arrays(
        cls,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        features: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        *,
        class_names: Sequence[str] | None = None,
        domain: Bounds | None = None,
        images: ArrayLike | None = None,
    ) -> FeatureSpace:
        """Build a space from the arrays of any framework.

        Parameters
        ----------
        weight, bias : (K, d), (K,)
            The last layer; K >= 2 (or one logit), d >= 2; no bias means zero.
        features : (n, d), optional
            Training features: the *input* of that layer.
        labels : (n,), optional
            Class indices; the predictions where not given.
        class_names : K texts, optional
        domain : scipy.optimize.Bounds, optional
            None for all of R^d; ``Bounds(0, np.inf)`` after a ReLU.
        images : (n, C, H, W), optional
            uint8, or floats in [0, 1].

        Raises
        ------
        ValueError
            States what was received and what is allowed.

        Examples
        --------
        >>> import numpy as np, featurespace_widgets as fsw
        >>> space = fsw.FeatureSpace.from_arrays(np.eye(3), np.zeros(3), np.eye(3))
        >>> plane = space.boundary_plane((0, 1, 2))
        >>> [cell.class_index for cell in plane.cells((-1, 1, -1, 1))]
        [0, 1, 2]
        """
        head = LinearHead(weight, bias, class_names)
        if features is None:
            if labels is not None or images is not None:
                raise ValueError("labels and images belong to features, received them without features")
            return cls(head, domain)
        bank = Bank.checked(head, features, labels, images)
        space = cls(head, domain, bank)
        if space.domain is not None:
            outside = sum(_outside(bank.features[rows], space.domain) for rows in blocks(bank.features))
            if outside:
                raise ValueError(
                    f"domain must hold all features, received {outside} of {len(bank)} feature vectors "
                    "outside it; pass domain=None where features can have any sign"
                )
        return space

    def __repr__(self) -> str:
        samples = f"{len(self.bank)} samples" if self.bank else "no samples"
        size = f"{self.head.num_classes} classes, {self.head.dimension} features"
        return f"FeatureSpace({self.title!r}, {size}, {samples})"

    # the bank

    def _bank(self) -> Bank:
        if self.bank is None:
            raise ValueError("this needs feature vectors of real data: build the space with features=...")
        return self.bank

    @property
    def features(self) -> Features:
        """(n, d) training features, float64 or as given in float32."""
        return self._bank().features

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) labels of the training features; the predictions where no labels were given."""
        bank = self._bank()
        return self.predictions if bank.labels is None else bank.labels

    @property
    def images(self) -> NDArray[Any] | None:
        """(n, C, H, W) training images in [0, 1], or None."""
        stored = self._bank().images
        if stored is None or stored.dtype != np.uint8:
            return stored
        return stored.astype(np.float32) / 255.0

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """(n,) classes the head gives to the training features."""
        features = self.features
        return np.concatenate([self.head.predict(features[rows]) for rows in blocks(features)])

    @cached_property
    def yardstick(self) -> float:
        """Median distance of a training feature to its nearest other one: the size of "near"."""
        count = len(self.features)
        if count < 2:
            raise ValueError("a yardstick needs at least two feature vectors, received one")
        rows = np.unique(np.linspace(0, count - 1, min(1000, count)).astype(int))
        distances, _ = self.nearest(self.features[rows], 2)
        return float(np.median(distances[:, 1]))

    def nearest(self, features: ArrayLike, count: int = 6) -> tuple[Array, NDArray[np.intp]]:
        """Distances and rows (n, count) of the nearest training features."""
        queries = as_matrix("features", features, self.head.dimension)
        rows = self.hull().points.nearest(queries, count)
        near = self.features[rows].astype(np.float64, copy=False)
        distances: Array = np.linalg.norm(near - queries[:, None], axis=2)
        return distances, rows

    # planes

    def boundary_plane(self, classes: Sequence[int]) -> Slice:
        """Plane of the boundary normals of 2 or 3 classes; see `geometry.plane.boundary_plane`."""
        if self.bank is None:
            return boundary_plane(self.head, self.domain, classes)
        return boundary_plane(self.head, self.domain, classes, self.features, self.labels)

    def slice(self, points: ArrayLike) -> Slice:
        """Slice through three feature vectors (3, d); see `geometry.plane.section_plane`."""
        return section_plane(self.head, self.domain, points)

    def lift(self, plane: Slice, st: ArrayLike) -> Array:
        """Feature vectors of the domain, nearest to real data, that lie over plane points.

        (n, 2) -> (n, d); rows of NaN where none was found, whose reason `lift_result` gives.
        """
        return self.lift_result(plane, st).points

    def lift_result(self, plane: Slice, st: ArrayLike) -> Lift:
        """Like `lift`, with residuals and a verdict for each point."""
        lifter = self._lifters.get(plane)
        if lifter is None:
            rows = np.flatnonzero(self._representative(plane.chosen))
            samples = self.features[rows[:: -(-len(rows) // LIFT_SAMPLES)]]
            lifter = Lifter(plane, samples.astype(np.float64, copy=False))
            self._lifters[plane] = lifter
        return lifter(st)

    def _representative(self, chosen: tuple[int, ...]) -> NDArray[np.bool_]:
        """Samples that show what the chosen classes look like: rightly classified ones if there are any."""
        right = self.labels == self.predictions
        of_chosen = np.isin(self.labels, chosen) if chosen else np.ones_like(right)
        for rows in (right & of_chosen, of_chosen):
            if rows.any():
                return rows
        return np.ones_like(right)

    # exact geometry, each answer with its certificate

    def radius(self, features: ArrayLike) -> Array:
        """(n, d) -> (n,) certified radius: distance to the nearest decision boundary in R^d."""
        return self.head.radius(features)

    def path(self, a: ArrayLike, b: ArrayLike) -> Path:
        """Class intervals of the segment between two feature vectors; see `geometry.path.path`."""
        return path(self.head, a, b)

    def faces(self, y: ArrayLike) -> Faces:
        """Closest point of the boundary with every other class; see `geometry.faces.faces`."""
        return faces(self.head, self.domain, y)

    def ambiguous(self, y: ArrayLike, classes: Sequence[int]) -> Ambiguity:
        """Closest point at which classes tie and none is above; see `geometry.ties.ambiguous`."""
        return ambiguous(self.head, self.domain, y, classes)

    def ambiguous_blend(self, y: ArrayLike, classes: Sequence[int]) -> AmbiguousBlend:
        """Blend of few training points near y at which classes tie; see `geometry.blend_ties`."""
        return ambiguous_blend(self.head, self.hull().points, y, classes)

    def region(self, class_index: int) -> Region:
        """The polytope of a class inside the domain; see `geometry.region.Region`."""
        return Region(self.head, self.domain, class_index)

    def adjacency(self) -> Adjacency:
        """Which classes are neighbours within the domain; see `geometry.adjacency.adjacency`."""
        return adjacency(self.head, self.domain, None if self.bank is None else self.features)

    def blends(self, points: ArrayLike, class_index: int) -> CertifiedBlends:
        """How deep in a class all blends of points (n, d) are; see `geometry.certified`."""
        return CertifiedBlends.of(self.head, points, class_index)

    def hull(self, class_index: int | None = None) -> FeatureHull:
        """Convex hull of the training features, of all or of a class; see `geometry.hull.FeatureHull`.

        The hull of a class is that of its rightly classified samples, so it lies inside the class's
        cell. Hulls are kept.

        Raises
        ------
        ValueError
            If there is no such class, or no rightly classified sample of it.
        """
        found = self._hulls.get(class_index)
        if found is None:
            rows = None
            if class_index is not None:
                (index,) = check_classes([class_index], self.head.num_classes, (1,))
                rows = np.flatnonzero((self.labels == index) & (self.predictions == index))
                if not len(rows):
                    raise ValueError(
                        f"class {self.head.class_names[index]!r} has no rightly classified sample, so no hull"
                    )
            found = self._hulls[class_index] = FeatureHull(self.features, rows)
        return found

    def separate(self, first: int, second: int) -> HullPair:
        """Whether the hulls of two classes meet; see `geometry.hull_pairs.separate`."""
        return separate(self.hull(first).points, self.hull(second).points)

    def spoilers(self, class_index: int) -> Spoilers:
        """Samples of a class that lie outside its cell; see `geometry.hull_pairs.spoilers`."""
        return spoilers(self.head, self.features, self.labels, class_index)

    def faces_through_hull(self) -> FacesThroughHull:
        """Which boundaries pass through the training hull; see `geometry.faces_through_hull`."""
        return faces_through_hull(self.head, self.hull().points)

    def extrapolation(self, queries: ArrayLike) -> HullMeasures:
        """How far queries (n, d) lie outside the training hull, measured; see `geometry.measures`."""
        hull = self.hull()
        return hull_measures(hull, hull.project(queries), self.head)

    def certified_regions(self, plane: Slice, y: ArrayLike, extent: Sequence[float]) -> SliceRegions:
        """Polygons of a slice certified to have the class of y (d,); see `geometry.certified`.

        A third one is ``space.hull(class_index).section(plane).inner``.
        """
        return slice_regions(plane, y, extent)


def _outside(features: Features, domain: Bounds) -> int:
    """How many feature vectors lie outside the domain by more than rounding."""
    slack = 1e-6 * (1.0 + float(np.abs(features).max(initial=0.0)))
    beyond = np.maximum(domain.lb - features, features - domain.ub)
    return int(np.count_nonzero(beyond.max(axis=1) > slack))
