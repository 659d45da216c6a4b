"""Explorers that nobody sees or names are closed when their cell runs again; all others are kept."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest
from jupyter_client.manager import start_new_kernel

SHOW = "explorer = fsw.Explorer(space)\nexplorer"
OPEN = "sum(type(w).__name__ == 'Explorer' for w in widgets.widget._instances.values())"


@pytest.fixture(scope="module")
def kernel() -> Iterator[Callable[[str, str], int]]:
    """Run code as a notebook's cell of some id does; returns how many explorers are open then."""
    manager, client = start_new_kernel(kernel_name="python3")

    def run(cell: str, code: str) -> int:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {"open": OPEN}}
        message = client.session.msg("execute_request", content, metadata={"cellId": cell})
        client.shell_channel.send(message)
        answer = client.get_shell_msg(timeout=120)
        while answer["parent_header"]["msg_id"] != message["header"]["msg_id"]:
            answer = client.get_shell_msg(timeout=120)
        assert answer["content"]["status"] == "ok", answer["content"]
        # Expressions are evaluated before the cell's end is told to those who close.
        later = client.execute_interactive("", silent=True, user_expressions={"open": OPEN}, timeout=120)
        return int(ast.literal_eval(later["content"]["user_expressions"]["open"]["data"]["text/plain"]))

    run("setup", "import ipywidgets as widgets, featurespace_widgets as fsw\nspace = fsw.load('mnist-2d')")
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def run(kernel) -> Callable[[str, str], int]:
    kernel("end", "for w in list(widgets.widget._instances.values()): w.close()")
    kernel("end", "kept = other = explorer = None")
    return kernel


def test_a_cell_that_runs_again_leaves_one(run):
    assert [run("a", SHOW) for _ in range(4)] == [1, 1, 1, 1]
    assert run("a", "import gc; gc.collect(); assert explorer.comm is not None") == 1


@pytest.mark.parametrize(
    "keep", ["other = explorer", "kept = [explorer]", "kept = {1: explorer}", "other = explorer.view"]
)
def test_one_that_has_a_name_is_kept(run, keep):
    run("a", SHOW)
    run("b", keep)
    assert run("a", SHOW) == 2
    run("b", "kept = other = None")
    assert run("c", "1") == 1


def test_one_that_another_cell_shows_is_kept(run):
    run("a", SHOW)
    run("b", "explorer")
    assert run("a", SHOW) == 2
    assert run("b", "explorer") == 1


def test_several_of_one_cell_are_kept_together(run):
    assert (
        run("a", "from IPython.display import display\nfor _ in range(3): display(fsw.Explorer(space))") == 3
    )
    assert run("b", "1") == 3
    assert run("a", SHOW) == 1


def test_without_cells_that_have_an_id_nothing_is_closed(run):
    assert [run(None, SHOW) for _ in range(2)] == [1, 2]
