"""A small model, and things that go wrong in studies, importable by the workers of a cluster."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import torch


class Tiny(torch.nn.Module):
    """Pixels to four features through a ReLU: quick to flip and to certify."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.body = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 4), torch.nn.ReLU())

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)


class KillsItsWorker:
    """Images of which one kills the process that reads it, unless that is the coordinator's.

    Only once where there is a flag, a file that tells whether it happened.
    """

    def __init__(self, images, row: int, flag: Path | None = None) -> None:
        self.images, self.row, self.flag, self.coordinator = images, row, flag, os.getpid()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int):
        deadly = row == self.row and os.getpid() != self.coordinator
        if deadly and not (self.flag and self.flag.exists()):
            if self.flag:
                self.flag.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return self.images[row]


class Broken:
    """Images of which some cannot be read."""

    def __init__(self, images, rows) -> None:
        self.images, self.rows = images, frozenset(rows)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int):
        if row in self.rows:
            raise OSError(f"file {row} is cut")
        return self.images[row]


def start_after_killing(shard, flag: str | None) -> int:
    """A question to a shard that kills its worker: once where there is a flag, else always."""
    if flag is None or not Path(flag).exists():
        if flag:
            Path(flag).write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return shard.start
