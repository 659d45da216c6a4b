"""Cells that are run again and explorers that are closed leave nothing behind, in the page or in the kernel.

The long mode (``FSW_LONG=1 python -m pytest tests/browser/test_leaks.py -s``) runs 50 and 200 times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from browser.lab import Lab, NotebookPage
from robust.scale import tries

SHOW = """import featurespace_widgets as fsw
explorer = fsw.Explorer(fsw.load("mnist-2d"))
explorer"""
CLOSE = "explorer.close()"
# What JupyterLab, anywidget and bqplot themselves leave of a cell that is run and widgets that are closed:
# two charts of bars, as in the tab that opens first.
SHOW_LEAST = """import anywidget, bqplot, ipywidgets
class Least(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.className = 'least'; } }"
def chart():
    scales = {"x": bqplot.OrdinalScale(), "y": bqplot.LinearScale()}
    axes = [bqplot.Axis(scale=scales["x"]), bqplot.Axis(scale=scales["y"], orientation="vertical")]
    return bqplot.Figure(marks=[bqplot.Bars(x=list("abcdefghi"), y=list(range(9)), scales=scales)], axes=axes)
least = ipywidgets.VBox([Least(), chart(), chart()])
least"""
CLOSE_LEAST = "for part in (*least.children, least): part.close()"
# JavaScript listeners, nodes and bytes a cycle beyond that: ipywidgets' own tabs and boxes, and the modules
# that a page keeps for ever.
BEYOND = {"listeners": 60, "nodes": 300, "heap": 1.5e6}

# Observers and clocks that run; Chromium itself counts listeners and nodes.
WATCH = """window.held = { ours: 0, observers: 0, clocks: 0 };
const listen = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function (type, act, options) {
    if (options?.signal && type !== 'abort') {  // ours end through a signal
        held.ours += 1;
        listen.call(options.signal, 'abort', () => { held.ours -= 1; });
    }
    return listen.call(this, type, act, options);
};
for (const name of ['ResizeObserver', 'MutationObserver']) {
    const Real = window[name];
    window[name] = class extends Real {
        observe(...more) {
            if (!this.watching) held.observers += 1;
            this.watching = true;
            super.observe(...more);
        }
        disconnect() {
            if (this.watching) held.observers -= 1;
            this.watching = false;
            super.disconnect();
        }
    };
}
const [start, stop, clocks] = [window.setInterval, window.clearInterval, new Set()];
window.setInterval = (...more) => {
    const id = start(...more);
    held.clocks = clocks.add(id).size;
    return id;
};
window.clearInterval = (id) => {
    clocks.delete(id);
    held.clocks = clocks.size;
    stop(id);
};
"""
KERNEL = """{
    "widgets": len(__import__("ipywidgets").widgets.widget._instances),
    "comms": len(__import__("comm").get_comm_manager().comms),
    "threads": sum(t.name.startswith("featurespace") for t in __import__("threading").enumerate()),
    "views": __import__("gc").collect() * 0
        + sum(type(o).__name__ == "SliceView" for o in __import__("gc").get_objects()),
}""".replace("\n", " ")


@pytest.fixture
def notebook(chromium: Browser, lab: Lab) -> Iterator[NotebookPage]:
    notebook = NotebookPage(
        lab, chromium, lab.put([SHOW, CLOSE, SHOW_LEAST, CLOSE_LEAST], "leaks.ipynb"), WATCH
    )
    yield notebook
    problems = notebook.problems.copy()
    notebook.close()
    assert not problems


def counts(notebook: NotebookPage) -> dict[str, int]:
    """What page and kernel hold, after their garbage is collected."""
    tools = notebook.page.context.new_cdp_session(notebook.page)
    tools.send("Performance.enable")
    for _ in range(3):
        tools.send("HeapProfiler.collectGarbage")
    metrics = {
        entry["name"]: int(entry["value"]) for entry in tools.send("Performance.getMetrics")["metrics"]
    }
    tools.detach()
    page = {
        "listeners": metrics["JSEventListeners"],
        "nodes": metrics["Nodes"],
        "heap": metrics["JSHeapUsedSize"],
    }
    return (
        page
        | notebook.page.evaluate("held")
        | {"page comms": notebook.comms()}
        | notebook.kernel_value(KERNEL)
    )


def run_again(notebook: NotebookPage) -> None:
    notebook.run_cell(0)
    notebook.wait_for_page(
        "[...document.querySelectorAll('.fsw-slice')].map((root) => root.fsw?.state()?.cells.length ?? 0)",
        lambda cells: len(cells) == 1 and cells[0] > 0,
    )


def show_and_close(notebook: NotebookPage) -> None:
    run_again(notebook)
    notebook.run_cell(1)
    notebook.wait_for_page("document.querySelectorAll('.fsw-slice').length", lambda count: count == 0)


def least(notebook: NotebookPage) -> None:
    notebook.run_cell(2)
    notebook.wait_for_page(
        "document.querySelectorAll('.least ~ .bqplot .bar').length", lambda count: count == 18
    )
    notebook.run_cell(3)


def growth(notebook: NotebookPage, cycle: Callable[[NotebookPage], None], times: int) -> dict[str, float]:
    """How much more is held after each cycle, on average; the first two may still fill caches."""
    for _ in range(2):
        cycle(notebook)
    before = counts(notebook)
    for _ in range(times):
        cycle(notebook)
    after = counts(notebook)
    return {name: (after[name] - before[name]) / times for name in before}


@pytest.mark.parametrize(
    ("cycle", "times"),
    [(run_again, tries(6, 50)), (show_and_close, tries(6, 200))],
    ids=["run again", "closed"],
)
def test_nothing_is_left(notebook: NotebookPage, cycle: Callable[[NotebookPage], None], times: int):
    found = growth(notebook, cycle, times)
    theirs = growth(notebook, least, 6)
    print(f"\n{times} times, growth a cycle: {found}; of the least widget: {theirs}")
    for name in found.keys() - BEYOND.keys():
        assert found[name] == 0, name
    for name, bound in BEYOND.items():
        assert found[name] <= theirs[name] + bound, name
