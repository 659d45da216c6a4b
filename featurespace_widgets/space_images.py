"""The questions about images that a feature space answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .geometry.arrays import Array, as_matrix, as_vector
from .geometry.head import LinearHead
from .models.bank import Bank

if TYPE_CHECKING:
    from .pixels.bounds import PixelCertificate
    from .pixels.comparison import Comparison
    from .pixels.flips import PixelFlip
    from .pixels.inversion import InversionResult
    from .pixels.pixel_plane import ClassGrid, PixelPlane
    from .pixels.plane_partition import PlanePartition
    from .pixels.preview import Preview
    from .pixels.relu_pieces import ReluPiece

__all__ = ["ImageQuestions"]


class ImageQuestions:
    """The half of `FeatureSpace` that has to do with images: decoding, inversion, certificates in pixels."""

    head: LinearHead
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

    def invert(self, target: ArrayLike, start: ArrayLike | None = None) -> InversionResult:
        """An image whose features meet a feature vector (d,); see `pixels.inversion.invert`.

        Starts from the nearest image of a sample where none is given.
        """
        from .pixels.inversion import invert

        network = self._network("make images for")
        wanted = as_vector("target", target, self.head.dimension)
        if start is None:
            if self.pictured is None or self.pictured.images is None:
                raise ValueError(f"{self.title!r} has no images: pass start=, an image to begin with")
            nearest = self.pictured.images[self.nearest_images(wanted[None], 1)[1][0, 0]]
            start = nearest / np.float32(255) if nearest.dtype == np.uint8 else nearest
        return invert(network, self.head, wanted, start, yardstick=self.yardstick)

    def certify_image(self, image: ArrayLike, **options: Any) -> PixelCertificate:
        """Radii around an image within which its class cannot change; see `pixels.bounds.certify_image`."""
        from .pixels.bounds import certify_image

        return certify_image(self._network("certify an image"), self.head, image, **options)

    def flip_image(self, image: ArrayLike, target: int | None = None, **options: Any) -> PixelFlip:
        """The nearest image found at which the class changes; see `pixels.flips.flip_image`."""
        from .pixels.flips import flip_image

        return flip_image(self._network("flip an image"), self.head, image, target, **options)

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

    def compare(self, images: ArrayLike) -> Comparison:
        """Boundaries around images in both spaces, side by side; see `pixels.comparison.compare`."""
        from .pixels.comparison import compare

        return compare(self._network("compare the two spaces"), self.head, images)
