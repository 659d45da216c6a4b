"""The questions about images that a feature space answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds

from .geometry.arrays import Array, as_matrix, blocks
from .geometry.head import LinearHead
from .models.bank import Bank, in_unit

if TYPE_CHECKING:
    from .geometry.hull import FeatureHull
    from .geometry.ties import Ambiguity
    from .pixels.attack_track import AttackTrack
    from .pixels.bounds import PixelCertificate
    from .pixels.comparison import Comparison
    from .pixels.flips import PixelFlip, PixelFlips
    from .pixels.inversion import InversionFrame, InversionResult
    from .pixels.morph import Morph
    from .pixels.pixel_plane import ClassGrid, PixelPlane
    from .pixels.plane_link import PlaneLink
    from .pixels.plane_partition import PlanePartition
    from .pixels.preview import Preview
    from .pixels.relu_pieces import ReluPiece
    from .pixels.targets import TargetSet

__all__ = ["ImageQuestions"]

HULL_STOPS = 7  # points of a straight path that are moved to the hull


class ImageQuestions:
    """The half of `FeatureSpace` that has to do with images: decoding, inversion, certificates in pixels."""

    head: LinearHead
    domain: Bounds | None
    bank: Bank | None
    examples: Bank | None
    classifier: Any
    decoder: Any
    title: str

    if TYPE_CHECKING:  # what the other half answers

        @property
        def yardstick(self) -> float:
            """Median nearest-neighbour distance of the training features."""

        def nearest(self, features: ArrayLike, count: int = 6) -> tuple[Array, NDArray[np.intp]]:
            """Distances and rows of the nearest training features."""

        def hull(self) -> FeatureHull:
            """Convex hull of the training features."""

        def ambiguous(self, y: ArrayLike, classes: Sequence[int]) -> Ambiguity:
            """Closest point at which classes tie and none is above."""

    @property
    def pictured(self) -> Bank | None:
        """Samples with images: the training samples, or the examples where those have none."""
        if self.bank is not None and self.bank.images is not None:
            return self.bank
        return self.examples

    def nearest_images(self, features: ArrayLike, count: int = 6) -> tuple[Array, NDArray[np.intp]]:
        """Distances and rows (n, count) of the samples in `pictured` nearest to features (n, d).

        Raises
        ------
        ValueError
            If the space has no images.
        """
        queries = as_matrix("features", features, self.head.dimension)
        if self.pictured is None:
            raise ValueError(f"{self.title!r} has no images; pass images= with its features")
        if self.pictured is self.bank:
            return self.nearest(queries, count)
        distances = np.linalg.norm(self.pictured.features - queries[:, None], axis=2)
        rows = distances.argsort(axis=1, kind="stable")[:, :count]
        return np.take_along_axis(distances, rows, axis=1), rows

    def decode(self, features: ArrayLike) -> NDArray[np.float32]:
        """Decoded images in [0, 1]: (n, d) -> (n, C, H, W).

        Raises
        ------
        ValueError
            If the space has no decoder.
        """
        from .pixels.preview import decode

        if self.decoder is None:
            raise ValueError(
                f"{self.title!r} has no decoder; space.nearest_images(y) finds the nearest images"
            )
        return decode(self.decoder, as_matrix("features", features, self.head.dimension))

    def preview(self, features: ArrayLike) -> Preview:
        """Images of features (n, d), each with where it really lies and what the model sees in it.

        Decoded where there are a decoder and a classifier to check it; otherwise the nearest image
        of a sample, as its ``source`` says.

        Raises
        ------
        ValueError
            If the space has neither a decoder nor images.
        """
        from .pixels.preview import Preview, preview

        vectors = as_matrix("features", features, self.head.dimension)
        if self.decoder is not None and self.classifier is not None:
            return preview(self.classifier, self.head, vectors, self.decode(vectors), self.yardstick)
        distances, rows = self.nearest_images(vectors, 1)
        samples = self.pictured
        assert samples is not None
        assert samples.images is not None
        landed = samples.features[rows[:, 0]].astype(np.float64)
        source = "nearest training image" if samples is self.bank else "nearest example image"
        images = samples.images[rows[:, 0]]
        return Preview(images, landed, distances[:, 0], self.head.predict(landed), self.yardstick, source)

    def _network(self, purpose: str) -> Any:
        if self.classifier is None:
            raise ValueError(f"{self.title!r} has no classifier to {purpose}: its arrays know no pixels")
        return self.classifier

    def invert(self, target: Any, start: ArrayLike | None = None, **options: Any) -> InversionResult:
        """An image whose features meet a point (d,), or any point of a set; see `pixels.inversion.invert`.

        A set is a `Region`, a `FeatureHull` or one of `pixels.targets`: cells with a depth, faces and
        ties, balls, half-spaces. Starts from the nearest image of a sample where none is given. A hull of
        training features that is not met from `start` is begun again at the image nearest to it among
        those that span the hull.
        """
        from .pixels.inversion import invert

        network, goal, image = self._inversion(target, start)
        options = {"yardstick": self.yardstick, **options}
        found = invert(network, self.head, goal, image, **options)
        weighted = options.get("closeness") or options.get("total_variation")
        if found.verdict == "reached" or found.stopped == "cancelled" or weighted:
            return found
        member = self._member(target, found.image.shape, image)
        if member is None:
            return found
        again = invert(network, self.head, goal, member, **options)
        if again.verdict != "reached":
            return found
        distance = float(np.linalg.norm(again.image - np.reshape(image, again.image.shape)))
        return replace(again, distance=distance, steps=found.steps + again.steps)

    def _member(self, target: Any, shape: tuple[int, ...], image: ArrayLike) -> Array | None:
        """The image nearest to one given, in pixels, among those whose features span a hull of the bank."""
        from .geometry.hull import FeatureHull

        bank = self.bank
        if not isinstance(target, FeatureHull) or bank is None or bank.images is None:
            return None
        if target.features is not bank.features:
            return None
        stored, start, nearest = bank.images.reshape(len(bank), -1), np.reshape(image, -1), (np.inf, -1)
        for part in blocks(stored):
            rows = np.arange(len(stored))[part]
            rows = rows if target.rows is None else target.rows[np.isin(target.rows, rows)]
            if len(rows):
                away = np.linalg.norm(in_unit(stored[rows]) - start, axis=1)
                nearest = min(nearest, (float(away.min()), int(rows[away.argmin()])))
        member: Array = in_unit(stored[nearest[1]]).reshape(shape)
        return member

    def invert_frames(
        self, target: Any, start: ArrayLike | None = None, **options: Any
    ) -> Iterator[InversionFrame]:
        """The best image after every step of `invert`, to be shown while it runs; stop when you like."""
        from .pixels.inversion import invert_frames

        network, goal, image = self._inversion(target, start)
        return invert_frames(network, self.head, goal, image, **options)

    def morph(
        self,
        a: ArrayLike,
        b: ArrayLike,
        *,
        through: ArrayLike | Literal["flip", "hull"] | None = None,
        decoded: bool = False,
        **options: Any,
    ) -> Morph:
        """Images along a feature path between two images (C, H, W); see `pixels.morph.morph`.

        Parameters
        ----------
        a, b : (C, H, W) images in [0, 1]
        through : (m, d) array, "flip" or "hull", optional
            Points on the way. "flip": the point of the boundary between the two classes that is nearest to
            the features of `a`. "hull": the straight path, each inner point moved to the nearest of the
            training hull. The straight path if not given.
        decoded : bool
            Make the images with the decoder instead of optimising each.

        Raises
        ------
        ValueError
            If both images have the same class, or their classes never tie, and `through` is "flip"; if
            there is no decoder and `decoded` is set.
        """
        from .pixels.morph import morph

        network = self._network("morph images of")
        if decoded and self.decoder is None:
            raise ValueError(f"{self.title!r} has no decoder; leave out decoded= to optimise the images")
        if isinstance(through, str):
            through = self._way(network, a, b, through)
        decoder = self.decoder if decoded else None
        options = {"yardstick": self.yardstick, **options}
        return morph(network, self.head, a, b, through=through, decoder=decoder, **options)

    def _way(self, network: Any, a: ArrayLike, b: ArrayLike, kind: str) -> Array:
        """Points of feature space through which a morph goes."""
        from .pixels.pixel_map import PixelMap
        from .pixels.relu_network import as_image

        if kind not in ("flip", "hull"):
            raise ValueError(f'through must be points (m, d), "flip" or "hull", received {kind!r}')
        ends = np.stack([PixelMap(network, self.head, x).features(x) for x in (as_image(a), as_image(b))])
        if kind == "hull":
            share = np.linspace(0.0, 1.0, HULL_STOPS + 2)[1:-1, None]
            return self.hull().project((1.0 - share) * ends[0] + share * ends[1]).points
        classes = [int(k) for k in self.head.predict(ends)]
        if classes[0] == classes[1]:
            name = self.head.class_names[classes[0]]
            raise ValueError(f"both images have the class {name!r}: there is no flip between them")
        found = self.ambiguous(ends[0], classes)
        if not np.isfinite(found.point).all():
            names = " and ".join(repr(self.head.class_names[k]) for k in classes)
            raise ValueError(f"no point was found at which {names} tie above all others: {found.verdict}")
        return found.point[None]

    def _inversion(self, target: Any, start: ArrayLike | None) -> tuple[Any, TargetSet, ArrayLike]:
        """The network, the target set and an image to start from."""
        from .pixels.targets import as_target

        network, goal = self._network("make images for"), as_target(target, self.head.dimension)
        if start is None:
            if self.pictured is None or self.pictured.images is None:
                raise ValueError(f"{self.title!r} has no images: pass start=, an image to begin with")
            near = goal.nearest(self.pictured.features.mean(axis=0, dtype=np.float64))
            if not near.found:
                raise ValueError(f"no point of the target was found: {near.verdict}; pass another, or start=")
            start = in_unit(self.pictured.images[self.nearest_images(near.point[None], 1)[1][0, 0]])
        return network, goal, start

    def certify_image(self, image: ArrayLike, **options: Any) -> PixelCertificate:
        """Radii around an image within which its class cannot change; see `pixels.bounds.certify_image`."""
        from .pixels.bounds import certify_image

        return certify_image(self._network("certify an image"), self.head, image, **options)

    @overload
    def flip_image(
        self, image: ArrayLike, target: int | None = None, *, certify: bool = False, **options: Any
    ) -> PixelFlip: ...

    @overload
    def flip_image(
        self, image: ArrayLike, target: Literal["all"], *, certify: bool = False, **options: Any
    ) -> PixelFlips: ...

    def flip_image(
        self,
        image: ArrayLike,
        target: int | Literal["all"] | None = None,
        *,
        certify: bool = False,
        **options: Any,
    ) -> PixelFlip | PixelFlips:
        """The nearest image found at which the class changes; see `pixels.flips.flip_image`.

        With the place of its features in the training hull, where the space has training features.

        Parameters
        ----------
        image : (C, H, W) in [0, 1]
        target : int or "all", optional
            The class to reach, or each of the other K - 1 in turn; any, the nearest, if not given.
        certify : bool
            Whether `certify_image` is asked too, for the distance below which there is no flip.
        **options
            ``progress`` (called with each flip) and ``cancelled`` of `pixels.flips.flip_image`.
        """
        from .pixels.flips import PixelFlip, PixelFlips, flip_image

        network, told = self._network("flip an image"), options.pop("progress", None)
        proof = self.certify_image(image, norms=("L2",)) if certify else None
        certified = proof.radius_l2 if proof is not None and proof.proofs else np.nan

        @cache
        def placed(flip: PixelFlip) -> PixelFlip:
            hull = self.hull().project(flip.landing) if self.bank and flip.verdict == "found" else None
            return replace(flip, certified_distance=certified, hull=hull)

        def tell(flip: PixelFlip) -> None:
            if told is not None:
                told(placed(flip))

        found = flip_image(network, self.head, image, target, progress=tell, **options)
        if isinstance(found, PixelFlip):
            return placed(found)
        return PixelFlips(tuple(placed(flip) for flip in found))

    def attack_track(self, flip: PixelFlip) -> AttackTrack:
        """Where a flip moves in feature space; see `pixels.attack_track.attack_track`."""
        from .pixels.attack_track import attack_track

        return attack_track(self._network("follow an attack"), self.head, flip)

    def relu_piece(self, image: ArrayLike) -> ReluPiece:
        """Polytope of pixel space on which the network is affine; see `pixels.relu_pieces.relu_piece`."""
        from .pixels.relu_pieces import relu_piece

        return relu_piece(self._network("find the piece of an image"), self.head, image)

    def pixel_plane(self, images: ArrayLike) -> PixelPlane:
        """The plane of pixel space through three images; see `pixels.pixel_plane`."""
        from .pixels.pixel_plane import pixel_plane

        return pixel_plane(images)

    def pixel_partition(self, plane: PixelPlane, extent: Sequence[float], **options: Any) -> PlanePartition:
        """Exact classes of a pixel plane; see `pixels.plane_partition.plane_partition`."""
        from .pixels.plane_partition import plane_partition

        return plane_partition(self._network("divide a pixel plane"), self.head, plane, extent, **options)

    def pixel_classes(
        self, plane: PixelPlane, extent: Sequence[float], **options: Any
    ) -> Iterator[ClassGrid]:
        """Classes of a pixel plane on finer and finer grids; see `pixels.pixel_plane.plane_classes`."""
        from .pixels.pixel_plane import plane_classes

        return plane_classes(self._network("see a pixel plane"), self.head, plane, extent, **options)

    def plane_link(self, images: ArrayLike, **options: Any) -> PlaneLink | None:
        """The planes through three images in pixel and feature space; see `pixels.plane_link.plane_link`."""
        from .pixels.plane_link import plane_link

        return plane_link(self._network("see a pixel plane"), self.head, self.domain, images, **options)

    def compare(self, images: ArrayLike) -> Comparison:
        """Boundaries around images in both spaces, side by side; see `pixels.comparison.compare`."""
        from .pixels.comparison import compare

        return compare(self._network("compare the two spaces"), self.head, images)
