"""The explorer's tabs about images in a real JupyterLab: flips."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.lab import NotebookPage
from browser.tabs import Tabs


@pytest.fixture
def tabs(open_notebook: Callable[[str], NotebookPage]) -> Tabs:
    return Tabs(open_notebook("01_explore.ipynb"))


def test_flips_are_ranked_shown_and_put_on_the_slice(tabs: Tabs):
    notebook = tabs.notebook
    panel = tabs.open("Flips")
    notebook.wait_for_kernel("len(explorer.tabs.panel('Flips').answer.pixels)")
    rows = panel.locator("table").first.locator("tbody tr")
    order = notebook.kernel_value("explorer.tabs.panel('Flips').answer.order")
    names = notebook.kernel_value("list(explorer.space.head.class_names)")
    assert [row.split("\t")[0] for row in rows.all_inner_texts()] == [names[k] for k in order]
    notebook.wait_for(lambda: panel.locator("figure img").count(), "three images", lambda n: n == 3)
    tabs.show("flips")
    target = notebook.kernel_value("explorer.tabs.panel('Flips').target.value")
    panel.get_by_role("button", name="Flip point on slice").click()
    label = f"flip to {names[target]}"
    notebook.wait_for_kernel("explorer.view.scene['section']['labels']", lambda shown: label in shown)
    away = "explorer.view.plane.distance(explorer.tabs.panel('Flips').answer.faces.points[[{}]])[0]"
    assert notebook.kernel_value(away.format(target)) == pytest.approx(0, abs=1e-6)
    point = "abs(explorer.view.probe.features - explorer.tabs.panel('Flips').answer.faces.y).max()"
    assert notebook.kernel_value(point) == pytest.approx(0, abs=1e-6)
    tabs.show("flips-on-slice", ".fsw-explorer")
    panel.get_by_role("button", name="Search all classes in pixels").click()
    bar = panel.locator(".fsw-busy")
    notebook.wait_for(bar.is_visible, "progress is shown")
    panel.get_by_role("button", name="Cancel").click()
    notebook.wait_for(lambda: bar.inner_text(), "the search is cancelled", lambda text: "Cancelled" in text)
