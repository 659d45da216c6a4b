"""What each bundled model is: its data set, its shape and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["RECIPES", "DatasetFacts", "Recipe"]

_FASHION = ("T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot")
_DIGITS = tuple("0123456789")
_THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class DatasetFacts:
    """A data set: its file stem in the package, its title, class names and licence."""

    name: str
    title: str
    class_names: tuple[str, ...]
    licence: str
    mirror: bool  # whether a left-right flip keeps the class
    ships: bool = True  # whether its images may be handed on; a few examples of elsewhere do otherwise


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a bundled model."""

    name: str
    dataset: DatasetFacts
    feature_dim: int
    relu_features: bool
    epochs: int
    averaged_epochs: int = 0  # further ones at a constant rate, whose weights are averaged
    decoder_epochs: int = 0  # none: the model has no decoder
    lifted: bool = False  # whether the decoder also trains on lifted points
    consistency: float = 0.0  # weight of the feature residual in the decoder's loss
    images_first: bool = False  # whether that weight grows from zero while the decoder trains
    shift: int = 2  # pixels by which training images are moved at random
    network: str = "convolutional"  # a key of `networks.NETWORKS`
    distance: float = 0.0  # in pixels, by which every image is to keep its class with a proof; 0: not asked
    seed: int = 0


_FASHION_MNIST = DatasetFacts("fashion-mnist", "Fashion-MNIST", _FASHION, "MIT", mirror=True)
_MNIST = DatasetFacts("mnist", "MNIST", _DIGITS, "CC BY-SA 3.0", mirror=False)
_CIFAR10 = DatasetFacts("cifar10", "CIFAR-10", _THINGS, "none stated", mirror=True, ships=False)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "fashion-mnist",
            _FASHION_MNIST,
            64,
            True,
            epochs=60,
            decoder_epochs=12,
            lifted=True,
            consistency=0.05,
            shift=1,
            network="strided",
            distance=0.0075,
        ),
        Recipe(
            "mnist",
            _MNIST,
            64,
            True,
            epochs=55,
            decoder_epochs=6,
            lifted=True,
            consistency=0.05,
            shift=1,
            network="strided",
            distance=0.12,
        ),
        Recipe(
            "mnist-2d",
            _MNIST,
            2,
            False,
            epochs=12,
            decoder_epochs=8,
            lifted=False,
            consistency=0.2,
            images_first=True,
        ),
        Recipe("cifar10", _CIFAR10, 64, True, epochs=100, averaged_epochs=4, shift=4, network="residual"),
    )
}
