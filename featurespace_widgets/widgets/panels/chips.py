"""Choosing classes: a chip for each, or a search field where there are too many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

__all__ = ["ClassChips"]

MOST = 20  # chips that fit; beyond it only the chosen classes have one


class ClassChips(ipywidgets.Box):
    """Classes to choose from, at least two.

    Parameters
    ----------
    changed : callable
        Called without arguments when a person chose others.

    Attributes
    ----------
    chosen : tuple of int
        In the order in which they were chosen.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._names: tuple[str, ...] = ()
        self.chosen: tuple[int, ...] = ()
        self._chips: list[Any] = []
        self.finder = ipywidgets.Combobox(
            placeholder="Add a class", ensure_option=True, continuous_update=False
        )
        self.finder.layout.width = "160px"
        self.finder.observe(self._find, "value")
        super().__init__([])
        self.add_class("fsw-pick")

    def offer(self, names: Sequence[str], chosen: Sequence[int]) -> None:
        """Show these classes with the chosen ones pressed; nobody is told."""
        self._names, self.chosen = tuple(names), tuple(chosen)
        self._draw()

    def _draw(self) -> None:
        many = len(self._names) > MOST
        shown = self.chosen if many else range(len(self._names))
        chips = []
        for k in shown:
            chip = ipywidgets.ToggleButton(value=k in self.chosen, description=self._names[k])
            chip.observe(lambda change, k=k: self._toggle(k, change["new"]), "value")
            chips.append(chip)
        if many:
            self.finder.options = tuple(dict.fromkeys(self._names))
        for old in self._chips:
            old.close()
        self._chips = chips
        self.children = [*chips, self.finder] if many else chips

    def _toggle(self, index: int, pressed: bool) -> None:
        if pressed == (index in self.chosen):
            return
        if pressed:
            self._choose((*self.chosen, index))
        elif len(self.chosen) > 2:
            self._choose(tuple(k for k in self.chosen if k != index))
        else:
            self._draw()  # two are the least

    def _find(self, change: dict[str, Any]) -> None:
        name = change["new"]
        if name in self._names:
            self.finder.value = ""
            index = self._names.index(name)
            if index not in self.chosen:
                self._choose((*self.chosen, index))
                self._draw()

    def _choose(self, chosen: tuple[int, ...]) -> None:
        self.chosen = chosen
        if len(self._names) > MOST:
            self._draw()
        self._changed()
