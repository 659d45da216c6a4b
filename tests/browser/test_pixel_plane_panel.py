"""The pixel plane tab in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

from browser.lab import NotebookPage
from browser.test_panels import Tabs

PANEL = "explorer.tabs.panel('Pixel plane')"


def test_the_cursor_over_one_plane_is_followed_on_the_other(open_notebook: Callable[[str], NotebookPage]):
    tabs = Tabs(open_notebook("01_explore.ipynb"))
    notebook, panel = tabs.notebook, tabs.open("Pixel plane")
    stage = panel.locator(".fsw-pane-stage").first
    note = panel.locator(".fsw-pane-note").first
    notebook.wait_for(note.inner_text, "a lattice", lambda text: "points" in text)
    # The lattice is still getting finer while the cursor is moved.
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    notebook.page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.6 * box["height"])
    caption = panel.locator(".fsw-pane-caption")
    notebook.wait_for(caption.inner_text, "where it lands", lambda text: "off the feature slice" in text)
    at = notebook.page.evaluate(
        "() => document.querySelector('.fsw-planes').fsw.map((pane) => pane.cursor.at)"
    )
    link = f"{PANEL}._link"
    landed = notebook.kernel_value(f"{link}.slice.to_plane({link}.land([{at[0]}]))[0]")
    assert max(abs(a - b) for a, b in zip(landed, at[1], strict=True)) < 1e-3
    picture = panel.locator(".fsw-pane-image canvas")
    assert picture.evaluate("(canvas) => canvas.width") == 28
    stage.focus()
    notebook.page.keyboard.press("ArrowRight")
    moved = notebook.page.evaluate("() => document.querySelector('.fsw-planes').fsw[0].cursor.at")
    assert moved[0] > at[0][0]
    notebook.wait_for_kernel("list(explorer.view.overlays)", lambda names: "pixel plane" in names)
    tabs.show("pixel-plane")
