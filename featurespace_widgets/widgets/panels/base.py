"""What all panels share: a question, a sentence where something is missing, progress and cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from ...geometry.arrays import Array
from ...space import FeatureSpace
from ..slice_view import SliceView
from .work import Work, Worker

if TYPE_CHECKING:
    from ...pixels.preview import Preview

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
    view : SliceView
        Where an answer may be drawn; the kernel's thread only.
    others : dict of name to callable
        The explorer's other models, each with what loads it.
    """

    space: FeatureSpace
    classes: tuple[int, ...]
    features: Array | None
    view: SliceView
    others: Mapping[str, Callable[[], FeatureSpace]] = field(default_factory=dict)

    @classmethod
    def of(cls, view: SliceView, others: Mapping[str, Callable[[], FeatureSpace]] | None = None) -> Question:
        """About the point under the probe of a view."""
        return cls(view.space, view.classes, view.probe.features, view, others or {})

    @property
    def y(self) -> Array:
        """The features of a question that has them; `Panel.missing` has seen to that."""
        assert self.features is not None
        return self.features

    @cached_property
    def preview(self) -> Preview:
        """The image that is shown for the point: decoded, or that of the nearest sample."""
        return self.space.preview(self.y[None])

    def same(self, other: Question | None) -> bool:
        """Whether another question is about the same point, up to rounding, and the same classes."""
        if other is None or other.space is not self.space or other.classes != self.classes:
            return False
        if self.features is None or other.features is None:
            return self.features is other.features
        return bool(np.allclose(self.features, other.features, rtol=1e-9, atol=1e-9))


class Panel(ipywidgets.VBox):
    """One tab. Subclasses say what is `missing`, `compute` in a thread and `draw` the answer.

    Parameters
    ----------
    worker : Worker
    content : sequence of widgets
        Shown below the line of text.

    Attributes
    ----------
    answer : object or None
        What `compute` gave for the point that is shown.
    """

    title = ""
    overlays: tuple[str, ...] = ()  # names of what it draws on the slice
    controls: Any = None  # those of its widgets that stay where nothing could be computed

    def __init__(self, worker: Worker, content: Sequence[Any]) -> None:
        self._worker = worker
        self.answer: Any = None
        self._question: Question | None = None
        self._work: Work | None = None
        self._settled = False  # answered, or cancelled by the person
        self._away = False  # another tab is shown
        self._moving = False  # the view is on its way to the same point
        self.text = ipywidgets.HTML()
        self.text.add_class("fsw-says")
        self.bar = ipywidgets.FloatProgress(min=0.0, max=1.0, description="Computing")
        self.button = ipywidgets.Button(description="Cancel", layout={"width": "auto", "min_width": "8em"})
        self.button.on_click(self._press)
        self.busy = ipywidgets.HBox([self.bar, self.button])
        self.busy.add_class("fsw-busy")
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

    def lacks_images(self, question: Question) -> str:
        """A sentence where the model or images are missing, for panels that need both."""
        space = question.space
        if space.classifier is None:
            return (
                f"{space.title!r} was built from arrays: without the model nothing can be said of images; "
                "FeatureSpace.from_model(model, images) makes a space that knows both."
            )
        if space.pictured is None and space.decoder is None:
            return f"{space.title!r} has neither images nor a decoder; pass images= with its features."
        return ""

    def compute(self, question: Question, work: Work) -> Any:
        """The answer, in a thread: nothing may be drawn here."""
        raise NotImplementedError

    def draw(self, question: Question, answer: Any) -> None:
        """Show an answer."""
        raise NotImplementedError

    def ask(self, question: Question) -> None:
        """Answer a question once the point rests; what is answered or under way is not begun again."""
        if self._moving:
            return
        running = self._work is not None and not self._work.stopped()
        if question.same(self._question) and (self._settled or running):
            if self._away and self._settled and self.answer is not None:
                self.draw(question, self.answer)  # what lies on the slice was erased meanwhile
            self._away = False
            return
        self._away = False
        self._begin(question)

    def ask_again(self, *_: Any) -> None:
        """Answer the last question again, after a control was moved."""
        if self._question is not None:
            self._begin(self._question)

    def leave(self) -> None:
        """Another tab is shown: its work ends, and what it drew on the slice is erased."""
        self._away = True
        if not self._settled:
            self._worker.cancel()
        if self._question is not None:
            for name in self.overlays:
                self._question.view.erase(name)

    def show_part(self, work: Work, question: Question, answer: Any) -> None:
        """Show, from the thread, what is known before the whole answer is."""
        work.deliver(lambda: self._draw(question, answer))

    def put_on_slice(self, question: Question, features: Array, name: str) -> None:
        """Pull the section through the point in question and another one; the probe stays at the point."""
        view, self._moving = question.view, True
        try:
            view.through_point(question.y, "the point", 0)
            view.through_point(features, name, 1)
            view.move_to(view.plane.to_plane(question.y[None])[0])
        finally:
            self._moving = False
        self.ask(Question.of(view))

    def _begin(self, question: Question) -> None:
        self._question, self._settled = question, False
        self._reveal(self.busy, False)
        sentence = self.missing(question)
        if sentence:
            self._worker.cancel()
            self._say(sentence)
            return
        self._work = self._worker.ask(
            lambda work: self.compute(question, work),
            lambda answer: self._show(question, answer),
            self._fail,
            self._progress,
        )

    def _fail(self, error: Exception) -> None:
        self._say(f"This could not be computed: {error}")
        if self.controls is not None:  # something else can be picked
            self.children = [self.text, self.busy, self.controls]

    def _show(self, question: Question, answer: Any) -> None:
        self._reveal(self.busy, False)
        try:
            self._draw(question, answer)
        except Exception as error:  # told instead of lost in the kernel's loop
            self._say(f"The answer could not be drawn: {error}")
        self._settled = True

    def _draw(self, question: Question, answer: Any) -> None:
        self.text.value, self.answer = "", answer
        self.draw(question, answer)
        self.children = [self.text, self.busy, self.content]
        self._reveal(self.content, True)

    def _say(self, sentence: str) -> None:
        self._reveal(self.busy, False)
        self._reveal(self.content, False)
        self.answer, self._settled = None, True
        self.text.value = escape(sentence)
        self.leave()

    def _progress(self, share: float) -> None:
        self.bar.value, self.bar.description, self.button.description = share, "Computing", "Cancel"
        self._reveal(self.bar, True)
        self._reveal(self.busy, True)

    def _press(self, _button: Any) -> None:
        if self.button.description == "Cancel":
            self._worker.cancel()
            self._settled = True
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
