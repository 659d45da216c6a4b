"""The explorer's tabs about images in a real JupyterLab: flips, adversarial, morph."""

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
    panel = tabs.answered("Flips")
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
    tabs.show("flips-on-slice", ".fsw-explorer-body")
    panel.get_by_role("button", name="Search all classes in pixels").click()
    bar = panel.locator(".fsw-busy")
    notebook.wait_for(bar.is_visible, "progress is shown")
    panel.get_by_role("button", name="Cancel").click()
    notebook.wait_for(lambda: bar.inner_text(), "the search is cancelled", lambda text: "Cancelled" in text)


def test_an_attack_is_followed(tabs: Tabs):
    notebook = tabs.notebook
    panel = tabs.answered("Adversarial")
    answer = "explorer.tabs.panel('Adversarial').answer"
    distance = notebook.kernel_value(f"{answer}.track.flip.distance")
    notebook.wait_for(panel.inner_text, "the distance found", lambda text: f"{distance:.3g}" in text)
    assert panel.locator("figure img").count() == 3
    lines = "[...document.querySelectorAll('.fsw-chart-panel path.line')]"
    curves = f"{lines}.filter((path) => path.getAttribute('d')?.length > 200).length"
    notebook.wait_for_page(curves, lambda count: count >= 5)
    ribbon = panel.locator(".fsw-ribbon").first.locator("div")
    names = notebook.kernel_value("list(explorer.space.head.class_names)")
    flip = notebook.kernel_value(f"[{answer}.track.flip.class_index, {answer}.track.flip.target]")
    assert [ribbon.first.inner_text(), ribbon.last.inner_text()] == [names[k] for k in flip]
    tabs.show("adversarial")


def test_a_morph_plays_in_the_browser(tabs: Tabs):
    notebook = tabs.notebook
    panel = tabs.answered("Morph")
    assert notebook.kernel_value("len(explorer.tabs.panel('Morph').answer.morph.frames)") == 16
    frame = panel.locator(".fsw-film figure").first
    notebook.wait_for(frame.is_visible, "the first frame")
    first = frame.locator("img").get_attribute("src")
    tabs.show("morph")
    panel.get_by_role("slider").first.press("End")
    notebook.wait_for(
        lambda: panel.locator(".fsw-film img").first.get_attribute("src"),
        "the last frame",
        lambda shown: shown != first,
    )
    notebook.wait_for_kernel("explorer.tabs.panel('Morph').film.slider.value", lambda place: place == 15)
    panel.get_by_role("button", name="Save as GIF").click()
    link = panel.locator("a[download]")
    notebook.wait_for(link.count, "a file to download")
    tabs.show("morph-on-slice", ".fsw-explorer-body")
