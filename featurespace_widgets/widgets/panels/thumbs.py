"""Picking one image by its thumbnail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from ..png import png_url

__all__ = ["Thumbs"]


class Thumbs(ipywidgets.VBox):
    """Images of which one is picked.

    Parameters
    ----------
    title : str
    changed : callable
        Called without arguments when a person picked another.

    Attributes
    ----------
    chosen : int
        Place of the picked one.
    """

    def __init__(self, title: str, changed: Callable[[], None]) -> None:
        self.chosen, self._changed = 0, changed
        self._style, self._row = ipywidgets.HTML(), ipywidgets.Box()
        self._style.layout.display = "none"
        self._buttons: list[Any] = []
        self._row.add_class("fsw-thumbs")
        heading = ipywidgets.HTML(title)
        super().__init__([self._style, heading, self._row])

    def offer(self, images: Sequence[tuple[NDArray[np.uint8], str]], chosen: int) -> None:
        """Show images (C, H, W) with their labels, one of them picked; nobody is told."""
        rules = "".join(
            f".fsw-{self.model_id}-{k} {{ --fsw-thumb: url({png_url(image.transpose(1, 2, 0))}) }}"
            for k, (image, _) in enumerate(images)
        )
        self._style.value = f"<style>{rules}</style>"
        self.chosen = chosen
        labels = [label for _, label in images]
        if labels != [button.description for button in self._buttons]:
            for old in self._buttons:
                old.close()
            self._buttons = [self._button(k, label) for k, label in enumerate(labels)]
            self._row.children = self._buttons
        for k, button in enumerate(self._buttons):
            button.value = k == chosen

    def _button(self, place: int, label: str) -> Any:
        button = ipywidgets.ToggleButton(description=label, tooltip=label)
        button.add_class(f"fsw-{self.model_id}-{place}")
        button.observe(lambda change: self._press(place, change["new"]), "value")
        return button

    def _press(self, place: int, pressed: bool) -> None:
        if pressed == (place == self.chosen):
            return
        before, self.chosen = self.chosen, place if pressed else self.chosen
        self._buttons[place].value = True  # one is always picked
        if pressed:
            self._buttons[before].value = False
            self._changed()
