"""The answers of a class, gathered from progress strings and files of answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from ..models.store import write_atomically
from ..widgets.lesson.progress import ProgressError, read_progress

__all__ = ["ClassAnswers", "collect"]

LARGEST = 1_000_000  # bytes of a file
MOST_FILES = 10_000
COLUMNS = ("student", "lesson", "step", "question", "given", "right", "tries", "source")


@dataclass(frozen=True)
class ClassAnswers:
    """Answers of a class.

    Attributes
    ----------
    rows : tuple of dict
        One for each answer: student, lesson, step (from 1), question, given, right (None: an open
        question, which nobody judged), tries, and the source it came from.
    damaged : tuple of (source, reason)
        What could not be read.
    """

    rows: tuple[dict[str, Any], ...]
    damaged: tuple[tuple[str, str], ...]

    def summary(self) -> list[dict[str, Any]]:
        """For each question how many answered, how many rightly, and their mean number of tries."""
        groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
        for row in self.rows:
            groups.setdefault((row["lesson"], row["step"], row["question"]), []).append(row)
        table = []
        for (lesson, step, question), rows in sorted(groups.items()):
            judged = [row["right"] for row in rows if row["right"] is not None]
            table.append(
                {
                    "lesson": lesson,
                    "step": step,
                    "question": question,
                    "answers": len(rows),
                    "right": sum(judged) if judged else None,
                    "mean_tries": sum(row["tries"] for row in rows) / len(rows),
                }
            )
        return table

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """All of it as JSON; written to a file as well where a path is given."""
        damaged = [{"source": source, "reason": reason} for source, reason in self.damaged]
        content = {"answers": list(self.rows), "summary": self.summary(), "damaged": damaged}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        if path is not None:
            write_atomically(Path(path), text.encode())
        return text

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(COLUMNS))


def collect(given: str | PathLike[str] | Iterable[str]) -> ClassAnswers:
    """Gather the answers of a class.

    Parameters
    ----------
    given : path of a folder, or texts
        A folder with the files that students handed in (``.json``, or ``.txt`` with a progress string),
        also in folders below it; or progress strings themselves. Only the progress string in a file counts,
        since it has a checksum; what stands beside it is for people. A file that cannot be read is
        reported in `ClassAnswers.damaged`, and the others are still read.

    Raises
    ------
    ValueError
        If the path is no folder.

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> question = {"kind": "number", "text": "How many features?", "answer": {"quantity": "features"}}
    >>> plan = {"title": "A look", "steps": [{"text": "Drag.", "question": question}]}
    >>> lesson = fsw.Explorer(fsw.load("mnist-2d"), lesson=plan).lesson
    >>> lesson.student, _ = "Ada", lesson.answer("2")
    >>> answers = fsw.lessons.collect([lesson.progress, "something else"])
    >>> [(row["student"], row["given"], row["right"]) for row in answers.rows]
    [('Ada', '2', True)]
    >>> answers.damaged[0][0]
    'text 2'
    """
    texts = _files(Path(given)) if isinstance(given, str | PathLike) else _texts(given)
    rows: list[dict[str, Any]] = []
    damaged: list[tuple[str, str]] = []
    for source, read in texts:
        try:
            progress = read_progress(read())
        except (ProgressError, OSError, ValueError, RecursionError) as error:
            damaged.append((source, str(error)))
            continue
        rows += [
            {
                "student": progress.student,
                "lesson": progress.lesson,
                "step": step + 1,
                "question": one.question,
                "given": one.text,
                "right": one.right,
                "tries": one.tries,
                "source": source,
            }
            for step, one in sorted(progress.answers.items())
        ]
    return ClassAnswers(tuple(rows), tuple(damaged))


def _texts(given: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for number, text in enumerate(given, 1):
        yield f"text {number}", lambda text=text: text


def _files(folder: Path) -> Iterator[tuple[str, Any]]:
    if not folder.is_dir():
        raise ValueError(f"expected a folder with files of answers, received {str(folder)!r}")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".json", ".txt"))
    if len(paths) > MOST_FILES:
        raise ValueError(f"the folder has {len(paths)} files, more than {MOST_FILES:,}: is it the right one?")
    for path in paths:
        yield str(path.relative_to(folder)), lambda path=path: _of_file(path)


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("the file is too large for answers")
    text = data.decode("utf-8-sig")
    if path.suffix.lower() == ".txt":
        return text
    content = json.loads(text)
    found = content.get("progress") if isinstance(content, dict) else None
    if not isinstance(found, str):
        raise ValueError("the file holds no progress string")
    return found
