"""Running the parts of a study: in this process, or on the workers of a Dask client."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

__all__ = ["Lost", "run_parts"]

AHEAD = 2  # parts handed out for each thread of the workers
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """Stands for the result of a part whose workers died again and again."""

    reason: str


def run_parts(
    task: Callable[..., Result],
    shared: Any,
    parts: Iterable[tuple[int, tuple[Any, ...]]],
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
    task: Callable[..., Result], shared: Any, parts: Iterable[tuple[int, tuple[Any, ...]]], client: Any
) -> Iterator[tuple[int, Result | Lost]]:
    from distributed import as_completed

    with warnings.catch_warnings():
        # Dask would rather have large things scattered, but what is scattered dies with its worker.
        warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
        everywhere = client.submit(_identity, shared, pure=False)
    waiting = iter(parts)
    numbers: dict[str, int] = {}
    futures: dict[str, Any] = {}
    finished = as_completed([], loop=client.loop)

    def start(number: int, arguments: tuple[Any, ...]) -> None:
        future = client.submit(task, everywhere, *arguments, pure=False)
        numbers[future.key], futures[future.key] = number, future
        finished.add(future)

    try:
        for part in islice(waiting, max(2, AHEAD * sum(client.nthreads().values()))):
            start(*part)
        for future in finished:
            del futures[future.key]
            yield numbers.pop(future.key), _result(future)
            for part in islice(waiting, 1):
                start(*part)
    finally:
        client.cancel(list(futures.values()))


def _identity(shared: Any) -> Any:
    return shared


def _result(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as error:
        return Lost(f"its workers died again and again: {error}")
