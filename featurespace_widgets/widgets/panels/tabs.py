"""The tabs below the slice: the one that is shown follows the point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets

from ...space import FeatureSpace
from ..slice_view import Probe, SliceView
from .adversarial import AdversarialPanel
from .ambiguity import AmbiguityPanel
from .arrangement import ArrangementPanel
from .base import Panel, Question
from .charts import stylesheet
from .extrapolation import ExtrapolationPanel
from .flips import FlipsPanel
from .margins import MarginsPanel
from .morph import MorphPanel
from .pixel_plane import PixelPlanePanel
from .two_models import TwoModelsPanel
from .work import Worker

__all__ = ["PanelTabs"]

PANELS: tuple[type[Any], ...] = (
    MarginsPanel,
    ExtrapolationPanel,
    FlipsPanel,
    AdversarialPanel,
    MorphPanel,
    AmbiguityPanel,
    PixelPlanePanel,
    TwoModelsPanel,
    ArrangementPanel,
)


class PanelTabs(ipywidgets.VBox):
    """Charts of the point, one tab each; a panel is made when it is first shown, and only then computes.

    Parameters
    ----------
    view : SliceView
        Whose probe is followed.
    others : callable, optional
        Gives the other models that are at hand, by name: calls that load them.

    Attributes
    ----------
    tab : ipywidgets.Tab
    titles : tuple of str

    Examples
    --------
    >>> import featurespace_widgets as fsw
    >>> tabs = fsw.Explorer(fsw.load("mnist-2d")).tabs
    >>> tabs.select("Extrapolation").title, tabs.tab.selected_index
    ('Extrapolation', 1)
    """

    titles = tuple(panel.title for panel in PANELS)

    def __init__(
        self, view: SliceView, others: Callable[[], Mapping[str, Callable[[], FeatureSpace]]] = dict
    ) -> None:
        self._view, self._others, self._worker = view, others, Worker()
        self._places = [ipywidgets.VBox() for _ in PANELS]
        self._shown: Panel | None = None
        self.tab = ipywidgets.Tab(self._places, titles=list(self.titles), selected_index=0)
        super().__init__([stylesheet(), self.tab])
        self.add_class("fsw-charts")
        self.tab.observe(self._ask, "selected_index")
        view.on_probe(self._follow)

    def panel(self, title: str) -> Panel:
        """The panel of a title; ``.answer`` holds what it shows.

        Raises
        ------
        ValueError
            For a title that no tab has.
        """
        if title not in self.titles:
            raise ValueError(f"title must be one of {', '.join(self.titles)}, received {title!r}")
        index = self.titles.index(title)
        place = self._places[index]
        if not place.children:
            place.children = [PANELS[index](self._worker)]
        found: Panel = place.children[0]
        return found

    def select(self, title: str) -> Panel:
        """Show a tab and return its panel."""
        panel = self.panel(title)
        self.tab.selected_index = self.titles.index(title)
        return panel

    def stop(self) -> None:
        """End the thread."""
        self._worker.close()

    def _follow(self, _probe: Probe, _final: bool) -> dict[str, Any]:
        self._ask()
        return {}

    def _ask(self, *_: Any) -> None:
        index = self.tab.selected_index
        panel = None if index is None else self.panel(self.titles[index])
        if self._shown is not None and self._shown is not panel:
            self._shown.leave()
        self._shown = panel
        if panel is not None:
            panel.ask(Question.of(self._view, self._others()))
