"""What a panel answers, waited for."""

from __future__ import annotations

import time


def answer(panel, before=None, seconds=90):
    """The panel's next answer, drawn."""
    end = time.monotonic() + seconds
    while panel.answer is None or panel.answer is before or not panel._settled:
        assert time.monotonic() < end, panel.text.value
        time.sleep(0.02)
    for _ in range(2):  # it is drawn, and what follows from it, too
        panel._worker._pool.submit(lambda: None).result()
    return panel.answer


def wait(value, seconds=60):
    """The first true value; polls, since a thread is at work."""
    end = time.monotonic() + seconds
    while not (got := value()):
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.02)
    return got
