"""Kernels that are busy, interrupted, restarted and killed while a view is open, in a real JupyterLab.

The long mode (``FSW_LONG=1``) keeps the kernel busy for 30 s.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from browser.lab import Lab, NotebookPage
from browser.test_explorer import Person, check_image, pixels
from robust.scale import tries

CELL = """import featurespace_widgets as fsw
explorer = fsw.Explorer(fsw.load("mnist"), classes=(3, 5, 8))
explorer"""
GOALS = [(200.0, 150.0), (300.0, 320.0), (420.0, 210.0), (260.0, 260.0)]


class Explorer(Person):
    """A person who drags the point and sees what is drawn."""

    def drag(self, goal: tuple[float, float]) -> None:
        """Drag the point to a place of the stage: it is there at once, and drawn there."""
        self.slice.scroll_into_view_if_needed()  # what is out of sight is not drawn
        before = pixels(self.stage.locator("canvas").last)
        self.notebook.drag_by_frame(
            self.stage, [self.pixel(self.state()["pose"]["probe"]), (150.0, 150.0), goal]
        )
        assert self.pixel(self.state()["pose"]["probe"]) == pytest.approx(goal, abs=1.5)
        self.notebook.wait_for(
            lambda: (pixels(self.stage.locator("canvas").last) != before).any(), "the point is drawn there"
        )

    def told(self, words: str) -> None:
        """Wait until the view says something about its kernel; without words, until it says nothing."""
        notice = self.stage.locator(".fsw-notice")
        self.notebook.wait_for(
            lambda: notice.inner_text() if notice.is_visible() else "",
            f"the notice says {words!r}",
            lambda text: words in text if words else not text,
        )

    def answered(self) -> None:
        """Kernel and image have come to the point on screen."""
        self.settled()
        self.told("")
        check_image(self)


@pytest.fixture(scope="module")
def notebook(chromium: Browser, lab: Lab) -> Iterator[NotebookPage]:
    notebook = NotebookPage(lab, chromium, lab.put([CELL], "faults.ipynb"))
    yield notebook
    notebook.close()


@pytest.fixture
def person(notebook: NotebookPage) -> Iterator[Explorer]:
    """The cell was run again, and the point was dragged once."""
    person = Explorer(notebook)
    person.drag(GOALS[0])
    person.answered()
    yield person
    problems = notebook.problems.copy()
    notebook.problems.clear()
    assert not problems


def test_a_busy_kernel_is_waited_for(person: Explorer):
    # JupyterLab sends a widget's messages past a cell that runs, so the whole process stands still.
    kernel = person.notebook.kernel_value("__import__('os').getpid()")
    os.kill(kernel, signal.SIGSTOP)
    try:
        person.drag(GOALS[1])
        person.told("not answering")
        person.notebook.page.wait_for_timeout(tries(0, 25_000))
        person.drag(GOALS[2])
    finally:
        os.kill(kernel, signal.SIGCONT)
    person.answered()


def test_an_interrupted_kernel_goes_on(person: Explorer):
    notebook = person.notebook
    notebook.occupy("while True: pass")
    person.drag(GOALS[1])
    notebook.interrupt()
    notebook.wait_for_kernel("1")
    person.drag(GOALS[2])
    person.answered()


def test_a_restarted_kernel_is_told_and_the_cell_can_be_run_again(person: Explorer):
    person.notebook.restart_kernel()
    person.told("run the cell again")
    kept = person.state()["pose"]
    person.drag(GOALS[1])
    assert person.state()["pose"]["view"] == kept["view"]
    person.told("run the cell again")
    again(person)


def test_a_killed_kernel_is_told_and_the_cell_can_be_run_again(person: Explorer):
    notebook = person.notebook
    os.kill(notebook.kernel_value("__import__('os').getpid()"), signal.SIGKILL)
    notebook.page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    person.drag(GOALS[1])
    person.told("run the cell again")
    person.drag(GOALS[2])
    again(person)
    # JupyterLab and ipywidgets log that the kernel they had is gone.
    theirs = ("Could not send widget sync message", "WebSocket", "Failed to load resource")
    notebook.problems[:] = [text for text in notebook.problems if not any(words in text for words in theirs)]


def again(person: Explorer) -> None:
    """The new view of a cell that is run again lives."""
    person.notebook.forget_kernel()
    fresh = Explorer(person.notebook)
    fresh.drag(GOALS[3])
    fresh.answered()


def test_a_page_that_is_loaded_again_shows_the_same_view(person: Explorer):
    before = person.state()
    person.notebook.reload()
    person.notebook.wait_for(person.state, "the slice is drawn", lambda state: bool(state and state["cells"]))
    after = person.state()
    assert after["pose"]["probe"] == pytest.approx(before["pose"]["probe"])
    assert after["chip"] == pytest.approx(before["chip"])
    person.drag(GOALS[1])
    person.answered()


def test_two_browsers_on_one_notebook_show_the_same(person: Explorer, lab: Lab, chromium: Browser):
    person.notebook.command("docmanager:save")
    page = NotebookPage(lab, chromium, person.notebook.path)
    try:
        other = Explorer(page, run=False)
        for mover, watcher, goal in ((person, other, GOALS[1]), (other, person, GOALS[2])):
            mover.drag(goal)
            follows(watcher, mover)
        assert page.problems == []
    finally:
        page.page.close()


def test_a_widget_shown_twice_is_one_widget(open_notebook: Callable[[list[str]], NotebookPage]):
    notebook = open_notebook([CELL, "explorer"])
    first = Explorer(notebook)
    second = Explorer(notebook, run=False, number=1)
    for mover, watcher, goal in ((first, second, GOALS[0]), (second, first, GOALS[1])):
        mover.drag(goal)
        follows(watcher, mover)


def follows(watcher: Explorer, mover: Explorer) -> None:
    """The other view comes to the same point, read-out and image."""
    mover.answered()
    wanted = mover.state()
    got = watcher.notebook.wait_for(
        watcher.state, "the other view follows",
        lambda state: state["pose"]["probe"] == pytest.approx(wanted["pose"]["probe"]),
    )  # fmt: skip
    assert got["chip"] == pytest.approx(wanted["chip"])
    watcher.answered()
