"""What the panels share that search among images: large ones wait for a word."""

from __future__ import annotations

import math
from typing import Any

from .base import Panel, Question

__all__ = ["ImageSearch"]

LARGE = 20_000  # values of an image from which a search in pixels takes minutes
ANYWAY = "Search all the same"


class ImageSearch(Panel):
    """A panel whose search in pixels begins by itself only where images are small."""

    _accepted: Question | None = None  # of which large images are searched

    def too_large(self, question: Question) -> str:
        """A sentence where images are large and the person has not asked to search all the same."""
        samples = question.space.pictured
        shape = () if samples is None or samples.images is None else samples.images.shape[1:]
        if math.prod(shape) <= LARGE or question is self._accepted:
            return ""
        return (
            f"A search among images of {' x '.join(map(str, shape))} values can take minutes, so it does not "
            "begin by itself. It ends when the point is moved; in a cell of the notebook it goes on: "
            "space.flip_image(image), space.attack_track(flip), space.morph(a, b)."
        )

    def hold(self, question: Question, sentence: str) -> None:
        """Offer to search all the same, where that is what the sentence is about."""
        if sentence and sentence == self.too_large(question):
            self.button.description = ANYWAY
            self._reveal(self.bar, False)
            self._reveal(self.busy, True)

    def _say(self, sentence: str) -> None:
        super()._say(sentence)
        if self._question is not None:
            self.hold(self._question, sentence)

    def _press(self, button: Any) -> None:
        if button.description == ANYWAY:
            self._accepted = self._question
            button.description, self.text.value = "Start again", ""
        super()._press(button)
