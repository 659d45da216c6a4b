"""The result of a study: tidy arrays, where they come from, and how they are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.archives import read_npz
from ..models.store import write_atomically

__all__ = ["Answers", "Study", "joined", "read_answers", "write_answers"]


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers to a question about some items.

    Attributes
    ----------
    columns : dict of (n, ...) arrays
        One entry for each item.
    arrays : dict of arrays
        What does not go by items, such as weights of blends, one item's after another's.
    """

    columns: dict[str, NDArray[Any]]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Study:
    """The finished answers of a study.

    Attributes
    ----------
    kind : str
    columns : dict of (n, ...) arrays
        One entry for each item; ``error`` says why an item has no answer, empty where it has.
    arrays : dict of arrays
    provenance : dict
        Checksums of model and data, options with the seed, versions, times.

    Examples
    --------
    >>> Study("flips", {"row": np.arange(3), "error": np.array(["", "OSError: cut", ""])}, {}, {}).failures
    {1: 'OSError: cut'}
    """

    kind: str
    columns: dict[str, NDArray[Any]]
    arrays: dict[str, NDArray[Any]]
    provenance: dict[str, Any]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.columns:
            raise KeyError(f"the study has no column {name!r}; it has {', '.join(self.columns)}")
        return self.columns[name]

    def __repr__(self) -> str:
        return f"Study({self.kind!r}, {len(self)} rows, {len(self.failures)} failures)"

    @property
    def failures(self) -> dict[int, str]:
        """Why rows of the table have no answer."""
        errors = self.columns.get("error", np.empty(0, str))
        return {int(row): str(errors[row]) for row in np.flatnonzero(errors != "")}

    def to_frame(self) -> Any:
        """The columns with one value for each row as a pandas DataFrame.

        Raises
        ------
        ValueError
            Without pandas.
        """
        try:
            import pandas
        except ImportError as error:
            raise ValueError(
                f"to_frame() needs pandas ({error}): pip install pandas; the same columns are in .columns"
            ) from None
        return pandas.DataFrame({name: c for name, c in self.columns.items() if c.ndim == 1})

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``result.npz`` and ``provenance.json``; an interruption leaves no finished study."""
        path = Path(folder)
        (path / "result.npz").unlink(missing_ok=True)  # never an old result beside new provenance
        write_json(path / "provenance.json", self.provenance)
        write_answers(path / "result.npz", Answers(self.columns, self.arrays))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Study:
        """Read a finished study.

        Raises
        ------
        ValueError
            If the folder holds none, or its files are damaged.
        """
        path = Path(folder)
        if not (path / "result.npz").is_file():
            raise ValueError(f"{path} holds no finished study; the same call as before goes on with it")
        try:
            provenance = json.loads((path / "provenance.json").read_text())
            name = str(provenance["study"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{path / 'provenance.json'} is damaged ({error}); run the study again"
            ) from error
        answers = read_answers(path / "result.npz")
        return cls(name, answers.columns, answers.arrays, provenance)


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    """Write facts, whole or not at all."""
    write_atomically(path, (json.dumps(facts, indent=2) + "\n").encode())


def write_answers(path: Path, answers: Answers) -> None:
    """Write answers, whole or not at all."""
    buffer = BytesIO()
    named = {f"column.{name}": array for name, array in answers.columns.items()}
    named |= {f"array.{name}": array for name, array in answers.arrays.items()}
    np.savez(buffer, allow_pickle=False, **named)
    write_atomically(path, buffer.getvalue())


def read_answers(path: Path) -> Answers:
    """Read what `write_answers` wrote."""
    answers = Answers({})
    for key, array in read_npz(path).items():
        kind, _, name = key.partition(".")
        (answers.columns if kind == "column" else answers.arrays)[name] = array
    return answers


def joined(parts: Sequence[Answers]) -> Answers:
    """The answers of all parts, one after another."""
    if not parts:
        return Answers({})
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    arrays = {name: np.concatenate([part.arrays[name] for part in parts]) for name in parts[0].arrays}
    return Answers(columns, arrays)
