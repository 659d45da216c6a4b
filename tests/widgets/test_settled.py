"""What is worked out once the point rests: certificate, outline of the hull, optimised image."""

import time

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from widgets.answers import wait


@pytest.fixture
def explorer():
    explorer = fsw.Explorer(fsw.load("mnist"), classes=(3, 5, 8))
    yield explorer
    explorer.close()


def settled(explorer):
    view = explorer.view
    return wait(lambda: view.certified.get("id") == view.answer["id"] and view.certified)


def finished(explorer):
    return wait(lambda: explorer.panel.optimised.get("running") is False and explorer.panel.optimised)


def residual(content):
    return next(float(value) for label, value, _ in content["facts"] if label == "residual")


def test_the_certificate_belongs_to_the_point(explorer):
    explorer.view.move_to([2.0, 1.0])
    found = settled(explorer)
    space, probe = explorer.space, explorer.view.probe
    projection = space.hull(probe.class_index).project(probe.features[None])
    assert found["hullVerdict"] == projection.verdicts[0]
    assert found["hullDistance"] == pytest.approx(projection.distances[0], rel=1e-6)
    signs = space.adjacency().signs[probe.class_index]
    assert found["adjacent"] == [space.head.class_names[k] for k in np.flatnonzero(signs == 1)]
    items = explorer.panel.carriers["items"]
    weights = np.sort(projection.weights[0])[::-1][: len(items)]
    assert [item["label"] for item in items] == [f"{100 * weight:.0f} %" for weight in weights]


def test_a_sample_rightly_classified_is_inside_the_hull_of_its_class(explorer):
    space, view = explorer.space, explorer.view
    row = int(np.flatnonzero((space.labels == 3) & (space.predictions == 3))[0])
    view.through_sample(row, 0)
    view.move_to(view.corners[0])
    assert settled(explorer)["hullVerdict"] == "inside"


@pytest.mark.parametrize("mode", ["boundary", "section"])
def test_the_outline_of_the_hull_comes_when_it_is_wanted(explorer, mode):
    space, view = explorer.space, explorer.view
    view.mode = mode
    assert "hull" not in settled(explorer)
    view.set_state({"options": {"thickness": 1.0, "regions": ["hull"]}})
    outline = wait(lambda: settled(explorer).get("hull"))
    corners = np.reshape(outline, (-1, 2))
    own = view.probe.class_index
    hull = space.hull(own)
    if mode == "section":
        assert set(hull.project(view.plane.from_plane(corners)).verdicts) == {"inside"}
    else:  # the shadow: no projected sample lies outside
        places = view.plane.to_plane(space.features[hull.rows])
        sides = np.roll(corners, -1, axis=0) - corners
        for corner, (ds, dt) in zip(corners, sides, strict=True):
            across = ds * (places - corner)[:, 1] - dt * (places - corner)[:, 0]
            assert across.min() > -1e-6


@pytest.mark.parametrize("reachable", [True, False])
def test_the_optimised_image_lands_as_far_from_the_point_as_it_says(explorer, reachable):
    space, view = explorer.space, explorer.view
    if reachable:  # features of an image that is no sample
        images = space.images[np.flatnonzero(space.labels == 3)[:2]]
        with torch.no_grad():
            features = space.classifier.features(torch.as_tensor(images.mean(axis=0, keepdims=True)))
        view.through_point(features[0].double().numpy(), "blend", 0)
        view.move_to(view.corners[0])
    else:
        view.move_to([1.0, 0.5])
    found = finished(explorer)
    residual = float({fact[0]: fact[1] for fact in found["facts"]}["residual"])
    assert found["note"] == ("" if residual < 1e-4 else "not reached: undecided")
    assert residual < 1e-4 or not reachable
    assert wait(lambda: list(view.overlays)) == ["optimised"]
    away = np.linalg.norm(view._overlays["optimised"].features[0] - view.probe.features)
    assert away == pytest.approx(residual, abs=0.006)


def test_the_next_move_ends_it(explorer):
    view = explorer.view
    finished(explorer)
    view.pose = {**view.pose, "id": 5, "probe": [0.1, 0.2], "final": False}
    assert explorer.panel.optimised == {}
    assert explorer.panel.carriers == {}
    assert view.overlays == {}


def test_cancel_and_again(explorer):
    finished(explorer)
    for callback in list(explorer.panel._msg_callbacks.callbacks):
        callback(explorer.panel, {"type": "cancel"}, [])
    assert explorer.panel.optimised["note"] == "cancelled"
    for callback in list(explorer.panel._msg_callbacks.callbacks):
        callback(explorer.panel, {"type": "again"}, [])
    assert wait(lambda: explorer.panel.optimised["note"] == "" and finished(explorer))


def test_out_of_sight_nothing_is_worked_out(explorer):
    view, panel = explorer.view, explorer.panel
    view.move_to([1.0, 0.5])
    streamed = wait(lambda: panel.optimised.get("running") and panel.optimised)
    view.set_state({"seen": False})
    time.sleep(0.3)  # what was on its way
    left = panel.optimised
    time.sleep(1.0)
    assert panel.optimised == left != {}
    assert left["running"], "it ended before it was left"
    view.set_state({"seen": True})
    found = finished(explorer)
    assert residual(found) <= residual(streamed)
    view.set_state({"seen": False})
    view.move_to([-1.0, 0.5])
    time.sleep(0.6)
    assert panel.optimised == {}
    assert view.certified.get("id") != view.answer["id"]
    view.set_state({"seen": True})
    finished(explorer)
    assert view.certified["id"] == view.answer["id"]


def test_any_options_of_a_browser_are_survived(explorer):
    for options in ({}, {"regions": 3}, {"regions": [None]}, {"thickness": "x"}):
        explorer.view.set_state({"options": options})
        explorer.view.move_to([0.3, 0.1])
        assert explorer.view.error == {}
