"""The arrangement tab in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from browser.lab import NotebookPage
from browser.test_panels import Tabs

PANEL = "explorer.tabs.panel('Arrangement')"


def test_a_pair_in_the_matrix_becomes_the_pair_on_the_slice(open_notebook: Callable[[str], NotebookPage]):
    tabs = Tabs(open_notebook("01_explore.ipynb"))
    notebook, panel = tabs.notebook, tabs.open("Arrangement")
    cells = panel.locator(".fsw-matrix [role=gridcell]")
    notebook.wait_for(cells.count, "a matrix", lambda n: n == 100)
    cells.nth(7).click()  # first row, eighth class
    notebook.wait_for_kernel("list(explorer.view.classes)", lambda classes: classes == [0, 7])
    framed = panel.locator(".fsw-matrix [data-chosen]")
    notebook.wait_for(framed.count, "both entries framed", lambda n: n == 2)
    pressed = notebook.page.locator(".fsw-toolbar").first.locator(".fsw-class[aria-pressed=true]")
    notebook.wait_for(pressed.count, "two classes in the toolbar", lambda n: n == 2)
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("Enter")
    notebook.wait_for_kernel("list(explorer.view.classes)", lambda classes: classes == [1, 7])
    tabs.show("arrangement")
    panel.locator("select").select_option(index=5)
    notebook.wait_for(
        panel.locator(".fsw-numbers-table tr").count, "distances in both spaces", lambda n: n == 10
    )
    correlation = notebook.kernel_value(f"float({PANEL}.answer.comparison.rank_correlation[0])")
    assert f"{correlation:.2f}" in panel.locator(".fsw-chart-facts").inner_text()
    tabs.show("arrangement-pixels")
