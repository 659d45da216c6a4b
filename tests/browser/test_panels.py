"""The explorer's tabs in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.conftest import SCREENSHOTS
from browser.lab import NotebookPage

TABS = "explorer.tabs"


class Tabs:
    """What a person sees of the tabs below the first explorer."""

    def __init__(self, notebook: NotebookPage) -> None:
        self.notebook = notebook
        notebook.run_all()
        self.root = notebook.page.locator(".fsw-charts").first

    def open(self, title: str):
        """Click a tab; returns its panel."""
        self.root.get_by_role("tab", name=title, exact=True).click()
        panel = self.root.locator(".fsw-chart-panel:visible")
        panel.scroll_into_view_if_needed()
        return panel

    def show(self, name: str):
        """Pictures in both themes, for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        for theme in ("dark", "light"):
            self.notebook.set_theme(theme)
            self.notebook.page.wait_for_timeout(400)
            self.root.scroll_into_view_if_needed()
            self.root.screenshot(path=SCREENSHOTS / f"panel-{name}-{theme}.png")


@pytest.fixture
def tabs(open_notebook: Callable[[str], NotebookPage]) -> Tabs:
    return Tabs(open_notebook("01_explore.ipynb"))


def test_margins_and_extrapolation(tabs: Tabs):
    notebook = tabs.notebook
    panel = tabs.open("Margins")
    notebook.wait_for(lambda: panel.locator("rect.bar").count(), "two bars a class", lambda n: n == 18)
    radius = notebook.kernel_value("explorer.view.probe.radius")
    notebook.wait_for(lambda: panel.inner_text(), "the radius", lambda text: f"{radius:.3g}" in text)
    tabs.show("margins")
    panel = tabs.open("Extrapolation")
    notebook.wait_for(lambda: panel.locator(".fsw-chart-facts").count(), "an answer")
    distance = notebook.kernel_value(
        "float(explorer.space.extrapolation(explorer.view.probe.features).distances[0])"
    )
    assert f"{distance:.3g}" in panel.inner_text()
    tabs.show("extrapolation")
