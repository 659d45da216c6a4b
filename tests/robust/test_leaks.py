"""Explorers made, shown and closed leave nothing: no widget, no comm, no thread, no memory.

The long mode (``FSW_LONG=1 python -m pytest tests/robust/test_leaks.py -s``) does so 200 times.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections import Counter

import comm
from ipywidgets.widgets.widget import _instances

import featurespace_widgets as fsw
from robust.scale import tries


def threads() -> int:
    return sum(thread.name.startswith("featurespace") for thread in threading.enumerate())


def test_closed_explorers_leave_nothing():
    space, cycles = fsw.load("mnist-2d"), tries(12, 200)
    fsw.Explorer(space).close()
    widgets, comms, running = set(_instances), set(comm.get_comm_manager().comms), threads()
    made = []
    for _ in range(cycles):
        explorer = fsw.Explorer(space)
        explorer._repr_mimebundle_()
        made.append(weakref.ref(explorer.view))
        explorer.close()
        explorer.close()
    del explorer
    left = Counter(type(_instances[name]).__name__ for name in set(_instances) - widgets)
    assert not left
    assert set(comm.get_comm_manager().comms) == comms
    end = time.monotonic() + 20
    while threads() > running and time.monotonic() < end:
        time.sleep(0.05)
    assert threads() <= running
    gc.collect()
    alive = sum(view() is not None for view in made)
    print(f"\n{cycles} explorers made, shown and closed; {alive} views in memory")
    assert alive <= 1
