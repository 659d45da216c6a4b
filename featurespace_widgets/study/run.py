"""Running the parts of a study: in this process, or on the workers of a Dask client."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

__all__ = ["Lost", "on_every_worker", "run_parts"]

AHEAD = 2  # parts handed out for each thread of the workers
PATIENCE = 20.0  # seconds without a result before asking whether anybody works on one
Result = TypeVar("Result")
Part = tuple[int, tuple[Any, ...]]  # its number and arguments


@dataclass(frozen=True)
class Lost:
    """Stands for the result of a part whose workers died again and again."""

    reason: str


def run_parts(
    task: Callable[..., Result],
    shared: Any,
    parts: Iterable[Part],
    client: Any = None,
) -> Iterator[tuple[int, Result | Lost]]:
    """Numbers and results of ``task(shared, *arguments)``, in the order in which the parts finish.

    Parameters
    ----------
    task : function of a module, which workers can import
    shared : what every part needs, e.g. a model
    parts : (number, arguments) pairs
        Taken as they are needed, so they need not fit into memory together.
    client : distributed.Client, optional
        Without one the parts run here, one after the other.
    """
    if client is None:
        for number, arguments in parts:
            yield number, task(shared, *arguments)
    else:
        yield from _on_workers(task, shared, parts, client)


def _on_workers(
    task: Callable[..., Result], shared: Any, parts: Iterable[Part], client: Any
) -> Iterator[tuple[int, Result | Lost]]:
    lost = []
    window = max(2, AHEAD * sum(client.nthreads().values()))
    for part, result in _in_flight(task, shared, parts, client, window):
        if isinstance(result, Lost):
            lost.append(part)
        else:
            yield part[0], result
    # Dask blames every part that was with a worker when it died; alone, the innocent ones get through.
    for part, result in _in_flight(task, shared, lost, client, 1):
        yield part[0], result


def _in_flight(
    task: Callable[..., Result], shared: Any, parts: Iterable[Part], client: Any, window: int
) -> Iterator[tuple[Part, Result | Lost]]:
    """Parts and results, with at most `window` parts handed out at a time."""
    from distributed import wait

    waiting = iter(parts)
    everywhere = on_every_worker(client, shared)
    handed: dict[str, tuple[Part, Any]] = {}

    def start(part: Part) -> None:
        future = client.submit(task, everywhere, *part[1], pure=False)
        handed[future.key] = part, future

    try:
        while True:
            for part in islice(waiting, window - len(handed)):
                start(part)
            if not handed:
                return
            futures = [future for _, future in handed.values()]
            try:
                done = wait(futures, timeout=PATIENCE, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                if not _worked_on(client, everywhere, *futures):
                    # When workers die at a bad moment the scheduler may forget what they were to do.
                    again = [part for part, _ in handed.values()]
                    client.cancel([everywhere, *futures])
                    handed.clear()
                    everywhere = on_every_worker(client, shared)
                    for part in again:
                        start(part)
                continue
            for future in done:
                part, _ = handed.pop(future.key)
                yield part, _result(future)
    finally:
        client.cancel([future for _, future in handed.values()])


def _worked_on(client: Any, *futures: Any) -> bool:
    """Whether a worker has one of these in hand."""
    busy = {key for keys in client.processing().values() for key in keys}
    return any(future.key in busy for future in futures)


def on_every_worker(client: Any, value: Any) -> Any:
    """A future of something that many tasks need; it outlives the workers that hold it."""
    with warnings.catch_warnings():
        # Dask would rather have large things scattered, but what is scattered dies with its worker.
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        return client.submit(_identity, value, pure=False)


def _identity(shared: Any) -> Any:
    return shared


def _result(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        return Lost(f"its workers died again and again: {error}")
