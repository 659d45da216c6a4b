"""The arrangement tab on the kernel's side."""

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.geometry.hull_pairs import separate
from widgets.answers import answer


@pytest.fixture(scope="module")
def digits():
    return fsw.load("mnist-2d")


def open_panel(space, **options):
    explorer = fsw.Explorer(space, **options)
    return explorer, explorer.tabs.select("Arrangement")


def test_adjacency_has_a_witness_or_a_proof_for_each_pair(digits):
    _, panel = open_panel(digits)
    found = answer(panel)
    signs = found.adjacency.signs
    entries = panel.matrix.table["entries"]
    off = ~np.eye(10, dtype=bool)
    assert {"yes", "no"} <= set(found.adjacency.verdicts[off].tolist())
    for i in range(10):
        for j in range(10):
            if i == j:
                assert entries[i][j] is None
            elif signs[i, j] > 0:
                assert entries[i][j]["text"] == f"{found.adjacency.witness(i, j).margin:.3g}"
            else:
                assert (entries[i][j]["mark"], entries[i][j]["text"]) == ("no", "no")
                assert "by a proof" in entries[i][j]["said"]
    assert "all right" in panel.facts.value


def test_a_picked_pair_is_shown_on_the_slice_and_in_the_toolbar(digits):
    explorer, panel = open_panel(digits)
    before = answer(panel)
    i, j = np.argwhere(before.adjacency.signs > 0)[0]
    panel.matrix.picked = [int(i), int(j), 1]
    assert explorer.view.classes == (i, j)
    assert explorer.toolbar.chosen == [i, j]
    after = answer(panel, before)
    assert after.adjacency is before.adjacency
    assert panel.matrix.chosen == [i, j]
    panel.witness.click()
    point = explorer.view.built.corners[0]
    logits = digits.head.logits(point)[0]
    assert logits[i] == pytest.approx(logits[j], abs=1e-6)
    assert logits.max() == pytest.approx(logits[i], abs=1e-6)


@pytest.mark.parametrize("picked", [[0, 0, 1], [0, 99, 1], ["a", 1], [], [1.5, 2]])
def test_what_is_no_pair_is_not_picked(digits, picked):
    explorer, panel = open_panel(digits)
    answer(panel)
    before = explorer.view.classes
    panel.matrix.picked = picked
    assert explorer.view.classes == before


def test_gaps_are_those_of_the_hulls():
    rng = np.random.default_rng(1)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    labels = np.repeat([0, 1, 2], 20)
    features = centres[labels] + rng.uniform(-1, 1, size=(60, 2))
    space = fsw.FeatureSpace.from_arrays(centres, -0.5 * np.square(centres).sum(axis=1), features, labels)
    _, panel = open_panel(space)
    before = answer(panel)
    panel.which.value = "gap"
    found = answer(panel, before)
    expected = separate(features[labels == 0], features[labels == 2]).gap
    assert found.values[0, 2] == pytest.approx(expected)
    assert found.gaps[(0, 1)].verify()


@pytest.mark.parametrize("kind", ["distance", "normals", "classes"])
def test_closed_forms_are_shown(digits, kind):
    explorer, panel = open_panel(digits)
    before = answer(panel)
    panel.which.value = kind
    found = answer(panel, before)
    assert found.kind == kind
    if kind == "distance":
        own = int(digits.head.predict(explorer.view.probe.features)[0])
        others = np.delete(found.values[own], own)
        assert others.min() == pytest.approx(explorer.view.probe.radius)
    else:
        assert np.nanmax(found.values) <= 180


def test_pixel_space_is_compared_at_the_nearest_image(digits):
    explorer, panel = open_panel(digits)
    before = answer(panel)
    panel.which.value = "pixels"
    found = answer(panel, before)
    row = digits.nearest_images(explorer.view.probe.features[None], 1)[1][0, 0]
    expected = digits.compare(digits.images[row : row + 1])
    np.testing.assert_allclose(found.values, expected.pixel_summary[0].angles, atol=1e-6)
    assert f"{expected.rank_correlation[0]:.2f}" in panel.facts.value
    assert f"{expected.linear_distances[0, 0]:.3g}" in panel.table.value


def test_many_classes_show_the_chosen_and_the_nearest():
    rng = np.random.default_rng(0)
    explorer, panel = open_panel(fsw.FeatureSpace.from_arrays(rng.normal(size=(100, 120))), classes=(70, 80))
    found = answer(panel)
    assert len(found.classes) == 20
    assert {70, 80} <= set(found.classes)
    own = int(explorer.space.head.predict(explorer.view.probe.features)[0])
    assert own in found.classes
    assert "Of 100 classes 20 are shown" in panel.note.value
    panel.which.value = "pixels"
    assert "built from arrays" in panel.text.value
    panel.which.value = "gap"
    assert "no training features" in panel.text.value
    assert panel.which.layout.display is None  # another matrix can be chosen
