"""Whether an answer is right."""

from __future__ import annotations

import math
import re

from .plan import Question

__all__ = ["NotAnAnswer", "judge", "shown"]

LONGEST = 500  # characters of an answer


class NotAnAnswer(ValueError):
    """What was given cannot be judged; the sentence says what is wanted. It does not count as a try."""


def judge(
    question: Question, given: object, truth: str | float | tuple[str, ...] | None
) -> tuple[str, bool | None]:
    """The answer as it is kept, and whether it is right (None: open, nobody judges).

    Raises
    ------
    NotAnAnswer
        If it is empty, too long, or no number where one is wanted.

    Examples
    --------
    >>> judge(Question("number", "How far?", 2.0, tolerance=0.05, relative=True), "2,08", 2.0)
    ('2,08', True)
    >>> judge(Question("text", "Which set?", ("convex hull",)), " Convex  Hull", ("convex hull",))
    ('Convex  Hull', True)
    """
    text = str(given).strip() if isinstance(given, str | int | float) else ""
    if not text:
        raise NotAnAnswer("Write or choose an answer first.")
    if len(text) > LONGEST:
        raise NotAnAnswer(f"An answer has at most {LONGEST} characters.")
    if question.kind == "number":
        assert isinstance(truth, int | float)
        return text, abs(_number(text) - truth) <= _slack(question, truth)
    if truth is None:
        return text, None
    accepted = truth if isinstance(truth, tuple) else (str(truth),)
    if question.kind == "choice":
        return text, text in accepted
    return text, _plain(text) in map(_plain, accepted)


def shown(truth: str | float | tuple[str, ...]) -> str:
    """A right answer as a person reads it."""
    if isinstance(truth, tuple):
        return truth[0]
    return truth if isinstance(truth, str) else f"{truth:.4g}"


def _slack(question: Question, truth: float) -> float:
    """The tolerance, and room for the rounding of decimals."""
    wide = question.tolerance * (abs(truth) if question.relative else 1.0)
    return wide + 1e-9 * (abs(truth) + wide)


def _number(text: str) -> float:
    """A number as people write it: ``0,5`` is ``0.5``."""
    bare = text.replace("\u2212", "-").replace(",", ".").removesuffix("%").strip()
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?", bare, re.IGNORECASE):
        raise NotAnAnswer("A number is wanted, such as 0.5 or -3.")
    value = float(bare)
    if not math.isfinite(value):
        raise NotAnAnswer("This number is too large.")
    return value


def _plain(text: str) -> str:
    """Without regard to case and spaces."""
    return re.sub(r"\s+", " ", text).strip().casefold()
