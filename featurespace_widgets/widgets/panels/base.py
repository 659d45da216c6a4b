"""What all panels share: a question, a sentence where something is missing, progress and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets

from ...geometry.arrays import Array
from ...space import FeatureSpace
from .work import Work, Worker

__all__ = ["Panel", "Question", "facts"]


@dataclass(frozen=True, eq=False)
class Question:
    """What the panels are asked about: the point under the probe.

    Attributes
    ----------
    space : FeatureSpace
    classes : tuple of int
        The classes chosen in the toolbar.
    features : (d,) array or None
        None where no feature vector of the domain lies over the point.
    """

    space: FeatureSpace
    classes: tuple[int, ...]
    features: Array | None

    @property
    def y(self) -> Array:
        """The features of a question that has them; `Panel.missing` has seen to that."""
        assert self.features is not None
        return self.features


class Panel(ipywidgets.VBox):
    """One tab. Subclasses say what is `missing`, `compute` in a thread and `draw` the answer.

    Parameters
    ----------
    worker : Worker
    content : sequence of widgets
        Shown below the line of text.
    """

    title = ""

    def __init__(self, worker: Worker, content: Sequence[Any]) -> None:
        self._worker = worker
        self._question: Question | None = None
        self.text = ipywidgets.HTML()
        self.text.add_class("fsw-says")
        self.bar = ipywidgets.FloatProgress(min=0.0, max=1.0, description="Computing")
        self.button = ipywidgets.Button(description="Cancel")
        self.button.on_click(self._press)
        self.busy = ipywidgets.HBox([self.bar, self.button])
        self.content = ipywidgets.VBox(list(content))
        self._reveal(self.busy, False)
        # Without content at first: a chart that is made in a hidden tab has no size.
        super().__init__([self.text, self.busy])
        self.add_class("fsw-chart-panel")

    def missing(self, question: Question) -> str:
        """A sentence on what the panel lacks for an answer; empty where nothing is missing."""
        if question.features is None:
            return "No feature vector of the domain was found over this point; move it back inside."
        return ""

    def compute(self, question: Question, work: Work) -> Any:
        """The answer, in a thread: nothing may be drawn here."""
        raise NotImplementedError

    def draw(self, question: Question, answer: Any) -> None:
        """Show an answer."""
        raise NotImplementedError

    def ask(self, question: Question) -> None:
        """Answer a question once the point rests."""
        self._question = question
        self._reveal(self.busy, False)
        sentence = self.missing(question)
        if sentence:
            self._worker.cancel()
            self._say(sentence)
            return
        self._worker.ask(
            lambda work: self.compute(question, work),
            lambda answer: self._show(question, answer),
            lambda error: self._say(f"This could not be computed: {error}"),
            self._progress,
        )

    def ask_again(self, *_: Any) -> None:
        """Answer the last question again, after a control was moved."""
        if self._question is not None:
            self.ask(self._question)

    def _show(self, question: Question, answer: Any) -> None:
        self._reveal(self.busy, False)
        self.text.value = ""
        self.draw(question, answer)
        self.children = [self.text, self.busy, self.content]
        self._reveal(self.content, True)

    def _say(self, sentence: str) -> None:
        self._reveal(self.busy, False)
        self._reveal(self.content, False)
        self.text.value = escape(sentence)

    def _progress(self, share: float) -> None:
        self.bar.value, self.bar.description, self.button.description = share, "Computing", "Cancel"
        self._reveal(self.busy, True)

    def _press(self, _button: Any) -> None:
        if self.button.description == "Cancel":
            self._worker.cancel()
            self.bar.description, self.button.description = "Cancelled", "Start again"
        else:
            self.ask_again()

    @staticmethod
    def _reveal(widget: Any, shown: bool) -> None:
        widget.layout.display = None if shown else "none"


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Labels with their values, as HTML."""
    rows = "".join(f"<div><span>{escape(label)}</span><b>{escape(value)}</b></div>" for label, value in pairs)
    return f'<div class="fsw-chart-facts">{rows}</div>'
