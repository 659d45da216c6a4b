"""The small networks of the bundled zoo: affine layers, ReLU and residual sums, nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = [
    "NETWORKS",
    "Classifier",
    "ConvClassifier",
    "ConvDecoder",
    "ResidualClassifier",
    "StridedClassifier",
    "evaluate",
    "fold_batch_norm",
]

Net = TypeVar("Net", bound=nn.Module)


class Classifier(nn.Module):
    """A ``body`` that computes features, then an affine ``head``."""

    body: nn.Sequential
    head: nn.Linear

    def features(self, images: Tensor) -> Tensor:
        """Features phi(x): (n, C, H, W) images in [0, 1] -> (n, d)."""
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits: (n, C, H, W) images in [0, 1] -> (n, K)."""
        logits: Tensor = self.head(self.features(images))
        return logits


class ConvClassifier(Classifier):
    """Classifier of 28x28 grey images whose last layer is affine on ``feature_dim`` features.

    Strides instead of max pooling keep the network a plain ReLU stack, the family for which exact
    pixel-space regions and linear-relaxation bounds are known.

    Parameters
    ----------
    feature_dim : int
        Width d of the last hidden layer.
    num_classes : int
        Number of classes K.
    relu_features : bool
        Whether the features are the output of a ReLU, hence non-negative.
    batch_norm : bool
        Training form, with batch normalisation and dropout. `fold_batch_norm` turns it into the
        plain form.
    """

    # (input channels, output channels, kernel, stride), padding 1: 28x28 -> 28 -> 14 -> 14 -> 7.
    convolutions: ClassVar[tuple[tuple[int, int, int, int], ...]] = (
        (1, 32, 3, 1),
        (32, 48, 3, 2),
        (48, 64, 3, 1),
        (64, 64, 3, 2),
    )

    def __init__(
        self,
        feature_dim: int,
        num_classes: int = 10,
        *,
        relu_features: bool = True,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in, channels, kernel, stride in self.convolutions:
            layers.append(nn.Conv2d(channels_in, channels, kernel, stride, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU())
        layers.append(nn.Flatten())
        if batch_norm:
            layers.append(nn.Dropout(0.3))
        layers.append(nn.Linear(channels * 7 * 7, 64))
        layers.append(nn.ReLU())
        if not relu_features:
            layers.append(nn.Linear(64, feature_dim))
        elif feature_dim != 64:
            raise ValueError(f"ReLU features of the zoo are 64 wide, received {feature_dim}")
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(feature_dim, num_classes)


class StridedClassifier(ConvClassifier):
    """A `ConvClassifier` of few layers, so that the product of their norms can be small."""

    convolutions = ((1, 32, 4, 2), (32, 64, 4, 2))  # 28x28 -> 14 -> 7


class _Block(nn.Module):
    """Two 3x3 convolutions and the way around them."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.first = _convolution(channels_in, channels_out, 3, stride, batch_norm)
        self.second = _convolution(channels_out, channels_out, 3, 1, batch_norm)
        self.around = (
            nn.Identity() if stride == 1 else _convolution(channels_in, channels_out, 1, stride, batch_norm)
        )
        self.relu = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        total: Tensor = self.relu(self.second(self.relu(self.first(images))) + self.around(images))
        return total


def _convolution(
    channels_in: int, channels_out: int, size: int, stride: int, batch_norm: bool
) -> nn.Sequential:
    layer = nn.Conv2d(channels_in, channels_out, size, stride, padding=size // 2, bias=not batch_norm)
    return nn.Sequential(layer, nn.BatchNorm2d(channels_out)) if batch_norm else nn.Sequential(layer)


class ResidualClassifier(Classifier):
    """ResNet-20 for 32x32 colour images (He et al. 2016), with projections where the size halves.

    Its 64 features are means of ReLU outputs over the image, hence non-negative.

    Parameters
    ----------
    feature_dim : int
        Width d of the last hidden layer; 64.
    num_classes : int
        Number of classes K.
    relu_features : bool
        True: the features of this network are never negative.
    batch_norm : bool
        Training form, with batch normalisation.
    """

    def __init__(
        self,
        feature_dim: int = 64,
        num_classes: int = 10,
        *,
        relu_features: bool = True,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if feature_dim != 64 or not relu_features:
            raise ValueError(f"ResNet-20 has 64 non-negative features, asked for {feature_dim}")
        layers: list[nn.Module] = [_convolution(3, 16, 3, 1, batch_norm), nn.ReLU()]
        channels = 16
        for wide in (16, 32, 64):
            for _ in range(3):
                layers.append(_Block(channels, wide, 1 if wide == channels else 2, batch_norm))
                channels = wide
        self.body = nn.Sequential(*layers, nn.AvgPool2d(8), nn.Flatten())
        self.head = nn.Linear(feature_dim, num_classes)


NETWORKS: dict[str, type[ConvClassifier] | type[ResidualClassifier]] = {
    "convolutional": ConvClassifier,
    "strided": StridedClassifier,
    "residual": ResidualClassifier,
}


class ConvDecoder(nn.Module):
    """Map from features back to 28x28 grey images in [0, 1], for live previews.

    Parameters
    ----------
    scale : Tensor
        (d,) typical size of each feature; inputs are divided by it.
    """

    scale: Tensor

    def __init__(self, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.dense = nn.Sequential(
            nn.Linear(len(scale), 128), nn.ReLU(), nn.Linear(128, 32 * 7 * 7), nn.ReLU()
        )
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(32, 32, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(32, 16, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 1, 3, padding=1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Images: (n, d) features -> (n, 1, 28, 28) in [0, 1]."""
        hidden = self.dense(features / self.scale)
        return torch.sigmoid(self.grow(hidden.reshape(-1, 32, 7, 7)))


def fold_batch_norm(trained: Net) -> Net:
    """Return the plain form of a trained classifier, equal to it in eval mode.

    Each batch normalisation is folded into the convolution before it; dropout is dropped.
    """
    plain = copy.deepcopy(trained).eval()
    for module in reversed(list(plain.modules())):  # the innermost first
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Sequential):
                setattr(module, name, _folded(child))
    return plain


def _folded(sequence: nn.Sequential) -> nn.Sequential:
    plain: list[nn.Module] = []
    for layer in sequence:
        if isinstance(layer, nn.BatchNorm2d):
            before = plain.pop()
            assert isinstance(before, nn.Conv2d)
            plain.append(fuse_conv_bn_eval(before, layer))
        elif not isinstance(layer, nn.Dropout):
            plain.append(layer)
    return nn.Sequential(*plain)


@torch.no_grad()
def evaluate(function: Callable[[Tensor], Tensor], inputs: Tensor, batch: int = 1000) -> Tensor:
    """Apply a torch function to the rows of `inputs` in batches."""
    return torch.cat([function(part) for part in inputs.split(batch)])
