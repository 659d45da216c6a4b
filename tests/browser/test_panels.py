"""The explorer's tabs in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.lab import NotebookPage
from browser.tabs import Tabs


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
