"""The harness itself, on an inline widget: what it reports is true, and what it must refuse it refuses."""

from __future__ import annotations

import pytest

COUNTER = """
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = '''
    function render({ model, el }) {
        const button = document.createElement("button");
        button.className = "counter";
        const draw = () => { button.textContent = `${model.get("count")} at ${model.get("place")}`; };
        model.on("change", draw);
        button.addEventListener("click", () => {
            model.set("count", model.get("count") + 1);
            model.save_changes();
        });
        button.addEventListener("pointerdown", (event) => button.setPointerCapture(event.pointerId));
        button.addEventListener("pointermove", (event) => {
            if (event.buttons !== 1) return;
            model.set("place", Math.round(event.clientX - button.getBoundingClientRect().left));
            model.save_changes();
        });
        button.style = "width: 300px; height: 40px";
        draw();
        el.append(button);
    }
    export default { render };
    '''
    count = traitlets.Int(0).tag(sync=True)
    place = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter
"""
LINE = [(10 + 4 * step, 20) for step in range(31)]


def test_click_reaches_the_kernel_and_a_restart_forgets_it(open_notebook):
    notebook = open_notebook([COUNTER])
    notebook.run_all()
    notebook.page.locator("button.counter").click()
    assert notebook.wait_for_kernel("counter.count", lambda count: count > 0) == 1
    notebook.restart()
    notebook.run_all()
    assert notebook.kernel_value("counter.count") == 0
    assert notebook.problems == []


@pytest.mark.parametrize("drag", ["drag_by_frame", "drag_by_mouse"])
def test_drag_ends_where_the_pointer_ends(open_notebook, drag):
    notebook = open_notebook([COUNTER])
    notebook.run_all()
    button = notebook.page.locator("button.counter")
    getattr(notebook, drag)(button, LINE)
    notebook.wait_for_kernel("counter.place", lambda place: place == LINE[-1][0])


def test_kernel_changes_and_themes_reach_the_page(open_notebook):
    notebook = open_notebook([COUNTER, "counter.count = 41"])
    notebook.run_all()
    notebook.page.get_by_text("41 at 0").wait_for()
    background = "getComputedStyle(document.body).getPropertyValue('--jp-layout-color0')"
    light = notebook.page.evaluate(background)
    notebook.set_theme("dark")
    notebook.wait_for_page(background, lambda dark: dark != light)


def test_exception_in_a_cell_is_an_error(open_notebook):
    notebook = open_notebook(["1 / 0"])
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        notebook.run_all()


def test_problems_of_a_page_are_collected(open_notebook):
    notebook = open_notebook([])
    notebook.page.evaluate("setTimeout(() => { throw new Error('thrown'); })")
    notebook.page.evaluate("fetch('http://elsewhere.example/').catch(() => console.error('logged'))")
    notebook.wait_for(lambda: len(notebook.problems), "problems", lambda count: count >= 3)
    text = "\n".join(notebook.problems)
    assert "thrown" in text
    assert "logged" in text
    assert "off this machine: http://elsewhere.example/" in text
    notebook.problems.clear()
