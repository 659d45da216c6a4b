"""The ambiguity tab in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from browser.lab import NotebookPage
from browser.tabs import Tabs


def test_choosing_a_class_moves_the_tie(open_notebook: Callable[[str], NotebookPage]):
    tabs = Tabs(open_notebook("01_explore.ipynb"))
    notebook, panel = tabs.notebook, tabs.open("Ambiguity")
    blend = panel.locator(".fsw-tie").nth(1)
    notebook.wait_for(lambda: blend.locator(".fsw-stills img").count(), "blended images")
    chips = panel.locator(".fsw-pick button")
    before = chips.evaluate_all("chips => chips.filter(chip => chip.matches('.mod-active')).length")
    chips.nth(0).click()
    count = notebook.wait_for(
        lambda: notebook.kernel_value("len(explorer.tabs.panel('Ambiguity').answer.classes)"),
        "one class more",
        lambda n: n == before + 1,
    )
    distance = notebook.kernel_value("explorer.tabs.panel('Ambiguity').answer.tie.distance")
    tie = panel.locator(".fsw-tie").first
    notebook.wait_for(tie.inner_text, "its distance", lambda text: f"{distance:.3g}" in text)
    assert count == before + 1
    tie.get_by_role("button", name="Put on slice").click()
    notebook.wait_for(
        lambda: notebook.kernel_value("explorer.view.mode"), "a section", lambda m: m == "section"
    )
    tabs.show("ambiguity")
