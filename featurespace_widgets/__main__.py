"""The command line: ``python -m featurespace_widgets list | extract | study | lab | gallery``."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from .space import FeatureSpace

__all__ = ["main"]

STUDIES = ("extrapolation", "adjacency", "flips", "certify")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help says more)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0, 2 for what a person can mend, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"{options.prog}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{options.prog}: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130
    return code


def _parser() -> _Parser:
    parser = _Parser("python -m featurespace_widgets", description="Studies of feature spaces.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    _command(commands, "list", _list, "List the bundled models.")

    found = _command(commands, "extract", _extract, "Write the features of many images to a bank on disk.")
    _model(found)
    found.add_argument("images", metavar="IMAGES", help="folder of pictures, or .npy file (n, C, H, W)")
    found.add_argument("--out", required=True, metavar="DIR", help="folder of the bank; goes on with one")
    found.add_argument("--dtype", choices=("float32", "float16"), default="float32", help="of the features")
    found.add_argument("--batch-size", type=int, default=256, metavar="N", help="images at a time")
    _cluster(found)

    found = _command(commands, "study", _study, "Ask a question about a whole data set.")
    found.add_argument("kind", metavar="STUDY", choices=STUDIES, help=", ".join(STUDIES))
    _model(found)
    found.add_argument(
        "items",
        nargs="?",
        metavar="ITEMS",
        help="flips, certify: folder of pictures or .npy file (n, C, H, W); extrapolation: .npy file of "
        "features (n, d) or the folder of a bank; the model's test data where not given",
    )
    found.add_argument("--out", required=True, metavar="DIR", help="folder of the study; goes on with one")
    found.add_argument("--data", metavar="DIR", help="full data set of the model")
    found.add_argument("--sample", type=int, metavar="N", help="that many items, drawn at random")
    found.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (0)")
    _cluster(found)

    found = _command(commands, "lab", _lab, "Open the explorer in JupyterLab.")
    found.add_argument("--model", default="fashion-mnist", metavar="MODEL", help="see the command list")
    found.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help="for the notebook (here)")
    found.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="for JupyterLab, after --")
    found = _command(commands, "gallery", _gallery, "Write pages of the lessons' pictures, without a kernel.")
    found.add_argument("folder", metavar="DIR", help="folder of the pages")
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run, prog=parser.prog)
    return parser


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="name of a bundled model, see the command list")


def _cluster(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="spread over N processes of this machine")
    where.add_argument("--scheduler", metavar="ADDRESS", help="spread over the workers of a Dask scheduler")


@contextmanager
def _client(options: argparse.Namespace) -> Iterator[Any]:
    if options.workers is None and options.scheduler is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ImportError(
            f"--workers and --scheduler need dask ({error}): pip install 'featurespace-widgets[study]'"
        ) from None
    if options.scheduler is not None:
        with Client(options.scheduler, timeout=10) as client:
            yield client
        return
    if options.workers < 1:
        raise ValueError(f"--workers must be at least 1, received {options.workers}")
    with (
        LocalCluster(n_workers=options.workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _list(_: argparse.Namespace) -> int:
    from .catalogue import available
    from .models.store import read_card

    names = available()
    width = max(map(len, names)) + 2
    for name in names:
        card = read_card(name)
        facts = f"{len(card['class_names'])} classes, {card['feature_dim']} features"
        print(f"{name:{width}}{card['title']}, {facts}, test accuracy {100 * card['test_accuracy']:.1f} %")
    return 0


def _channels(space: FeatureSpace) -> int:
    if space.pictured is None or space.pictured.images is None:
        raise ValueError(f"{space.title!r} has no images, so it is not known whether it sees colours")
    return int(space.pictured.images.shape[1])


def _extract(options: argparse.Namespace) -> int:
    from .catalogue import load
    from .study import extract
    from .study.pictures import read_images

    space = load(options.model)
    images = read_images(options.images, _channels(space), space.head.class_names)
    with _client(options) as client:
        bank = extract(
            space, images, options.out, dtype=options.dtype, batch_size=options.batch_size, client=client
        )
    for row, reason in bank.failures.items():
        name = images.files[row] if hasattr(images, "files") else f"image {row}"
        print(f"failed: {name}: {reason}")
    print(f"{len(bank.rows)} of {len(bank)} images, {bank.dimension} features each, in {options.out}")
    return 0


def _study(options: argparse.Namespace) -> int:
    from . import study
    from .catalogue import load

    space = load(options.model, data=options.data)
    with _client(options) as client:
        if options.kind == "adjacency":
            if options.items or options.sample is not None:
                raise ValueError("adjacency is of all pairs of classes: it takes no ITEMS and no --sample")
            found = study.adjacency(space, options.out, client=client)
        else:
            items = None if options.items is None else _items(options, space)
            ask = getattr(study, options.kind)
            found = ask(space, items, options.out, sample=options.sample, seed=options.seed, client=client)
    for row, reason in found.failures.items():
        print(f"failed: row {row}: {reason}")
    verdicts = Counter(found["verdict"].tolist())
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    print(f"{len(found)} rows ({counts}) in {options.out}")
    return 0


def _items(options: argparse.Namespace, space: FeatureSpace) -> Any:
    import numpy as np

    from .models.disk_bank import DiskBank
    from .study.pictures import read_images

    path = Path(options.items)
    if options.kind != "extrapolation":
        return read_images(path, _channels(space), space.head.class_names)
    if path.is_dir():
        return DiskBank(path).features
    if path.suffix != ".npy" or not path.is_file():
        raise ValueError(f"{path} is neither a .npy file of features (n, d) nor the folder of a bank")
    return np.load(path, mmap_mode="r")


def _gallery(options: argparse.Namespace) -> int:
    from .lessons import write_gallery

    pages = write_gallery(options.folder)
    print(f"{len(pages)} pages; open {pages[-1]}")
    return 0


def _lab(options: argparse.Namespace) -> int:
    from .catalogue import available
    from .models.store import write_atomically

    if options.model not in available():
        raise ValueError(f"unknown model {options.model!r}; available are {', '.join(available())}")
    if importlib.util.find_spec("jupyterlab") is None:
        raise ImportError("JupyterLab is not installed: pip install 'featurespace-widgets[lab]'")
    path = options.folder / f"explore-{options.model}.ipynb"
    if not path.exists():  # else it may hold a person's work
        write_atomically(path, json.dumps(_notebook(options.model), indent=1).encode())
    print(f"opening {path}")
    return subprocess.run([sys.executable, "-m", "jupyterlab", str(path), *options.arguments]).returncode


def _notebook(model: str) -> dict[str, Any]:
    source = f"import featurespace_widgets as fsw\n\nfsw.Explorer(fsw.load({model!r}))"
    cell = {"cell_type": "code", "id": "explore", "source": source, "metadata": {}}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": [{**cell, "execution_count": None, "outputs": []}],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


if __name__ == "__main__":
    sys.exit(main())
