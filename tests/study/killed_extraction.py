"""Extract features in processes that are killed at random moments; prints what was left at the end.

Run as a program: ``killed_extraction.py FOLDER KILLS``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
import zarr  # noqa: F401 (loaded before the forks, to have quick children)

from featurespace_widgets import FeatureSpace, LinearHead, study

CHUNKS, ROWS, DIMENSION = 150, 8, 6


class Slow(torch.nn.Module):
    """A linear map that takes its time, and notes each batch."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.nn.Parameter(torch.randn(DIMENSION, 16, generator=generator))
        self.log = log

    def features(self, images):
        time.sleep(0.01)
        with self.log.open("a") as stream:
            stream.write("x")
        return images.flatten(1) @ self.weight.T


def batches(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    random.seed(7)
    images = np.random.default_rng(0).integers(0, 256, (CHUNKS * ROWS - 3, 1, 4, 4), np.uint8)
    labels = np.arange(len(images)) % 3
    network = Slow(folder / "log")
    space = FeatureSpace(LinearHead(np.eye(3, DIMENSION)), classifier=network)

    def extract():
        return study.extract(
            space, images, folder / "bank", labels=labels, batch_size=ROWS, dtype="float16", progress=False
        )

    struck = 0
    for _ in range(kills):
        child = os.fork()
        if not child:
            extract()
            os._exit(0)
        wanted = batches(network.log) + random.randrange(12)  # not by the clock: a busy machine is slow
        while batches(network.log) < wanted:
            time.sleep(0.001)
        time.sleep(random.uniform(0.0, 0.02))
        os.kill(child, signal.SIGKILL)
        struck += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    before = batches(network.log)
    bank = extract()
    with torch.no_grad():
        wanted = network.features(torch.as_tensor(images / np.float32(255))).numpy().astype(np.float16)
    print(
        json.dumps(
            {
                "struck": struck,
                "before": before,
                "batches": batches(network.log) - 1,
                "chunks": bank.chunks,
                "equal": bool((bank.features == wanted).all()) and bank.features.shape == wanted.shape,
                "thumbnails": bool((bank.thumbnails == images).all()),
                "labels": bool((bank.labels == labels).all()),
                "failures": bank.failures,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
