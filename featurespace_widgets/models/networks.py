"""The small networks of the bundled zoo: plain stacks of affine layers and ReLU."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["ConvClassifier", "ConvDecoder", "evaluate", "fold_batch_norm"]

# (input channels, output channels, stride) of the 3x3 convolutions: 28x28 -> 28 -> 14 -> 14 -> 7.
# Strides instead of max pooling keep the network a plain ReLU stack, the family for which exact
# pixel-space regions and linear-relaxation bounds are known.
_CONVOLUTIONS = ((1, 32, 1), (32, 48, 2), (48, 64, 1), (64, 64, 2))
_FLAT = 64 * 7 * 7


class ConvClassifier(nn.Module):
    """Classifier of 28x28 grey images whose last layer is affine on ``feature_dim`` features.

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

    def __init__(
        self,
        feature_dim: int,
        num_classes: int = 10,
        *,
        relu_features: bool = True,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        self.relu_features = relu_features
        layers: list[nn.Module] = []
        for channels_in, channels_out, stride in _CONVOLUTIONS:
            layers.append(nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels_out))
            layers.append(nn.ReLU())
        layers.append(nn.Flatten())
        if batch_norm:
            layers.append(nn.Dropout(0.3))
        layers.append(nn.Linear(_FLAT, 64))
        layers.append(nn.ReLU())
        if not relu_features:
            layers.append(nn.Linear(64, feature_dim))
        elif feature_dim != 64:
            raise ValueError(f"ReLU features of the zoo are 64 wide, received {feature_dim}")
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(feature_dim, num_classes)

    def features(self, images: Tensor) -> Tensor:
        """Features phi(x): (n, 1, 28, 28) images in [0, 1] -> (n, d)."""
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits: (n, 1, 28, 28) images in [0, 1] -> (n, K)."""
        logits: Tensor = self.head(self.features(images))
        return logits


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


def fold_batch_norm(trained: ConvClassifier) -> ConvClassifier:
    """Return the plain form of a trained classifier, equal to it in eval mode.

    Each batch normalisation is folded into the convolution before it; dropout is dropped.
    """
    trained.eval()
    plain = ConvClassifier(
        trained.feature_dim, trained.head.out_features, relu_features=trained.relu_features
    )
    source = [layer for layer in trained.body if not isinstance(layer, nn.Dropout)]
    folded: list[nn.Module] = []
    for layer in source:
        if isinstance(layer, nn.BatchNorm2d):
            previous = folded.pop()
            assert isinstance(previous, nn.Conv2d)
            folded.append(fuse_conv_bn_eval(previous, layer))
        else:
            folded.append(layer)
    plain.body = nn.Sequential(*folded)
    plain.head = trained.head
    return plain.eval()


@torch.no_grad()
def evaluate(function: Callable[[Tensor], Tensor], inputs: Tensor, batch: int = 1000) -> Tensor:
    """Apply a torch function to the rows of `inputs` in batches."""
    return torch.cat([function(part) for part in inputs.split(batch)])
