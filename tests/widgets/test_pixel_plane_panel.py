"""The pixel plane tab on the kernel's side."""

import time

import numpy as np
import pytest
import torch
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.pixels.pixel_plane import ClassGrid
from featurespace_widgets.widgets.panels.plans import cell_spots, grid_edges, grid_runs, grid_spots
from widgets.answers import answer


class Small(nn.Module):
    """A dense network, whose planes have few pieces."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU())
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(2)
    images = rng.uniform(size=(60, 1, 4, 4)).astype(np.float32)
    return fsw.FeatureSpace.from_model(Small(), images)


@pytest.fixture(scope="module")
def shown(small):
    explorer = fsw.Explorer(small)
    panel = explorer.tabs.select("Pixel plane")
    answer(panel)
    return explorer, panel


def test_a_small_network_is_shown_by_exact_polygons(small, shown):
    _, panel = shown
    found = panel.answer
    assert found.partition.verdict == "yes"
    assert found.partition.verify()
    pane, section = panel.planes.panes
    counts = np.frombuffer(pane["counts"], "<u2")
    assert len(counts) == len(found.partition.cells)
    assert pane["note"] == f"Exact: {len(counts)} polygons."
    assert [corner["label"] for corner in pane["corners"]] == list(found.trio.labels)
    corners = [corner["at"] for corner in section["corners"]]
    features = small.classifier.features(torch.as_tensor(found.trio.images, dtype=torch.float32))
    np.testing.assert_allclose(
        found.link.slice.from_plane(corners), features.detach().double().numpy(), atol=1e-4
    )


def test_the_image_under_the_cursor_lands_where_the_model_says(small, shown):
    explorer, panel = shown
    at = np.array([0.3, 0.1])
    panel.planes.cursor = {"id": 1, "pane": 0, "at": at.tolist()}
    reply = panel.planes.answer
    assert (reply["id"], reply["pane"]) == (1, 1)
    link = panel.answer.link
    image = link.pixels.from_plane(at[None])
    features = (
        small.classifier.features(torch.as_tensor(image, dtype=torch.float32)).detach().double().numpy()
    )
    np.testing.assert_allclose(reply["at"], link.slice.to_plane(features)[0], atol=1e-4)
    assert "pixel plane" in explorer.view.overlays


def test_a_point_of_the_slice_has_a_nearest_blend_in_the_box(shown):
    _, panel = shown
    link = panel.answer.link
    at = link.slice.to_plane(link.corners[1:2])[0]
    panel.planes.cursor = {"id": 2, "pane": 1, "at": at.tolist()}
    np.testing.assert_allclose(panel.planes.answer["at"], link.pixels.corners[1], atol=1e-2)
    assert "nearest blend, 0.00 away" in panel.planes.answer["text"]


@pytest.mark.parametrize(
    "cursor", [{"id": 3, "pane": 7, "at": [0, 0]}, {"id": 3, "pane": 0, "at": "ab"}, {"id": 3}]
)
def test_a_cursor_that_is_none_is_answered_with_a_card(shown, cursor):
    _, panel = shown
    panel.planes.cursor = cursor
    assert panel.planes.answer["id"] == 3
    assert panel.planes.error["title"] == "This point could not be computed"
    panel.planes.cursor = {"id": 4, "pane": 0, "at": [0.0, 0.0]}
    assert not panel.planes.error


def test_moving_the_point_moves_the_cursor_and_computes_no_plane_again(small, shown):
    explorer, panel = shown
    before, link = panel.answer, panel._link
    explorer.view.move_to(explorer.view.plane.to_plane(small.features[5:6])[0])
    y = explorer.view.probe.features
    foot = link.slice.to_plane(y[None])[0]
    end = time.monotonic() + 30
    while not (panel.planes.answer["id"] < 0 and np.allclose(panel.planes.answer["from"], foot)):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert panel.answer is before
    assert panel._link is link


def test_a_smaller_window_is_computed_and_the_planes_can_go_on_the_slice(small):
    explorer = fsw.Explorer(small)
    panel = explorer.tabs.select("Pixel plane")
    first = answer(panel)
    s, t, span = panel.planes.panes[0]["view"]
    panel.planes.views = [[s, t, span / 4], list(panel.planes.panes[1]["view"])]
    second = answer(panel, first)
    s0, s1, _, _ = second.grid.extent
    assert s1 - s0 == pytest.approx(span / 4)
    assert second.link is first.link
    panel.show_slice.click()
    assert explorer.view.mode == "section"
    np.testing.assert_allclose(explorer.view.built.corners, first.link.corners)


def test_lattices_come_first_where_exact_polygons_are_too_many():
    explorer = fsw.Explorer(fsw.load("mnist"))
    panel = explorer.tabs.select("Pixel plane")
    notes = set()
    end = time.monotonic() + 120
    while panel.answer is None:
        assert time.monotonic() < end
        notes |= {pane["note"] for pane in panel.planes.panes[:1]}
        time.sleep(0.01)
    found = answer(panel)
    assert "9 x 9 points, getting finer." in notes
    assert found.partition.verdict == "undecided"
    assert "more than 6000 affine pieces" in panel.planes.panes[0]["note"]
    seen = {int(found.link.slice.head.predict(found.link.corners[k : k + 1])[0]) for k in range(3)}
    assert seen <= set(np.unique(found.grid.classes).tolist())


def test_images_of_one_class_are_told_apart_by_numbers(small):
    explorer = fsw.Explorer(small)
    panel = explorer.tabs.select("Pixel plane")
    before = answer(panel)
    panel.choice.value = "point"
    found = answer(panel, before)
    near = small.nearest_images(explorer.view.probe.features[None], 3)[1][0]
    assert found.trio.rows == tuple(near)
    assert len(set(found.trio.labels)) == 3


def test_what_is_missing_is_said():
    explorer = fsw.Explorer(fsw.FeatureSpace.from_arrays(np.eye(3)))
    panel = explorer.tabs.select("Pixel plane")
    assert "without the model nothing can be said of images" in panel.text.value


def test_runs_and_edges_of_a_lattice():
    grid = ClassGrid((0.0, 2.0, 0.0, 2.0), np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]]))
    runs = grid_runs(grid)
    assert [index for index, _ in runs] == [0, 1, 0, 1, 2]
    area = sum(np.ptp(polygon[:, 0]) * np.ptp(polygon[:, 1]) for _, polygon in runs)
    assert area == pytest.approx(9.0)
    edges = grid_edges(grid)
    assert len(edges) == 5  # two beside class 1, three below class 2
    assert {tuple(edge.ravel()) for edge in edges} >= {(1.5, -0.5, 1.5, 0.5), (-0.5, 1.5, 0.5, 1.5)}
    assert {spot["classIndex"] for spot in grid_spots(grid)} == {0, 1, 2}


def test_names_stand_inside_their_cells():
    space = fsw.load("mnist-2d")
    plane = space.slice([[0.0, 0.0], [40.0, 0.0], [0.0, 40.0]])
    cells = plane.cells((-60, 60, -60, 60))
    for spot in cell_spots(cells):
        assert space.head.predict(plane.from_plane([spot["at"]]))[0] == spot["classIndex"]
