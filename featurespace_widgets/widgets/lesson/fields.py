"""Fields of a mapping that somebody wrote, checked as they are taken; what is wrong is noted, not raised."""

from __future__ import annotations

import math
from typing import Any

from .source import Place, Problem

__all__ = ["Fields"]


def _kind(value: Any) -> str:
    """What a value is, in a lecturer's words."""
    words = {bool: "yes or no", str: "a text", list: "a list", dict: "fields", int: "a number"}
    words[float] = words[int]
    return "nothing" if value is None else words.get(type(value), type(value).__name__)


class Fields:
    """The fields of one mapping.

    Parameters
    ----------
    content : object
        Should be a mapping.
    place : tuple
        Where it stands.
    problems : list of Problem
        Grows.
    """

    def __init__(self, content: Any, place: Place, problems: list[Problem]) -> None:
        self.place, self._problems = place, problems
        self._asked: list[str] = []
        self._content = content if isinstance(content, dict) else {}
        self._readable = isinstance(content, dict)
        if not self._readable:
            problems.append(Problem(f"must have fields (name: value), received {_kind(content)}", place))

    def problem(self, field: str, message: str) -> None:
        """Note what is wrong with a field."""
        self._problems.append(Problem(message, (*self.place, field)))

    def refuse_others(self) -> None:
        """Note the fields that nothing asked for."""
        for name in self._content:
            if name not in self._asked:
                shown = str(name)[:40]
                self.problem(shown, f"unknown field; allowed are {', '.join(dict.fromkeys(self._asked))}")

    def _take(self, name: str, required: bool = False) -> Any:
        self._asked.append(name)
        value = self._content.get(name)
        if value is None and required and self._readable:
            self.problem(name, "is missing")
        return value

    def text(self, name: str, longest: int, *, required: bool = False) -> str:
        """A text; empty where there is none."""
        value = self._take(name, required)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(name, f"must be a text, received {_kind(value)}; put it in quotes")
            return ""
        if required and not value.strip():
            self.problem(name, "must not be empty")
        return self._short_enough(name, value.strip(), longest)

    def _short_enough(self, name: str, value: str, longest: int) -> str:
        if len(value) > longest:
            self.problem(name, f"must have at most {longest} characters, received {len(value)}")
        return value

    def plain_text(self, name: str, longest: int, *, required: bool = False) -> str:
        """A text, or a number as it is written."""
        return self._plain(name, self._take(name, required), longest)

    def _plain(self, name: str, value: Any, longest: int) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            self.problem(name, "YAML reads yes, no, on, off, true and false as no texts; put them in quotes")
            return ""
        if not isinstance(value, str | int | float):
            self.problem(name, f"must be a text, received {_kind(value)}")
            return ""
        return self._short_enough(name, str(value).strip(), longest)

    def texts(self, name: str, longest: int) -> tuple[str, ...]:
        """One text or a list of texts."""
        value = self._take(name)
        if value is None:
            return ()
        values = value if isinstance(value, list) else [value]
        if not 1 <= len(values) <= 20:
            self.problem(name, f"must be a text or a list of 1 to 20 texts, received {len(values)}")
            return ()
        return tuple(self._plain(name, one, longest) for one in values)

    def choices(self, name: str, longest: int, *, required: bool) -> tuple[str, ...]:
        """Two to twelve different texts."""
        value = self._take(name, required)
        if value is None:
            return ()
        if not isinstance(value, list) or not 2 <= len(value) <= 12:
            count = len(value) if isinstance(value, list) else _kind(value)
            self.problem(name, f"must be a list of 2 to 12 texts, received {count}")
            return ()
        texts = tuple(self._plain(name, one, longest) for one in value)
        if len(set(texts)) < len(texts):
            self.problem(name, "must all be different")
        return texts

    def words(self, name: str, allowed: tuple[str, ...]) -> frozenset[str]:
        """A list of some of the allowed words."""
        value = self._take(name)
        if value is None:
            return frozenset()
        unknown = [one for one in value if one not in allowed] if isinstance(value, list) else [value]
        if unknown:
            self.problem(name, f"must be a list of {', '.join(allowed)}, received {str(unknown[0])[:40]!r}")
            return frozenset()
        return frozenset(value)

    def one_of(self, name: str, allowed: tuple[str, ...], *, required: bool = False) -> str | None:
        """One of the allowed words."""
        value = self._take(name, required)
        if value is None:
            return None
        if value not in allowed:
            self.problem(name, f"must be one of {', '.join(allowed)}, received {str(value)[:40]!r}")
            return None
        return str(value)

    def number(self, name: str, *, required: bool = False) -> float | None:
        """A finite number."""
        value = self._take(name, required)
        if value is None:
            return None
        if type(value) not in (int, float) or not math.isfinite(value):
            self.problem(name, f"must be a finite number, received {str(value)[:40]!r}")
            return None
        return float(value)

    def integer(self, name: str, least: int, most: int | None) -> int | None:
        """A whole number in a range."""
        value = self._take(name)
        if value is None:
            return None
        if type(value) is not int or value < least or (most is not None and value > most):
            limits = f"of {least} and more" if most is None else f"from {least} to {most}"
            self.problem(name, f"must be a whole number {limits}, received {str(value)[:40]!r}")
            return None
        return value

    def tolerance(self, name: str) -> tuple[float, bool]:
        """A tolerance and whether it is relative: ``0.1`` or ``5 %``."""
        value = self._take(name)
        if value is None:
            return 0.0, False
        relative = isinstance(value, str) and value.strip().endswith("%")
        try:
            if isinstance(value, bool) or (isinstance(value, str) and not relative):
                raise ValueError
            size = float(value.strip()[:-1]) / 100 if relative else float(value)
            if not (math.isfinite(size) and size >= 0):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            self.problem(name, f"must be 0.1, or 5 %, and not below 0, received {str(value)[:40]!r}")
            return 0.0, False
        return size, relative

    def point(self, name: str) -> tuple[float, float] | None:
        """Two finite plane coordinates."""
        value = self._take(name)
        if value is None:
            return None
        numbers = value if isinstance(value, list) else []
        if len(numbers) != 2 or not all(type(x) in (int, float) and abs(x) < 1e9 for x in numbers):
            self.problem(
                name, f"must be two plane coordinates, such as [1.5, -2], received {str(value)[:40]!r}"
            )
            return None
        return float(numbers[0]), float(numbers[1])

    def classes(self, name: str) -> tuple[int | str, ...] | None:
        """Two or three classes by name or index."""
        value = self._take(name)
        if value is None:
            return None
        numbers = value if isinstance(value, list) else []
        if not 2 <= len(numbers) <= 3 or not all(type(k) in (int, str) for k in numbers):
            self.problem(name, f"must be 2 or 3 class names or indices from 0, received {str(value)[:40]!r}")
            return None
        return tuple(numbers)

    def items(self, name: str, most: int) -> list[Any]:
        """A list that is not empty."""
        value = self._take(name, required=True)
        if value is None:
            return []
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            count = len(value) if isinstance(value, list) else _kind(value)
            self.problem(name, f"must be a list of 1 to {most}, received {count}")
            return []
        return value

    def inner(self, name: str, *, optional_kind: bool = False) -> Fields | None:
        """The fields below a field; with `optional_kind` None where it holds something else."""
        value = self._content.get(name)
        if value is None or (optional_kind and not isinstance(value, dict)):
            if not optional_kind:
                self._asked.append(name)
            return None
        self._asked.append(name)
        return Fields(value, (*self.place, name), self._problems)
