"""Reading YAML that somebody else wrote: small, shallow, without aliases, and with line numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

__all__ = ["LessonError", "Place", "Problem", "Source", "read_source"]

MOST_BYTES = 100_000
MOST_EVENTS = 20_000
DEEPEST = 8

Place = tuple[str | int, ...]  # keys and indices that lead to a value


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a lesson.

    Attributes
    ----------
    message : str
        What was received and what is allowed.
    place : tuple
        Keys and indices that lead there, e.g. ``("steps", 2, "question", "answer")``.
    line : int or None
        Line of the file, from 1.
    """

    message: str
    place: Place = ()
    line: int | None = None

    def __str__(self) -> str:
        where = []
        rest = self.place
        if len(rest) > 1 and rest[0] == "steps":
            where.append(f"step {int(rest[1]) + 1}")
            rest = rest[2:]
        if rest:
            where.append("field " + ".".join(str(part) for part in rest))
        if self.line is not None:
            where.append(f"line {self.line}")
        return f"{', '.join(where)}: {self.message}" if where else self.message


class LessonError(ValueError):
    """A lesson cannot be used; names the file and, for each problem, step, field and line.

    Attributes
    ----------
    source : str
        The file, or what stood in its place.
    problems : tuple of Problem
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.source, self.problems = source, tuple(problems)
        super().__init__(f"{source}: " + "; ".join(str(problem) for problem in problems))


@dataclass(frozen=True)
class Source:
    """What was read.

    Attributes
    ----------
    name : str
    content : object
        Plain values.
    lines : dict
        Line of the file for each place.
    """

    name: str
    content: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int | None:
        """Line of a place, or of the nearest thing around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place)


def read_source(given: str | PathLike[str] | dict[str, Any]) -> Source:
    """Read a YAML file, YAML text (a text of several lines) or a dict.

    Raises
    ------
    LessonError
        If it is no readable file or no YAML, too long, too deep, or has aliases or a key twice.
    """
    if isinstance(given, dict):
        return Source("the lesson", given, {})
    if isinstance(given, str) and "\n" in given:
        name, text = "the lesson", given
        if len(text.encode(errors="replace")) > MOST_BYTES:
            raise LessonError(name, [Problem(_too_long("it"))])
    elif isinstance(given, str | PathLike):
        name, text = str(given), _read(Path(given))
    else:
        raise LessonError(
            "the lesson",
            [Problem(f"it must be a file, YAML text or a dict, received {type(given).__name__}")],
        )
    try:
        _check_events(name, text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Place, int] = {}
        if node is not None:
            lines = dict(_lines(name, node, ()))
        return Source(name, yaml.safe_load(text), lines)
    except yaml.YAMLError as error:
        raise LessonError(name, [_yaml_problem(error)]) from None
    except (ValueError, OverflowError, RecursionError) as error:  # of a scalar: a date, a huge number
        if isinstance(error, LessonError):
            raise
        raise LessonError(name, [Problem(f"a value cannot be read: {error}")]) from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise LessonError(str(path), [Problem(f"the file cannot be read: {error}")]) from None
    if len(data) > MOST_BYTES:
        raise LessonError(str(path), [Problem(_too_long("the file"))])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LessonError(str(path), [Problem("the file must be text in UTF-8")]) from None


def _too_long(what: str) -> str:
    return f"{what} must have at most {MOST_BYTES:,} bytes; a lesson is a small file"


def _check_events(name: str, text: str) -> None:
    """Refuse aliases and great depth before anything is built from the text."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            problem = "aliases (& and *) are not allowed; write the value again"
            raise LessonError(name, [Problem(problem, line=line)])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST or count > MOST_EVENTS:
            what = f"more than {DEEPEST} levels" if depth > DEEPEST else f"more than {MOST_EVENTS:,} values"
            raise LessonError(name, [Problem(f"{what}: this is no lesson", line=line)])


def _lines(name: str, node: Any, place: Place) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _lines(name, child, (*place, index))
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, child in node.value:
            word = str(key.value)
            line = key.start_mark.line + 1
            if word in seen:
                raise LessonError(name, [Problem("this stands here twice", (*place, word), line)])
            seen.add(word)
            yield from _lines(name, child, (*place, word))


def _yaml_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    text = getattr(error, "problem", None) or "it cannot be read"
    return Problem(f"this is not YAML: {text}", line=None if mark is None else mark.line + 1)
