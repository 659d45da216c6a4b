"""A film of frames that the browser plays by itself: slider, play and pause."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets

__all__ = ["Film"]

PACE = 150  # milliseconds a frame


class Film(ipywidgets.VBox):
    """Frames, each given as HTML, of which the slider shows one.

    Attributes
    ----------
    slider : ipywidgets.IntSlider
        Its value is the number of the frame on screen.
    """

    def __init__(self) -> None:
        self.play = ipywidgets.Play(value=0, min=0, max=1, interval=PACE)
        self.slider = ipywidgets.IntSlider(value=0, min=0, max=1, readout=False, description="Frame")
        self.stack = ipywidgets.Stack()
        ipywidgets.jslink((self.play, "value"), (self.slider, "value"))
        ipywidgets.jslink((self.slider, "value"), (self.stack, "selected_index"))
        super().__init__([ipywidgets.HBox([self.play, self.slider]), self.stack])
        self.add_class("fsw-film")

    def show(self, frames: Sequence[str]) -> None:
        """Show other frames, from the first one."""
        old = self.stack.children
        self.stack.children = [ipywidgets.HTML(frame) for frame in frames]
        self.stack.selected_index = 0
        for control in (self.play, self.slider):
            control.value, control.max = 0, len(frames) - 1
        for frame in old:
            frame.close()
