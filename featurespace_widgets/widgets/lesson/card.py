"""The lesson's card above the slice: steps, text, the question, feedback and progress."""

from __future__ import annotations

import re
from typing import Any

import anywidget
import traitlets

from ..assets import bundle, style

__all__ = ["LessonCard", "paragraphs"]


class LessonCard(anywidget.AnyWidget):
    """Shows what the kernel says and sends what is pressed; right answers come only once settled."""

    _esm = bundle("lesson_card")
    _css = style()
    content = traitlets.Dict().tag(sync=True)
    file = traitlets.Dict().tag(sync=True)  # the answers, once somebody asks for them
    error = traitlets.Dict().tag(sync=True)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take no state from the browser: it sends messages."""


def paragraphs(text: str) -> list[list[list[str]]]:
    """Paragraphs of runs ``[kind, text]``, where kind is "plain", "bold" or "code".

    Examples
    --------
    >>> paragraphs("Drag **it**.")
    [[['plain', 'Drag '], ['bold', 'it'], ['plain', '.']]]
    """
    return [_runs(" ".join(part.split())) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]


def _runs(text: str) -> list[list[str]]:
    runs, start = [], 0
    for found in re.finditer(r"\*\*([^*]+)\*\*|`([^`]+)`", text):
        if found.start() > start:
            runs.append(["plain", text[start : found.start()]])
        runs.append(["bold", found[1]] if found[1] else ["code", found[2]])
        start = found.end()
    if start < len(text):
        runs.append(["plain", text[start:]])
    return runs
