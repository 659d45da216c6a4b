"""Other hosts than JupyterLab: a person opens the explorer, drags the point, and sees class and image change.

The page that `Explorer.to_html` saves is tested in `test_standalone`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from browser.conftest import SCREENSHOTS
from browser.lab import Lab, wait_until, watch
from browser.test_explorer import pixels

CELL = """import featurespace_widgets as fsw
explorer = fsw.Explorer(fsw.load("mnist"), classes=(3, 5, 8))
explorer"""
STATE = "root => root.fsw.state()"
# Notebook and Voila report these on a page without any widget, too: one error of Notebook's settings; icons
# and formulas that Voila's template asks of the network; extensions that Voila does not load.
THEIRS = ("(reading 'schema')", "fontawesome", "mathjax", "RUNTIME-012")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server of its own: once Notebook 7 was served, JupyterLab's fonts are refused."""
    server = Lab(tmp_path_factory.mktemp("hosts"))
    yield server
    server.stop()


def notebook_7(page: Page, lab: Lab) -> None:
    page.goto(lab.address(f"notebooks/{lab.put([CELL], 'hosts.ipynb')}"))
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    idle.wait_for(state="attached", timeout=60_000)
    editor, prompt = (
        page.locator(f".jp-Notebook .jp-{part}").first for part in ("InputArea-editor", "InputPrompt")
    )

    def run() -> str:
        """Notebook 7 is idle before it takes keys: press again where nothing came of it."""
        if prompt.inner_text() == "[ ]:":
            editor.click()
            page.keyboard.press("Shift+Enter")
            page.wait_for_timeout(3_000)
        return prompt.inner_text()

    wait_until(run, "the cell runs", lambda text: text != "[ ]:", page.wait_for_timeout)


def voila(page: Page, lab: Lab) -> None:
    page.goto(lab.address(f"voila/render/{lab.put([CELL], 'hosts.ipynb')}"))


@pytest.mark.parametrize("open_", [notebook_7, voila])
def test_dragging_changes_class_and_image(chromium: Browser, lab: Lab, open_: Callable[[Page, Lab], None]):
    page = chromium.new_page(viewport={"width": 1300, "height": 1000})
    problems = watch(page)
    try:
        open_(page, lab)
        look_and_drag(page)
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"host-{open_.__name__}.png")
    finally:
        page.close()
    assert [text for text in problems if not any(words in text for words in THEIRS)] == []


def look_and_drag(page: Page) -> None:
    view, image = page.locator(".fsw-slice"), page.locator("canvas.fsw-image")
    view.wait_for(timeout=60_000)
    view.scroll_into_view_if_needed()
    seen = page.locator(".fsw-facts")

    def wait(value, what, accept=bool):
        return wait_until(value, what, accept, page.wait_for_timeout)

    before = wait(lambda: view.evaluate(STATE), "the slice", lambda state: state and state["cells"])
    facts = wait(seen.inner_text, "the image's facts")
    first = pixels(image).astype(int)
    box = page.locator(".fsw-stage").bounding_box()
    s, t, span = before["pose"]["view"]
    scale = box["width"] / span
    start = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    start += scale * np.array([1, -1]) * (np.array(before["pose"]["probe"]) - [s, t])
    other = next(cell for cell in before["cells"] if cell["classIndex"] != before["chip"]["classIndex"])
    goal = start + scale * np.array([1, -1]) * (np.mean(other["polygon"], axis=0) - before["pose"]["probe"])
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*((start + goal) / 2))
    page.mouse.move(*goal)
    page.mouse.up()
    after = view.evaluate(STATE)
    assert after["chip"]["classIndex"] == other["classIndex"]
    wait(seen.inner_text, "the image of the new point", lambda text: text != facts)
    wait(lambda: np.abs(pixels(image).astype(int) - first).mean(), "another image", lambda change: change > 5)
