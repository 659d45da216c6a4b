"""The tab of two models in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from browser.lab import NotebookPage
from browser.test_panels import Tabs

CELL = """import featurespace_widgets as fsw
explorer = fsw.Explorer([fsw.load("mnist"), fsw.load("mnist-2d")], classes=(3, 5, 8))
explorer"""
PANEL = "explorer.tabs.panel('Two models')"


def test_both_partitions_share_one_cursor_and_the_disagreement(
    open_notebook: Callable[[list[str]], NotebookPage],
):
    tabs = Tabs(open_notebook([CELL]))
    notebook, panel = tabs.notebook, tabs.open("Two models")
    notebook.wait_for(panel.locator(".fsw-stills figure").count, "images seen differently")
    differing = notebook.kernel_value(f"len({PANEL}.answer.differing)")
    assert f"{differing} of 4000" in panel.locator(".fsw-chart-facts").inner_text()
    regions = f"[region.mean(axis=0).tolist() for region in {PANEL}.answer.section.regions]"
    at = notebook.kernel_value(regions)[0]
    second = panel.locator(".fsw-pane-stage").nth(1)
    second.scroll_into_view_if_needed()
    box = second.bounding_box()
    view = notebook.page.evaluate("() => document.querySelector('.fsw-planes').fsw[1].view")
    assert box is not None
    scale = box["width"] / view[2]
    notebook.page.mouse.move(
        box["x"] + box["width"] / 2 + (at[0] - view[0]) * scale,
        box["y"] + box["height"] / 2 - (at[1] - view[1]) * scale,
    )
    caption = panel.locator(".fsw-pane-caption")
    notebook.wait_for(caption.inner_text, "what both say", lambda text: "they disagree" in text)
    cursors = notebook.page.evaluate(
        "() => document.querySelector('.fsw-planes').fsw.map((pane) => pane.cursor.at)"
    )
    assert cursors[0] == cursors[1]
    notebook.page.mouse.wheel(0, -400)
    notebook.wait_for_kernel(f"{PANEL}.answer.section.extent", lambda e: e[1] - e[0] < 0.9 * view[2])
    views = notebook.page.evaluate("() => document.querySelector('.fsw-planes').fsw.map((pane) => pane.view)")
    assert views[0] == views[1]
    second.press("0")
    notebook.wait_for_kernel(f"{PANEL}.answer.section.extent", lambda e: abs(e[1] - e[0] - view[2]) < 1e-6)
    tabs.show("two-models")
