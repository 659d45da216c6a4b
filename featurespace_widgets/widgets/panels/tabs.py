"""The tabs below the slice: the one that is shown follows the point."""

from __future__ import annotations

from typing import Any

import ipywidgets

from ..slice_view import Probe, SliceView
from .base import Panel, Question
from .charts import stylesheet
from .extrapolation import ExtrapolationPanel
from .margins import MarginsPanel
from .work import Worker

__all__ = ["PanelTabs"]

PANELS: tuple[type[Any], ...] = (MarginsPanel, ExtrapolationPanel)


class PanelTabs(ipywidgets.VBox):
    """Charts of the point, one tab each; only the tab that is shown computes.

    Parameters
    ----------
    view : SliceView
        Whose probe is followed.

    Attributes
    ----------
    panels : tuple of Panel
    tab : ipywidgets.Tab
    """

    def __init__(self, view: SliceView) -> None:
        self._view, worker = view, Worker()
        self._worker = worker
        self.panels: tuple[Panel, ...] = tuple(panel(worker) for panel in PANELS)
        self.tab = ipywidgets.Tab(
            self.panels, titles=[panel.title for panel in self.panels], selected_index=0
        )
        super().__init__([stylesheet(), self.tab])
        self.add_class("fsw-charts")
        self.tab.observe(self._ask, "selected_index")
        view.on_probe(self._follow)

    def stop(self) -> None:
        """End the thread."""
        self._worker.close()

    def _follow(self, _probe: Probe, _final: bool) -> dict[str, Any]:
        self._ask()
        return {}

    def _ask(self, *_: Any) -> None:
        index = self.tab.selected_index
        if index is not None:
            view = self._view
            self.panels[index].ask(Question(view.space, view.classes, view.probe.features))
