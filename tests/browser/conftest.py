"""One JupyterLab server and one Chromium for the whole run, one page for each notebook."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.chromium import FLAGS, find_chromium
from browser.lab import Lab, NotebookPage

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parents[1] / "notebooks"
SCREENSHOTS = HERE / "screenshots"
_REPORTS = pytest.StashKey[pytest.TestReport]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[_REPORTS] = report
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        reason = "no Chromium, Chrome or Edge is installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def kept_pages(chromium: Browser, lab: Lab) -> Iterator[dict[str, NotebookPage]]:
    """Pages of the project's notebooks by name: a new kernel is faster than a new page."""
    pages: dict[str, NotebookPage] = {}
    yield pages
    for page in pages.values():
        page.close()


@pytest.fixture
def open_notebook(
    request: pytest.FixtureRequest, chromium: Browser, lab: Lab, kept_pages: dict[str, NotebookPage]
) -> Iterator[Callable[[str | Sequence[str]], NotebookPage]]:
    """Open a notebook in JupyterLab with a fresh kernel and the light theme, no cell run yet.

    Takes the name of one of the project's notebooks, or the sources of the code cells of a new one. The test
    fails when a page it opened logs an error, leaves one uncaught or asks for anything off this machine.
    """
    test = re.sub(r"\W+", "-", request.node.name).strip("-")
    opened: list[NotebookPage] = []
    passing: list[NotebookPage] = []

    def open_(source: str | Sequence[str]) -> NotebookPage:
        if not isinstance(source, str):
            notebook = NotebookPage(lab, chromium, lab.put(source, f"{test}-{len(passing)}.ipynb"))
            passing.append(notebook)
        elif source in kept_pages:
            notebook = kept_pages[source]
            notebook.restart()
        else:
            notebook = NotebookPage(lab, chromium, lab.put(NOTEBOOKS / source, source))
            kept_pages[source] = notebook
        opened.append(notebook)
        notebook.set_theme("light")
        return notebook

    yield open_
    problems = [problem for notebook in opened for problem in notebook.problems]
    report = request.node.stash.get(_REPORTS, None)
    if problems or (report and report.failed):
        SCREENSHOTS.mkdir(exist_ok=True)
        for number, notebook in enumerate(opened):
            notebook.page.screenshot(path=SCREENSHOTS / f"{test}-{number}.png")
    for notebook in opened:
        notebook.problems.clear()
    for notebook in passing:
        notebook.close()
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
