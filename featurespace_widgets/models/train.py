"""Train a bundled model: ``python -m featurespace_widgets.models.train NAME --data DIR``."""

from __future__ import annotations

import argparse
import datetime
import platform
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import Bounds
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from ..geometry.head import LinearHead
from ..geometry.lift import Lifter
from ..geometry.plane import boundary_plane
from .datasets import ImageSet, read_dataset
from .expansion import Expansion, prepare
from .networks import NETWORKS, Classifier, ConvDecoder, evaluate, fold_batch_norm
from .recipes import RECIPES, DatasetFacts, Recipe
from .store import BUNDLED, read_examples, write_dataset, write_model

Net = TypeVar("Net", bound=nn.Module)

BATCH = 128
GROWS, FIRST = 0.3, 0.01  # share of the steps in which the distance grows, and of it where it begins
AVERAGED_EVERY = 10  # steps between two weights that are averaged
BANK_TRAIN, BANK_TEST = 400, 100  # images of each class that ship
LIFT_SAMPLES, LIFTED = 1200, 300  # samples to lift towards and lifted points, of each class triple


def _pixels(images: Any) -> Tensor:
    return torch.as_tensor(images).float().div_(255.0)


def _augment(batch: Tensor, recipe: Recipe) -> Tensor:
    """Shift each image by a few pixels; flip half of them where that keeps the class."""
    count, _, height, width = batch.shape
    windows = functional.pad(batch, (recipe.shift,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    down, right = torch.randint(0, 2 * recipe.shift + 1, (2, count))
    moved = windows[torch.arange(count), :, down, right]
    if recipe.dataset.mirror:
        flip = torch.rand(count) < 0.5
        moved[flip] = moved[flip].flip(-1)
    return moved


def _fast_layout(network: nn.Module) -> None:
    """Lay the convolutions out as the CPU's kernels like them."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _batches(count: int, title: str) -> tqdm[Tensor]:
    return tqdm(torch.randperm(count).split(BATCH), desc=title, mininterval=2.0)


def _optimiser(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """Stochastic gradients where there are many epochs, Adam where there are few."""
    if recipe.network == "residual":
        return torch.optim.SGD(network.parameters(), lr=0.15, momentum=0.9, weight_decay=5e-4, nesterov=True)
    return torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01 if recipe.distance else 0.05)


def train_classifier(recipe: Recipe, train: ImageSet) -> Classifier:
    """Train the classifier of a recipe; returns its plain form, rounded to float16 weights."""
    torch.manual_seed(recipe.seed)
    images, labels = _pixels(train.images), torch.as_tensor(train.labels)
    network: Classifier = NETWORKS[recipe.network](
        recipe.feature_dim,
        len(recipe.dataset.class_names),
        relu_features=recipe.relu_features,
        batch_norm=not recipe.distance,
    )
    expansion = None
    if recipe.distance:
        prepare(network)
        expansion = Expansion(network, images.shape[1:])
    _fast_layout(network)
    optimiser = _optimiser(recipe, network)
    steps = recipe.epochs * -(-len(images) // BATCH)
    peak = optimiser.param_groups[0]["lr"]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, peak, steps, pct_start=0.2, cycle_momentum=recipe.network != "residual"
    )
    for epoch in range(recipe.epochs):
        network.train()
        for rows in (bar := _batches(len(images), f"{recipe.name} classifier {epoch + 1}/{recipe.epochs}")):
            gains: Tensor | float = 0.0
            if expansion is not None:
                grown = min(1.0, schedule.last_epoch / (GROWS * steps))
                gains = expansion.gains(labels[rows], recipe.distance * FIRST ** (1.0 - grown))
            loss = _loss(recipe, network, images[rows], labels[rows], gains)
            optimiser.zero_grad()
            loss.backward()
            if expansion is not None:
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return _rounded(fold_batch_norm(network))


def average_weights(recipe: Recipe, classifier: Classifier, train: ImageSet) -> Classifier:
    """Train a plain classifier on at a constant rate; returns the mean of its weights on the way.

    The mean of points around a minimum errs less on images not seen than any of them (stochastic
    weight averaging, Izmailov et al. 2018). The plain form has no batch statistics to measure again.
    """
    torch.manual_seed(recipe.seed)
    images, labels = _pixels(train.images), torch.as_tensor(train.labels)
    _fast_layout(classifier.requires_grad_(True).train())
    optimiser = torch.optim.SGD(
        classifier.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    mean, step = AveragedModel(classifier), 0
    for epoch in range(recipe.averaged_epochs):
        title = f"{recipe.name} averaging {epoch + 1}/{recipe.averaged_epochs}"
        for rows in (bar := _batches(len(images), title)):
            loss = _loss(recipe, classifier, images[rows], labels[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
            optimiser.step()
            if (step := step + 1) % AVERAGED_EVERY == 0:
                mean.update_parameters(classifier)
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    classifier.load_state_dict(mean.module.state_dict())
    return _rounded(classifier)


def _loss(
    recipe: Recipe, network: Classifier, images: Tensor, labels: Tensor, gains: Tensor | float = 0.0
) -> Tensor:
    """Cross-entropy of logits (n, K) to which the gains (n, K) of other classes are added."""
    batch = _augment(images, recipe)
    with _half_precision():
        logits = network(batch.contiguous(memory_format=torch.channels_last))
    return functional.cross_entropy(logits.float() + gains, labels)


def _half_precision() -> torch.autocast:
    """bfloat16 where the processor computes with it; elsewhere it would take ten times as long."""
    return torch.autocast("cpu", torch.bfloat16, enabled="AVX512" in torch.backends.cpu.get_cpu_capability())


def train_decoder(recipe: Recipe, classifier: Classifier, train: ImageSet) -> ConvDecoder:
    """Train a decoder with feature consistency through the frozen classifier.

    Loss: ``MSE(D(y), x) + c * sum |phi(D(t)) - t|^2 / mean |y|^2`` over targets t: the batch,
    blends of two of its features and, where the recipe says so, lifted points of boundary planes,
    so that the decoder is also right between the samples, where people drag. With images first, c
    grows from zero between a quarter and three quarters of the steps: two features leave images so
    open that patterns only the model sees would win otherwise.
    """
    torch.manual_seed(recipe.seed + 1)
    _fast_layout(classifier.requires_grad_(False))
    images = _pixels(train.images)
    features = evaluate(classifier.features, images)
    lifted = None
    if recipe.lifted:
        lifted = lifted_points(recipe, classifier, features.double().numpy(), train.labels)
    size = features.square().sum(1).mean()
    spread = features.std(0)
    decoder = ConvDecoder(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))
    optimiser = torch.optim.AdamW(decoder.parameters(), lr=2e-3, weight_decay=1e-4)
    steps = recipe.decoder_epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, steps, pct_start=0.1)
    for epoch in range(recipe.decoder_epochs):
        for rows in (
            bar := _batches(len(images), f"{recipe.name} decoder {epoch + 1}/{recipe.decoder_epochs}")
        ):
            wanted = features[rows]
            share = torch.rand(len(rows), 1)
            blends = share * wanted + (1 - share) * wanted[torch.randperm(len(rows))]
            targets = torch.cat([wanted, blends])
            if lifted is not None:
                targets = torch.cat([targets, lifted[torch.randint(len(lifted), (len(rows),))]])
            with _half_precision():
                decoded = decoder(targets).float()
                landed = classifier.features(decoded.contiguous(memory_format=torch.channels_last))
            pixel_error = functional.mse_loss(decoded[: len(rows)], images[rows])
            residual = (landed.float() - targets).square().sum(1).mean()
            weight = recipe.consistency
            if recipe.images_first:
                weight *= min(1.0, max(0.0, 2.0 * schedule.last_epoch / steps - 0.5))
            loss = pixel_error + weight * len(targets) / len(rows) * residual / size
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            bar.set_postfix(
                pixels=f"{pixel_error.item():.4f}", features=f"{residual.item() / size:.4f}", refresh=False
            )
    return _rounded(decoder)


def lifted_points(
    recipe: Recipe, classifier: Classifier, features: NDArray[np.float64], labels: NDArray[np.int64]
) -> Tensor:
    """Lifted points, uniform over the busy part of the boundary planes of all class triples."""
    chance = np.random.default_rng(recipe.seed)
    head = LinearHead(classifier.head.weight.double().numpy(), classifier.head.bias.double().numpy())
    domain = Bounds(np.zeros(head.dimension), np.inf) if recipe.relu_features else None
    right = head.predict(features) == labels
    found = []
    for triple in combinations(range(head.num_classes), 3):
        rows = np.flatnonzero(np.isin(labels, triple) & right)
        if not len(rows):
            continue  # a classifier that knows none of them has nothing to stay near
        some = features[chance.choice(rows, min(LIFT_SAMPLES, len(rows)), replace=False)]
        plane = boundary_plane(head, domain, triple, features[rows], labels[rows])
        low, high = np.quantile(plane.to_plane(some), (0.02, 0.98), axis=0)
        found.append(Lifter(plane, some)(chance.uniform(low, high, (LIFTED, 2))).points)
    points = np.concatenate(found)
    return torch.as_tensor(points[np.isfinite(points).all(axis=1)], dtype=torch.float32)


def _rounded(network: Net) -> Net:
    """Round the weights to float16 and keep computing in float32: what ships is what is measured."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.copy_(tensor.half().float())
    return network.eval()


def measure(classifier: Classifier, decoder: ConvDecoder | None, test: ImageSet) -> dict[str, float]:
    """Figures on the full test set for the model card."""
    images, labels = _pixels(test.images), torch.as_tensor(test.labels)
    features = evaluate(classifier.features, images)
    predicted = classifier.head(features).argmax(1)
    figures = {"test_accuracy": (predicted == labels).double().mean().item()}
    if decoder is None:
        return figures
    decoded = evaluate(decoder, features)
    landed = evaluate(classifier.features, decoded)
    seen = classifier.head(landed).argmax(1)
    relative = ((landed - features).square().sum(1) / features.square().sum(1).mean()).sqrt()
    return figures | {
        "decoded_class_kept": (seen == predicted).double().mean().item(),
        "decoded_pixel_rms": (decoded - images).square().mean().sqrt().item(),
        "decoded_feature_residual": relative.median().item(),
    }


def make_bank(dataset: DatasetFacts, parts: dict[str, ImageSet], folder: Path) -> dict[str, ImageSet]:
    """Choose the samples whose features ship; write those images that may be handed on."""
    bank = {
        "train": parts["train"].first_of_each_class(BANK_TRAIN),
        "test": parts["test"].first_of_each_class(BANK_TEST),
    }
    if dataset.ships:
        write_dataset(folder, dataset.name, bank)
        return bank
    examples = read_examples(dataset.name)
    write_dataset(folder, dataset.name, {"examples": examples})
    return bank | {"examples": examples}


def train(recipe: Recipe, data: Path, folder: Path = BUNDLED) -> dict[str, Any]:
    """Train, measure and write one model; returns its card."""
    parts = read_dataset(recipe.dataset, data)
    classifier = train_classifier(recipe, parts["train"])
    if recipe.averaged_epochs:
        classifier = average_weights(recipe, classifier, parts["train"])
    return finish(recipe, classifier, parts, folder)


def finish(
    recipe: Recipe, classifier: Classifier, parts: dict[str, ImageSet], folder: Path
) -> dict[str, Any]:
    """Train the decoder of a trained classifier, measure both and write the model."""
    decoder = train_decoder(recipe, classifier, parts["train"]) if recipe.decoder_epochs else None
    bank = make_bank(recipe.dataset, parts, folder)
    arrays: dict[str, NDArray[Any]] = {
        part: evaluate(classifier.features, _pixels(images.images)).numpy() for part, images in bank.items()
    }
    with torch.no_grad():
        seen = classifier.head(torch.as_tensor(arrays["test"])).argmax(1).numpy()
    if not recipe.dataset.ships:
        arrays |= {f"{part}_labels": bank[part].labels.astype(np.uint8) for part in ("train", "test")}
    networks = {"classifier": classifier} | ({"decoder": decoder} if decoder else {})
    card = {
        "name": recipe.name,
        "dataset": recipe.dataset.name,
        "title": recipe.dataset.title,
        "data_licence": recipe.dataset.licence,
        "class_names": list(recipe.dataset.class_names),
        "feature_dim": recipe.feature_dim,
        "relu_features": recipe.relu_features,
        "network": recipe.network,
        "architecture": _describe(classifier),
        "decoder": _describe(decoder.dense) + " - " + _describe(decoder.grow) if decoder else None,
        "parameters": sum(p.numel() for net in networks.values() for p in net.parameters()),
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "averaged_epochs": recipe.averaged_epochs,
        "decoder_epochs": recipe.decoder_epochs,
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "machine": platform.machine(),
        **{key: round(value, 4) for key, value in measure(classifier, decoder, parts["test"]).items()},
        "bank_test_accuracy": round(float(np.mean(seen == bank["test"].labels)), 4),
    }
    weights = {
        f"{prefix}.{key}": value.half().numpy()
        for prefix, network in networks.items()
        for key, value in network.state_dict().items()
    }
    return write_model(folder, card, weights, arrays)


def _describe(network: nn.Module) -> str:
    layers = [layer for layer in network.modules() if not list(layer.children())]
    return " - ".join(
        f"{type(layer).__name__}({', '.join(str(n) for n in weight.shape[:2])})"
        if isinstance(weight := getattr(layer, "weight", None), Tensor)
        else type(layer).__name__
        for layer in layers
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train a bundled model from a full data set.")
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path, required=True, help="folder or archive of the full data set")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="folder to write the model to")
    arguments = parser.parse_args()
    card = train(RECIPES[arguments.name], arguments.data, arguments.out)
    for key in ("test_accuracy", "decoded_class_kept", "decoded_feature_residual", "decoded_pixel_rms"):
        if key in card:
            print(f"{key:28s} {card[key]:.4f}")


if __name__ == "__main__":
    main()
