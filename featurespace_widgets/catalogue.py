"""The bundled models by name."""

from __future__ import annotations

import os

from .models.recipes import RECIPES
from .space import FeatureSpace

__all__ = ["available", "load"]

IMAGENET = "imagenet-efficientnet-lite0"


def available() -> tuple[str, ...]:
    """Names of the bundled models that `load` takes.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> fsw.available()
    ('fashion-mnist', 'mnist', 'mnist-2d', 'cifar10')
    """
    return tuple(RECIPES)


def load(name: str = "fashion-mnist", *, data: str | os.PathLike[str] | None = None) -> FeatureSpace:
    """Load a bundled model as a feature space.

    Parameters
    ----------
    name : str
        One of `available`, or, with the extra ``[imagenet]``, ``"imagenet-efficientnet-lite0"``: 1000
        classes, 1280 features, and the few photos that the packages of the extra ship.
    data : path, optional
        The full data set. The banks then hold all its images; their features are computed once and
        cached in the user's cache folder. For MNIST and Fashion-MNIST a folder with the four IDX files,
        plain or gzipped. For CIFAR-10 a folder with the files of its binary version, or with pictures
        in ``train/CLASS/`` and ``test/CLASS/``, or a zip archive of such a folder.

    Raises
    ------
    ValueError
        For an unknown name, a folder without the data set, or a damaged bundled file
        (`models.store.DamagedFileError`, which names it).
    ImportError
        Where an extra is missing.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> fsw.load("mnist-2d").head
    LinearHead(10 classes, 2 features)
    """
    if name == IMAGENET:
        return _imagenet()
    if name not in RECIPES:
        names = ", ".join(map(repr, [*RECIPES, IMAGENET]))
        raise ValueError(f"unknown model {name!r}; available are {names}")
    from .models.zoo import load_model

    model = load_model(name, data)
    return FeatureSpace(
        model.head,
        model.domain,
        model.bank,
        test_bank=model.test_bank,
        examples=model.examples,
        classifier=model.classifier,
        decoder=model.decoder,
        title=model.title,
        card=model.card,
    )


def _imagenet() -> FeatureSpace:
    from .models.imagenet import efficientnet_lite0, imagenet_photos

    photos, labels = imagenet_photos()
    space = FeatureSpace.from_model(efficientnet_lite0(), photos, labels, batch_size=8, progress=False)
    space.title = f"EfficientNet-Lite0 on ImageNet · {space.head.dimension} features"
    return space
