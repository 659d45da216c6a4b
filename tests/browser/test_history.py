"""Undo, bookmarks and code by their buttons, in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from browser.lab import NotebookPage

VIEW = "explorer.view"


def test_undo_bookmark_and_code(open_notebook: Callable[[str], NotebookPage]):
    notebook = open_notebook("01_explore.ipynb")
    notebook.run_all()
    root = notebook.page.locator(".fsw-explorer").first
    undo, redo = (root.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    start = notebook.kernel_value(f"{VIEW}.probe.st.tolist()")
    assert undo.is_disabled()

    point = root.get_by_role("application").first
    point.focus()
    for _ in range(5):
        notebook.page.keyboard.press("ArrowRight")
    notebook.wait_for(lambda: undo.is_enabled(), "something to undo")
    root.get_by_role("button", name="Bookmark this view").click()
    bookmarks = root.get_by_role("combobox", name="Go to a bookmark")
    notebook.wait_for(bookmarks.is_visible, "the bookmark")
    moved = notebook.kernel_value("list(explorer.bookmarks.values())[0]['point']")
    assert moved[0] > start[0]
    root.get_by_role("button", name="Section", exact=True).click()
    notebook.wait_for(lambda: notebook.kernel_value(f"{VIEW}.mode"), "the section", lambda m: m == "section")
    bookmarks.select_option(index=1)
    notebook.wait_for(lambda: notebook.kernel_value(f"{VIEW}.mode"), "the plane", lambda m: m == "boundary")
    assert notebook.kernel_value(f"{VIEW}.probe.st.tolist()") == pytest.approx(moved, abs=1e-6)

    root.get_by_role("button", name="This view as code").click()
    text = root.get_by_role("textbox", name="This view as Python")
    code = notebook.wait_for(lambda: text.input_value(), "the code")
    assert "fsw.Explorer(state=state)" in code
    assert code == notebook.kernel_value("explorer.to_code()")

    for place in reversed(range(notebook.kernel_value("explorer._history._here"))):
        undo.click()
        notebook.wait_for_kernel("explorer._history._here", lambda here, place=place: here == place)
    notebook.wait_for(
        lambda: notebook.kernel_value(f"{VIEW}.probe.st.tolist()"),
        "the first place",
        lambda st: st == pytest.approx(start, abs=1e-6),
    )
    notebook.wait_for(redo.is_enabled, "something to redo")
    notebook.wait_for(undo.is_disabled, "nothing left to undo")
