"""Undo and redo, states, bookmarks and code: the same view comes back."""

from __future__ import annotations

import json

import numpy as np
import pytest

import featurespace_widgets as fsw


@pytest.fixture(scope="module")
def fashion():
    return fsw.load("fashion-mnist")


@pytest.fixture
def explorer(fashion):
    explorer = fsw.Explorer(fashion, classes=(2, 4, 6))
    yield explorer
    explorer.close()


def tilt(explorer):
    """As the browser does: another frame, moved corners."""
    view = explorer.view
    view.mode = "section"
    frame = np.array(view.pose["frame"])
    frame[0, 0] += 0.2
    frame[0, 1] -= 0.2
    handles = np.add(view.pose["handles"], [[0, 0], [1, 0], [0, 2]]).tolist()
    view.pose = {**view.pose, "frame": frame.tolist(), "handles": handles, "probe": [0.7, -0.4], "id": 7}
    assert view.error == {}


def seen(explorer):
    view = explorer.view
    corners = view.plane.from_plane(view.corners) if view.corners else np.zeros(0)
    centre = view.plane.from_plane([view.window[:2]])
    return view.mode, view.classes, view.probe.features, corners, centre, view.window[2]


def same(found, wanted):
    assert found[:2] == wanted[:2]
    for a, b in zip(found[2:], wanted[2:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)


MOVES = {
    "boundary": lambda explorer: explorer.view.move_to([1.0, -2.0]),
    "means": lambda explorer: setattr(explorer.view, "mode", "section"),
    "samples": lambda explorer: explorer.view.through_sample(77, 1),
    "named": lambda explorer: explorer.view.through_point(explorer.space.features[4] + 0.5, "flip", 2),
    "tilted": tilt,
}


@pytest.mark.parametrize("move", MOVES)
def test_a_state_brings_the_view_back(explorer, fashion, move):
    MOVES[move](explorer)
    state = json.loads(json.dumps(explorer.state))
    assert len(json.dumps(state)) < 6000
    other = fsw.Explorer(fashion, state=state)
    same(seen(other), seen(explorer))
    assert other.toolbar.mode == explorer.view.mode
    assert other.state["classes"] == state["classes"]
    other.close()


def test_a_sample_stays_a_sample(explorer, fashion):
    explorer.view.through_sample(77, 1)
    assert explorer.state["anchors"][1] == 77
    other = fsw.Explorer(fashion, state=explorer.state)
    assert other.view.scene["section"]["labels"][1] == "sample 77"
    other.close()


def test_a_name_without_its_vector_is_no_sample(explorer, fashion):
    """Names come from callers; the state must not put a training sample in place of their vector."""
    vector = fashion.features[77] + 1.0
    explorer.view.through_point(vector, "sample 77", 1)
    other = fsw.Explorer(fashion, state=json.loads(json.dumps(explorer.state)))
    np.testing.assert_allclose(other.view.built.corners[1], vector, atol=1e-12)
    assert other.view.scene["section"]["labels"][1] == "sample 77"
    other.close()


def test_undo_and_redo_walk_through_everything(explorer):
    places = [seen(explorer)]
    for move in ("boundary", "samples", "tilted"):
        MOVES[move](explorer)
        places.append(seen(explorer))
    explorer.toolbar.chosen = [0, 1]
    places.append(seen(explorer))
    assert explorer.toolbar.undoable
    assert not explorer.toolbar.redoable
    back = []
    while explorer.toolbar.undoable:
        back.append(seen(explorer))
        explorer.undo()
    same(seen(explorer), places[0])
    assert explorer.toolbar.chosen == [2, 4, 6]
    for place in places:
        assert any(p[:2] == place[:2] for p in [*back, seen(explorer)])
    while explorer.toolbar.redoable:
        explorer.redo()
    same(seen(explorer), places[-1])
    assert explorer.toolbar.chosen == [0, 1]
    explorer.redo()
    same(seen(explorer), places[-1])


def test_a_new_step_forgets_what_was_undone(explorer):
    explorer.view.move_to([1, 1])
    explorer.view.move_to([2, 2])
    explorer.undo()
    explorer.view.move_to([3, 3])
    assert not explorer.toolbar.redoable
    explorer.undo()
    np.testing.assert_allclose(explorer.view.probe.st, [1, 1])


def test_moves_on_the_way_are_no_steps(explorer):
    start = explorer.view.probe.st
    for k in range(20):
        explorer.view.pose = {**explorer.view.pose, "probe": [k / 10, 0.0], "final": k == 19, "id": k + 1}
    explorer.undo()
    np.testing.assert_allclose(explorer.view.probe.st, start)


def test_undo_goes_back_to_another_model():
    explorer = fsw.explore()
    first = seen(explorer)
    explorer.toolbar.model = "mnist-2d"
    assert explorer.space.head.dimension == 2
    while explorer.toolbar.undoable:
        explorer.undo()
    same(seen(explorer), first)
    assert explorer.toolbar.model == "fashion-mnist"
    state = explorer.state
    explorer.toolbar.model = "mnist-2d"
    explorer.restore(state)
    same(seen(explorer), first)
    explorer.close()


def test_bookmarks(explorer):
    explorer.bookmark("here")
    where = seen(explorer)
    tilt(explorer)
    explorer._asked(explorer.toolbar, {"type": "bookmark"}, [])
    assert list(explorer.bookmarks) == explorer.toolbar.bookmarks == ["here", "2: Pullover, Coat, Shirt"]
    explorer._asked(explorer.toolbar, {"type": "go", "name": "here"}, [])
    same(seen(explorer), where)
    with pytest.raises(ValueError, match="needs a name"):
        explorer.bookmark(" ")


@pytest.mark.parametrize("bundled", [True, False])
def test_the_code_rebuilds_the_view(fashion, bundled):
    explorer = fsw.explore() if bundled else fsw.Explorer(fashion)
    explorer.view.through_sample(12, 0)
    names = {"space": fashion}
    exec(explorer.to_code(), names)
    same(seen(names["explorer"]), seen(explorer))
    explorer._asked(explorer.toolbar, {"type": "code"}, [])
    assert explorer.toolbar.code == explorer.to_code()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 9}, "version 1"),
        ({"model": "x"}, "model must be one of"),
        ({"mode": "sideways"}, "mode must be"),
        ({"point": [0, "a"]}, "2 finite numbers"),
        ({"point": [0, float("nan")]}, "2 finite numbers"),
        ({"window": [0, 0, 0]}, "above 0"),
        ({"window": None}, "3 finite numbers"),
        ({"classes": [0, 99]}, "99"),
        ({"classes": "ab"}, "list of indices"),
        ({"anchors": [1, 2]}, "three samples"),
        ({"anchors": [1, 2, 10**9]}, "sample from 0 to"),
        ({"anchors": [1, 2, "x"]}, "a row of the samples or a vector"),
        ({"anchors": [1, 2, [1.0]]}, "anchors"),
        ({"anchors": [1, 1, 1]}, "three different feature vectors"),
    ],
)
def test_a_wrong_state_is_refused_and_nothing_changes(explorer, change, reason):
    before = seen(explorer)
    with pytest.raises(ValueError, match=reason):
        explorer.restore({**explorer.state, "mode": "section", **change})
    same(seen(explorer), before)


@pytest.mark.parametrize("state", [None, 3, [], {}, {"model": "space 1"}])
def test_what_is_no_state_is_refused(explorer, state):
    with pytest.raises(ValueError, match="state"):
        explorer.restore(state)


def test_buttons_send_nothing_that_breaks(explorer):
    before = seen(explorer)
    for content in (None, 3, {}, {"type": "go", "name": "nowhere"}, {"type": "go", "name": []}, {"type": 3}):
        explorer._asked(explorer.toolbar, content, [])
    same(seen(explorer), before)
