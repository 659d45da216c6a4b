"""The ambiguity tab on the kernel's side."""

import re

import numpy as np
import pytest
import torch

import featurespace_widgets as fsw
from featurespace_widgets.geometry.ties import ambiguous
from widgets.answers import answer, wait


@pytest.fixture(scope="module")
def fashion():
    return fsw.load("fashion-mnist")


def test_both_ties_are_shown_with_their_images_and_the_blended_samples(fashion):
    explorer = fsw.Explorer(fashion, classes=(2, 4, 6))
    panel = explorer.tabs.select("Ambiguity")
    found = answer(panel)
    assert found.classes == (2, 4, 6)
    for point in (found.tie.point, found.blend.point):
        logits = fashion.head.logits(point)[0]
        assert np.ptp(logits[[2, 4, 6]]) < 1e-6
        assert logits.max() < logits[2] + 1e-6
    assert found.tie.distance <= found.blend.distance + 1e-9
    assert np.allclose(found.blend.weights @ fashion.features[found.blend.indices], found.blend.point)
    assert found.tie.verify()
    assert found.blend.verify()
    more = panel.cards["blend"].more.value
    assert more.count("data:image/png") == len(found.blend.indices)
    shares = [int(share) for share in re.findall(r"<figcaption>(\d+) %", more)]
    assert abs(sum(shares) - 100) <= len(shares)
    residual = np.linalg.norm(found.tie_view.landed[0] - found.tie.point)
    assert f"{residual:.2f} (typical" in panel.cards["tie"].facts.value


def test_classes_chosen_here_are_asked_until_the_slice_shows_others(fashion):
    explorer = fsw.Explorer(fashion, classes=(2, 4, 6))
    panel = explorer.tabs.select("Ambiguity")
    before = answer(panel)
    panel.chips.children[0].value = True
    more = answer(panel, before)
    assert more.classes == (0, 2, 4, 6)
    assert more.tie.distance >= before.tie.distance
    explorer.view.move_to(explorer.view.probe.st + 0.5)
    assert answer(panel, more).classes == (0, 2, 4, 6)
    last = panel.answer
    explorer.view.show(classes=(1, 3))
    assert answer(panel, last).classes == (1, 3)


def test_fewer_than_two_classes_are_refused(fashion):
    explorer = fsw.Explorer(fashion, classes=(2, 4))
    panel = explorer.tabs.select("Ambiguity")
    answer(panel)
    panel.chips.children[4].value = False
    assert panel.chips.chosen == (2, 4)
    assert panel.chips.children[4].value is True


def test_a_tie_goes_onto_the_slice_and_its_marks_leave_with_the_tab(fashion):
    explorer = fsw.Explorer(fashion, classes=(2, 4, 6))
    panel = explorer.tabs.select("Ambiguity")
    found = answer(panel)
    assert "ambiguity" in explorer.view.overlays
    panel.cards["blend"].put.click()
    assert explorer.view.mode == "section"
    assert explorer.view.plane.distance(found.blend.point[None])[0] < 1e-6
    explorer.tabs.select("Margins")
    assert "ambiguity" not in explorer.view.overlays


def test_an_optimised_image_comes_nearer_and_its_residual_is_its_own(fashion):
    explorer = fsw.Explorer(fashion, classes=(2, 4, 6))
    panel = explorer.tabs.select("Ambiguity")
    found = answer(panel)
    panel.cards["blend"].optimise.click()
    drawn = panel.cards["blend"].facts
    wait(lambda: panel.optimised and f"optimised, {panel.optimised['blend'].verdict}" in drawn.value, 120)
    made = panel.optimised["blend"]
    with torch.no_grad():
        features = fashion.classifier.features(torch.as_tensor(made.image[None], dtype=torch.float32))
    away = float(np.linalg.norm(features.double().numpy()[0] - found.blend.point))
    assert away == pytest.approx(made.residual, abs=1e-3)
    assert away < found.blend_view.residuals[0]


def test_where_there_is_no_tie_the_panel_says_so_with_a_proof():
    space = fsw.load("mnist-2d")
    explorer = fsw.Explorer(space, classes=(0, 1, 2))
    panel = explorer.tabs.select("Ambiguity")
    found = answer(panel)
    assert ambiguous(space.head, space.domain, explorer.view.probe.features, (0, 1, 2)).verdict == "no"
    assert found.tie.verdict == "no"
    assert found.tie.verify()
    assert "multipliers add up to a contradiction" in panel.cards["tie"].more.value
    assert panel.cards["tie"].put.layout.display == "none"


def test_a_bare_head_has_ties_but_no_blend_and_no_image():
    explorer = fsw.Explorer(fsw.FeatureSpace.from_arrays(np.eye(30)))
    panel = explorer.tabs.select("Ambiguity")
    found = answer(panel)
    assert (found.tie.verdict, found.blend, found.tie_view) == ("yes", None, None)
    assert "this space has none" in panel.cards["blend"].facts.value
    panel.chips.finder.value = "class 29"
    assert answer(panel, found).classes == (0, 1, 2, 29)
