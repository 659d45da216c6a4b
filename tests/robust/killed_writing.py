"""Save an explorer in processes that are killed at random moments; prints what was struck and read.

Run as a program: ``killed_writing.py FOLDER KILLS``. Each child overwrites the same files with those of two
points in turn; after each kill every file must be one of the two, whole.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

import featurespace_widgets as fsw

NAMES = ("slice.svg", "slice.npz", "slice.json", "slice.png")


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    chance, explorer, whole = random.Random(5), fsw.Explorer(fsw.load("mnist-2d")), {}
    explorer.tabs.stop()  # a fork keeps no threads
    view = fsw.SliceView(explorer.space)
    for point in [(0.5, 0.25), (-0.5, 1.0)]:
        view.move_to(point)
        for name in NAMES:
            view.save(folder / name)
            whole.setdefault(name, []).append((folder / name).read_bytes())
    assert all(first != second for first, second in whole.values())
    log, struck, read = folder / "log", 0, 0
    log.touch()
    for _ in range(kills):
        child = os.fork()
        if not child:
            while True:
                for point in [(0.5, 0.25), (-0.5, 1.0)]:
                    view.move_to(point)
                    for name in NAMES:
                        view.save(folder / name)
                        with log.open("a") as stream:
                            stream.write("x")
        wanted = log.stat().st_size + chance.randrange(6)  # not by the clock: a busy machine is slow
        while log.stat().st_size < wanted:
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.03))
        os.kill(child, signal.SIGKILL)
        struck += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        for name in NAMES:
            assert (folder / name).read_bytes() in whole[name], f"{name} is neither of the two"
            read += 1
    print(json.dumps({"struck": struck, "read": read, "saved": log.stat().st_size}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
