"""Feature spaces of torch models and of folders of photos."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from scipy.optimize import Bounds

    from .geometry.head import LinearHead
    from .models.bank import Bank
    from .models.from_model import ModelParts

__all__ = ["ModelSources"]


class ModelSources:
    """The part of `FeatureSpace` that builds one from a model and its images."""

    if TYPE_CHECKING:  # what the whole is built from

        def __init__(
            self, head: LinearHead, domain: Bounds | None = None, bank: Bank | None = None, **facts: Any
        ) -> None: ...

    @classmethod
    def from_model(
        cls,
        model: Any,
        images: Any,
        labels: ArrayLike | None = None,
        *,
        class_names: Sequence[str] | None = None,
        head: str | None = None,
        preprocess: Any = None,
        batch_size: int = 256,
        progress: bool = True,
    ) -> Self:
        """Build a space from a torch classifier and images.

        The head is found by its output, and checked: ``head(features(x)) == model(x)``. The model is
        used in eval mode on the device it is on, and is itself not changed; its weights are shared.
        ``space.card`` names the head and says how the domain is known.

        Parameters
        ----------
        model : torch.nn.Module, or one of `featurespace_widgets.adapters`
        images : array or tensor (n, C, H, W), path, data set or loader
            uint8, or floats in [0, 1]. A path is a folder with one folder of pictures for each class; data
            sets are those of torch and of Hugging Face, or an `ImageFolder`, which scales pictures.
        labels : (n,) array of int, optional
            Instead of those that the images bring; the predictions where there are none.
        class_names : K texts, optional
        head : str, optional
            Name of the last layer, should the one found not be meant.
        preprocess : callable, optional
            Images (n, C, H, W) in [0, 1] to the model's inputs, in differentiable torch operations.
        batch_size : int
        progress : bool
            Whether a bar is shown.

        Raises
        ------
        ValueError
            If the model has no affine head (says why and what to do), or images or labels do not fit.

        Examples
        --------
        >>> import torch, featurespace_widgets as fsw
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
        >>> space = fsw.FeatureSpace.from_model(model, torch.rand(20, 1, 8, 8), progress=False)
        >>> space.card["head"], space.card["features"]
        ('3', '>= 0 (outputs of a ReLU)')
        """
        from .models.from_model import read_model

        parts = read_model(
            model,
            images,
            labels,
            class_names=class_names,
            head=head,
            preprocess=preprocess,
            batch_size=batch_size,
            progress=progress,
        )
        return cls._of(parts)

    @classmethod
    def from_folder(
        cls, path: str | PathLike[str], model: Any = None, *, batch_size: int = 32, progress: bool = True
    ) -> Self:
        """Build a space from one's own photos: each folder in `path` is a class.

        A linear head is trained on the features of a network that stays as it is. The title and
        ``space.card["accuracy"]`` say which share of photos it gets right in cross-validation.

        Parameters
        ----------
        path : path
            ``path/CLASS/photo.jpg``; photos are scaled to the centre square that the network takes.
        model : torch.nn.Module, or one of `featurespace_widgets.adapters`
            EfficientNet-Lite0 with ImageNet weights if not given, which needs the extra ``[imagenet]``.
        batch_size : int
        progress : bool
            Whether a bar is shown.

        Raises
        ------
        ValueError
            With fewer than two folders of pictures, or two pictures in one.
        ImportError
            If the extra is needed and not there.
        """
        from .models.from_model import read_folder

        return cls._of(read_folder(path, model, batch_size=batch_size, progress=progress))

    @classmethod
    def _of(cls, parts: ModelParts) -> Self:
        return cls(
            parts.head,
            parts.domain,
            parts.bank,
            classifier=parts.classifier,
            title=parts.title,
            card=parts.card,
        )
