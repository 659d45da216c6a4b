"""How far somebody is in a lesson, as one string that can be copied by hand.

``FSW1.``, the compressed answers in letters that no mail program changes, a dot, and eight digits of their
SHA-256. The checksum finds accidents; it is no signature and keeps nobody from writing answers themselves.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from dataclasses import dataclass, field
from typing import Any

from .plan import Question

__all__ = ["Given", "Progress", "ProgressError", "fingerprint", "read_progress"]

VERSION = 1
LONGEST, UNPACKED = 200_000, 1_000_000  # characters, bytes
KEPT = 500  # characters of an answer
MOST_STEPS, MOST_TRIES = 60, 1000


FORMAT = "featurespace_widgets answers 1"


class ProgressError(ValueError):
    """A string is no progress string, or is damaged; the sentence says which."""


@dataclass(frozen=True)
class Given:
    """What was answered to the question of one step.

    Attributes
    ----------
    question : str
        Its text, shortened.
    print : str
        `fingerprint` of the question that was answered.
    text : str
        The last answer, as it was given.
    right : bool or None
        None for an open question, which nobody judges.
    tries : int
    settled : bool
        Whether the answer cannot be changed any more.
    """

    question: str
    print: str
    text: str
    right: bool | None
    tries: int
    settled: bool


@dataclass(frozen=True)
class Progress:
    """Answers to a lesson.

    Attributes
    ----------
    lesson : str
        Its title.
    student : str
    step : int
        The step on screen, from 0.
    answers : dict of int to Given
        By step, from 0.
    """

    lesson: str
    student: str = ""
    step: int = 0
    answers: dict[int, Given] = field(default_factory=dict)

    def to_text(self) -> str:
        """The string that `read_progress` reads.

        Examples
        --------
        >>> text = Progress("A look", "Ada").to_text()
        >>> read_progress(text).student
        'Ada'
        >>> read_progress(text[:-9] + "00000000")
        Traceback (most recent call last):
        featurespace_widgets.widgets.lesson.progress.ProgressError: this progress string is damaged: \
a character is missing or changed; copy the whole string again
        """
        rows = [
            [k, g.question[:KEPT], g.print, g.text[:KEPT], g.right, g.tries, g.settled]
            for k, g in sorted(self.answers.items())
        ]
        data = json.dumps([self.lesson, self.student, self.step, rows], separators=(",", ":"))
        body = base64.urlsafe_b64encode(zlib.compress(data.encode(), 9)).decode().rstrip("=")
        return f"FSW{VERSION}.{body}.{_checksum(body)}"

    def to_json(self) -> str:
        """The answers as a JSON file: the progress string, and beside it what it says, for people."""
        rows = [
            {"step": k + 1, "question": g.question, "given": g.text, "right": g.right, "tries": g.tries}
            for k, g in sorted(self.answers.items())
        ]
        content = {"format": FORMAT, "lesson": self.lesson, "student": self.student, "answers": rows}
        return json.dumps({**content, "progress": self.to_text()}, indent=1, ensure_ascii=False) + "\n"


def fingerprint(question: Question) -> str:
    """Eight digits that change where the question or the way to judge it does."""
    parts = [question.kind, question.text, question.choices, repr(question.answer), question.tolerance]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def read_progress(text: str) -> Progress:
    """Read a progress string; spaces and line breaks that a mail program added are ignored.

    Raises
    ------
    ProgressError
        If it is none, of another version, or damaged.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ProgressError("a progress string is a text of at most 200,000 characters")
    bare = re.sub(r"\s+", "", text)
    found = re.fullmatch(r"FSW(\d{1,4})\.(.*)", bare)
    if found is None:
        raise ProgressError(f"a progress string begins with FSW{VERSION}., received {text.strip()[:20]!r}")
    if int(found[1]) != VERSION:
        raise ProgressError(
            f"this progress string is of version {found[1]}, this package reads version {VERSION}"
        )
    body, _, checksum = found[2].rpartition(".")
    if not body or checksum != _checksum(body):
        raise ProgressError(
            "this progress string is damaged: a character is missing or changed; copy the whole string again"
        )
    try:
        return _progress(_unpacked(body))
    except (ValueError, TypeError, KeyError, binascii.Error, zlib.error, RecursionError) as error:
        raise ProgressError(f"this progress string does not hold answers ({error})") from None


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode(errors="replace")).hexdigest()[:8]


def _unpacked(body: str) -> Any:
    packed = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    stream = zlib.decompressobj()
    data = stream.decompress(packed, UNPACKED)
    if stream.unconsumed_tail or not stream.eof:
        raise ValueError("it is too long, or cut")
    return json.loads(data)


def _progress(data: Any) -> Progress:
    lesson, student, step, rows = data
    answers = {}
    for index, *row in rows:
        given = Given(*row)
        kinds = (given.question, given.print, given.text)
        if not (
            all(isinstance(value, str) for value in kinds)
            and (given.right is None or isinstance(given.right, bool))
            and _counts(given.tries, MOST_TRIES)
            and isinstance(given.settled, bool)
            and _counts(index, MOST_STEPS)
        ):
            raise ValueError("an answer has another form")
        answers[index] = given
    if not (isinstance(lesson, str) and isinstance(student, str) and _counts(step, MOST_STEPS)):
        raise ValueError("title, name or step have another form")
    return Progress(lesson, student, step, answers)


def _counts(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most
