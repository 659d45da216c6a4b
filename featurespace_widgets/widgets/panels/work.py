"""Work beside the drag: the newest question is computed in a thread once the point rests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from IPython.core.getipython import get_ipython

__all__ = ["Stopped", "Work", "Worker"]

REST = 0.2  # seconds without a newer question before work begins
PACE = 0.1  # seconds between two reports of progress
STEADY = 0.8  # share up to which a counted search is told as it is


class Stopped(Exception):
    """The work is not wanted any more."""


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of the kernel's thread; None in a plain script, whatever loop runs there."""
    if get_ipython() is None:
        return None
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Work:
    """One question being computed: asks whether it is still wanted, tells how far it is."""

    def __init__(self, report: Callable[[float], None]) -> None:
        self.computing = False
        self._stop = threading.Event()
        self._report = report
        self._told = time.monotonic()
        self._loop = _kernel_loop()

    def stop(self) -> None:
        """Not wanted any more."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether it is not wanted any more."""
        return self._stop.is_set()

    def rests(self) -> bool:
        """Wait for the point to rest; False where a newer question came meanwhile."""
        return not self._stop.wait(REST)

    def progress(self, share: float) -> None:
        """Tell the share done, from 0 to 1; raises `Stopped` when not wanted any more."""
        if self.stopped():
            raise Stopped
        if time.monotonic() - self._told >= PACE:
            self._told = time.monotonic()
            self.deliver(lambda: self._report(share))

    def counter(self, steps: int) -> Callable[[], bool]:
        """A ``cancelled`` for searches that ask it before each step, of about as many as given.

        Of a longer search the share nears 1 and never stands still.
        """
        done = 0

        def asked() -> bool:
            nonlocal done
            share, rest = done / steps, 1.0 - STEADY
            self.progress(share if share < STEADY else 1.0 - rest * rest / (share + rest - STEADY))
            done += 1
            return False

        return asked

    def deliver(self, call: Callable[[], None]) -> None:
        """Call in the kernel's own thread, which owns the widgets, unless a newer question came."""

        def wanted() -> None:
            if not self.stopped():
                call()

        if self._loop is None:
            wanted()
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(wanted)


class Worker:
    """One thread for all panels; a new question stops the one before, and does not wait for its end."""

    def __init__(self) -> None:
        self._pool = _thread()
        self._work: Work | None = None

    def cancel(self) -> None:
        """Stop what is running or waiting."""
        if self._work is not None:
            self._work.stop()
            if self._work.computing:
                self._pool.shutdown(wait=False)
                self._pool = _thread()
            self._work = None

    def close(self) -> None:
        """Stop what is running and end the thread; nothing can be asked afterwards."""
        self.cancel()
        self._pool.shutdown(wait=False)

    def ask(
        self,
        compute: Callable[[Work], Any],
        show: Callable[[Any], None],
        fail: Callable[[Exception], None],
        report: Callable[[float], None],
    ) -> Work:
        """Compute in the thread, then show, fail or report in the caller's."""
        self.cancel()
        work = self._work = Work(report)
        self._pool.submit(_run, work, compute, show, fail)
        return work


def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="featurespace-panels")


def _run(
    work: Work,
    compute: Callable[[Work], Any],
    show: Callable[[Any], None],
    fail: Callable[[Exception], None],
) -> None:
    if not work.rests():
        return
    work.computing = True  # from here on cancel() leaves this thread to its end
    try:
        if work.stopped():
            return
        answer = compute(work)
    except Stopped:
        return
    except Exception as error:  # shown to the person
        problem = error
        work.deliver(lambda: fail(problem))
        return
    finally:
        work.computing = False
    work.deliver(lambda: show(answer))
