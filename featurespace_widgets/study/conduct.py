"""How a study is conducted: in parts that are kept as they finish, so that nothing is asked twice."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .provenance import check_same, circumstances
from .run import Lost, run_parts
from .table import Answers, Study, joined, read_answers, write_answers, write_json

__all__ = ["Rows", "chosen_rows", "conduct", "in_parts"]

Rows = NDArray[np.intp]


def chosen_rows(count: int, sample: int | None, seed: int) -> Rows:
    """All rows of a data set, or a sorted random sample of them.

    Raises
    ------
    ValueError
        If there are not so many.
    """
    if sample is None:
        return np.arange(count)
    if not 1 <= sample <= count:
        raise ValueError(f"sample must be from 1 to {count}, the size of the data set, received {sample}")
    return np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))


def in_parts(rows: Rows, size: int) -> list[Rows]:
    """Rows in groups of at most `size`."""
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def conduct(
    made_from: dict[str, Any],
    path: str | os.PathLike[str] | None,
    parts: Sequence[Rows],
    task: Callable[..., Answers],
    shared: Any,
    arguments: Callable[[Rows], tuple[Any, ...]],
    *,
    lost: Callable[[Rows, str], Answers] | None = None,
    finish: Callable[[Answers], Answers] | None = None,
    client: Any = None,
    progress: bool = True,
) -> Study:
    """Ask ``task(shared, rows, *arguments(rows))`` of all parts and put the answers together.

    Parameters
    ----------
    made_from : dict
        What the study is, see `provenance.identity`.
    path : path, optional
        Folder for parts, result and provenance.
    lost : function, optional
        Answers in place of those of a part whose workers died; without it that ends the study.
    finish : function, optional
        Makes the table of all answers.

    Raises
    ------
    ValueError
        If the folder holds another study.
    """
    folder = None if path is None else Path(path)
    if folder is not None and (folder / "result.npz").exists():
        _begin(folder, made_from)
        return Study.load(folder)
    provenance = {**made_from, **circumstances()} if folder is None else _begin(folder, made_from)
    found = _kept(folder, len(parts))
    missing = [number for number in range(len(parts)) if number not in found]
    work = ((number, (parts[number], *arguments(parts[number]))) for number in missing)
    started = time.perf_counter()
    with tqdm(total=sum(map(len, parts)), desc=made_from["study"], disable=not progress) as bar:
        bar.update(sum(len(parts[number]) for number in found))
        for number, answer in run_parts(task, shared, work, client):
            if isinstance(answer, Lost):
                if lost is None:
                    raise RuntimeError(f"part {number} of the study is lost: {answer.reason}")
                answer = lost(parts[number], answer.reason)
            found[number] = answer
            if folder is not None:
                write_answers(_part(folder, number), answer)
            bar.update(len(parts[number]))
    answers = joined([found[number] for number in range(len(parts))])
    answers = answers if finish is None else finish(answers)
    provenance["seconds"] = round(time.perf_counter() - started, 3)
    study = Study(made_from["study"], answers.columns, answers.arrays, provenance)
    if folder is not None:
        study.save(folder)
        shutil.rmtree(folder / "parts", ignore_errors=True)
    return study


def _begin(folder: Path, made_from: dict[str, Any]) -> dict[str, Any]:
    """Provenance of the study in a folder: that of an earlier run, or a new one."""
    file = folder / "provenance.json"
    if file.exists():
        stored: dict[str, Any] = json.loads(file.read_text())
        check_same(folder, stored, made_from)
        return stored
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} holds something that is no study; choose another folder")
    provenance = {**made_from, **circumstances()}
    write_json(file, provenance)
    return provenance


def _part(folder: Path, number: int) -> Path:
    return folder / "parts" / f"{number:06d}.npz"


def _kept(folder: Path | None, count: int) -> dict[int, Answers]:
    if folder is None:
        return {}
    there = [number for number in range(count) if _part(folder, number).exists()]
    return {number: read_answers(_part(folder, number)) for number in there}
