"""The panels about images on the kernel's side: flips, adversarial, morph."""

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import Bounds
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.widgets.panels.charts import ticks
from featurespace_widgets.widgets.panels.flips import ANY, ONE
from widgets.answers import wait


@pytest.fixture(scope="module")
def trained():
    """A network that tells four noisy patterns of 36 pixels apart; its six features come out of a ReLU."""
    torch.manual_seed(0)
    labels = torch.arange(80) % 4
    images = (torch.rand(4, 1, 6, 6)[labels] + 0.1 * torch.randn(80, 1, 6, 6)).clamp(0, 1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 6), nn.ReLU(), nn.Linear(6, 4))
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model, images, labels


@pytest.fixture(scope="module")
def small(trained):
    return fsw.FeatureSpace.from_model(*trained, progress=False)


@pytest.fixture
def flips(small):
    explorer = fsw.Explorer(small)
    panel = explorer.tabs.select("Flips")
    wait(lambda: panel.answer is not None and panel.answer.pixels and panel._settled)
    yield explorer, panel
    explorer.close()


def test_flips_rank_what_is_proven_and_verify(flips, small):
    """Feasible classes by distance come first, those proven not to meet last; the image ties."""
    explorer, panel = flips
    answer = panel.answer
    verdicts = answer.faces.verdicts[answer.order]
    feasible = answer.faces.distance[answer.order][verdicts == "yes"]
    assert len(answer.order) == small.head.num_classes - 1
    assert (np.diff(feasible) >= 0).all()
    assert not (np.flatnonzero(verdicts == "no")[:, None] < np.flatnonzero(verdicts == "yes")).any()
    assert answer.pixels[0].verify(small.classifier, small.head)
    assert panel.pictures.value.count("<img") == 3
    assert "pixel flip" in explorer.view.overlays


def test_a_flip_is_put_on_the_slice_and_the_point_stays(flips):
    explorer, panel = flips
    answer, view = panel.answer, explorer.view
    panel.place.click()
    assert view.mode == "section"
    assert panel.target.value is not None
    landed = view.plane.distance(answer.faces.points[[panel.target.value]])
    np.testing.assert_allclose(landed, 0, atol=1e-9)
    np.testing.assert_allclose(view.probe.features, answer.faces.y, atol=1e-9)
    assert panel.answer is answer, "the same point is not asked again"


@pytest.mark.parametrize(("target", "steps"), [(None, ANY), ("other", ONE)])
def test_progress_counts_the_steps_that_a_search_takes(small, target, steps):
    asked = []
    image = small.images[0]
    other = None if target is None else (int(small.predictions[0]) + 1) % small.head.num_classes
    small.flip_image(image, other, cancelled=lambda: bool(asked.append(1)))
    assert len(asked) == steps


def test_two_tabs_search_the_nearest_flip_once(flips):
    explorer, panel = flips
    other = explorer.tabs.select("Adversarial")
    wait(lambda: other.answer is not None and other._settled)
    assert other.answer.track.flip is panel.answer.pixels[0]


def test_all_classes_are_searched_in_pixels(flips, small):
    _, panel = flips
    (nearest,) = panel.answer.pixels
    panel.every.click()
    wait(lambda: panel._settled and len(panel.answer.pixels) > 1)
    found = panel.answer.pixels
    assert any(flip is nearest for flip in found), "what was found is not searched again"
    assert len(found) == small.head.num_classes - 1
    assert len({flip.target for flip in found}) == len(found)
    assert [flip.distance for flip in found] == sorted(flip.distance for flip in found)


def test_overlays_go_with_the_tab(flips):
    explorer, panel = flips
    explorer.tabs.select("Margins")
    assert set(panel.overlays).isdisjoint(explorer.view.overlays)
    explorer.tabs.select("Flips")
    assert "pixel flip" in explorer.view.overlays


def test_a_tab_that_is_left_while_it_computes_draws_nothing(small):
    """Also where the tab that is shown then has its answer already."""
    explorer = fsw.Explorer(small)
    margins, flips = explorer.tabs.panel("Margins"), explorer.tabs.panel("Flips")
    wait(lambda: margins._settled)
    explorer.tabs.select("Flips")
    work = flips._work
    explorer.tabs.select("Margins")
    assert work.stopped()
    assert set(flips.overlays).isdisjoint(explorer.view.overlays)
    explorer.tabs.select("Flips")
    wait(lambda: flips._settled and flips.answer.pixels)
    assert set(flips.overlays) & set(explorer.view.overlays)
    explorer.close()


def test_arrays_alone_still_have_flips_in_feature_space():
    rng = np.random.default_rng(0)
    space = fsw.FeatureSpace.from_arrays(rng.normal(size=(40, 6)), None, rng.normal(size=(30, 6)))
    explorer = fsw.Explorer(space)
    panel = explorer.tabs.select("Flips")
    wait(lambda: panel.answer is not None and panel._settled)
    assert panel.answer.faces.verify().sum() == panel.answer.faces.feasible.sum()
    assert "built from arrays" in panel.pixels.value
    assert "Not shown" in panel.features.value
    assert panel.land.disabled
    explorer.close()


def test_classes_that_do_not_meet_are_said_so_last():
    """With features >= 0, z_2 = y_0 + y_1 - 1 is never above 2 y_0 + 2 y_1."""
    space = fsw.FeatureSpace.from_arrays(
        [[2, 0], [0, 2], [1, 1], [2, 2]], [0, 0, -1, 0], np.ones((4, 2)), domain=Bounds(0, np.inf)
    )
    explorer = fsw.Explorer(space, classes=(0, 1, 3))
    panel = explorer.tabs.select("Flips")
    wait(lambda: panel.answer is not None and panel._settled)
    assert panel.answer.faces.verdicts[panel.answer.order[-1]] == "no"
    assert panel.answer.order[-1] == 2
    assert panel.features.value.index("proof") > panel.features.value.index("exact")
    assert 2 not in dict(panel.target.options).values()
    explorer.close()


def test_an_attack_is_followed_and_certified(small):
    """The shares of the move and the classes along the way are those of the images themselves."""
    explorer = fsw.Explorer(small)
    panel = explorer.tabs.select("Adversarial")
    wait(lambda: panel.answer is not None and panel._settled)
    track, head = panel.answer.track, small.head
    assert track.verify(small.classifier, head)
    flip, at = track.flip, int(np.searchsorted(track.t, 1.0))
    assert track.pixels[at] == pytest.approx(flip.distance)
    assert track.moves[at] == pytest.approx(flip.feature_move)
    assert track.along[at] / track.moves[at] == pytest.approx(flip.alignment)
    assert (track.null[at] / track.moves[at]) ** 2 == pytest.approx(flip.null_share, abs=1e-9)
    assert set(track.classes[:at]) == {flip.class_index}
    assert track.margins[at] == pytest.approx(0, abs=1e-8)
    image = torch.as_tensor(flip.original + 0.5 * (flip.image - flip.original))[None].float()
    near = int(np.searchsorted(track.t, 0.5))
    np.testing.assert_allclose(small.classifier.features(image)[0].detach(), track.features[near], atol=1e-5)
    assert "attack" in explorer.view.overlays
    at_once = panel.answer.certificate
    assert at_once.passes == 0
    assert at_once.verify()
    assert f"{at_once.radius_l2:.3g}" in panel.note.value
    assert "may prove more" in panel.note.value
    panel.certify.click()
    wait(lambda: panel.answer.searched and panel._settled)
    proven = panel.answer.certificate
    assert proven.passes > 0
    assert proven.verify()
    assert at_once.radius_l2 <= proven.radius_l2 <= flip.distance
    assert f"{proven.radius_l2:.3g}" in panel.note.value
    assert "may prove more" not in panel.note.value
    panel.target.value = panel.target.options[-1][1]
    wait(lambda: panel.answer.track is not track and panel._settled)
    assert panel.answer.track.flip.target == panel.target.value
    assert panel.answer.certificate is proven, "it is the image's, whatever the target"
    explorer.close()


def test_an_attack_needs_a_model():
    explorer = fsw.Explorer(fsw.FeatureSpace.from_arrays(np.eye(3), None, np.eye(3)))
    panel = explorer.tabs.select("Adversarial")
    assert "built from arrays" in panel.text.value
    explorer.close()


def test_a_morph_is_prepared_made_and_saved(small):
    """Without a decoder the ends come at once and the frames when asked for; all verify."""
    explorer = fsw.Explorer(small)
    panel, view = explorer.tabs.select("Morph"), explorer.view
    wait(lambda: panel.answer is not None and panel._settled)
    first = panel.answer
    assert len(first.morph.frames) == 2
    assert {end.class_index for end in first.ends[1:]} == {0, 1, 2, 3}
    assert first.ends[first.last].class_index != first.ends[first.first].class_index
    assert {"route", "blend", "frame"} <= set(view.overlays)
    panel.make.click()
    wait(lambda: panel.answer is not first and panel._settled)
    morph = panel.answer.morph
    assert len(morph.frames) == len(panel.film.stack.children) == 16
    assert panel.film.slider.max == 15
    assert morph.verdict == "undecided" or morph.verify(small.classifier, small.head)
    assert panel.answer.route_hull.distances.shape == (33,)
    for kind, start in (("gif", b"GIF8"), ("webp", b"RIFF")):
        getattr(panel, kind).click()
        data = panel.link.value.split("base64,")[1].split('"')[0]
        assert base64.b64decode(data).startswith(start)
    before = view.overlays["frame"]["products"]
    panel.film.slider.value = 15
    assert view.overlays["frame"]["products"] != before
    explorer.close()


def test_other_ends_are_picked_by_their_thumbnails(small):
    explorer = fsw.Explorer(small)
    panel = explorer.tabs.select("Morph")
    wait(lambda: panel.answer is not None and panel._settled)
    before = panel.answer
    panel.first._row.children[2].value = True
    wait(lambda: panel.answer is not before and panel._settled)
    assert panel.answer.first == 2
    np.testing.assert_array_equal(panel.answer.morph.a, panel.answer.ends[2].image)
    last = panel.answer
    panel.route.value = "through the flip point"
    wait(lambda: panel.answer is not last and panel._settled)
    assert len(panel.answer.morph.route.legs) == 2
    last = panel.answer
    panel.last._row.children[2].value = True
    wait(lambda: panel.answer is not last and panel._settled)
    assert panel.answer.morph is None
    assert "no flip between them" in panel.note.value
    assert panel.content.layout.display is None, "the controls stay"
    explorer.close()


def test_frames_are_decoded_where_there_is_a_decoder(small):
    decoder = nn.Sequential(nn.Linear(6, 36), nn.Sigmoid(), nn.Unflatten(1, (1, 6, 6))).requires_grad_(False)
    space = fsw.FeatureSpace(
        small.head,
        small.domain,
        small.bank,
        classifier=small.classifier,
        decoder=decoder,
    )
    explorer = fsw.Explorer(space)
    panel = explorer.tabs.select("Morph")
    wait(lambda: panel.answer is not None and panel._settled)
    assert {frame.source for frame in panel.answer.morph.frames} == {"decoded"}
    assert len(panel.answer.morph.frames) == 16
    assert panel.make.layout.display == "none"
    explorer.close()


@pytest.mark.parametrize(("start", "end"), [(0, 0.055), (-0.9, 2.4), (0, 1), (0, 1e-9), (3e5, 9e5)])
def test_ticks_are_few_round_and_inside(start, end):
    found = ticks(start, end)
    assert 3 <= len(found) <= 7
    assert start - 1e-12 <= found[0]
    assert found[-1] <= end + 1e-12
    step = found[1] - found[0]
    first = step / 10 ** np.floor(np.log10(step) + 1e-6)
    assert min(abs(first - digit) for digit in (1, 2, 5)) < 1e-6


def test_an_attack_on_the_nearest_sample_and_one_that_fails(small, monkeypatch):
    """With a decoder a real image can be attacked instead; where none is found the controls stay."""
    decoder = nn.Sequential(nn.Linear(6, 36), nn.Sigmoid(), nn.Unflatten(1, (1, 6, 6))).requires_grad_(False)
    space = fsw.FeatureSpace(
        small.head, small.domain, small.bank, classifier=small.classifier, decoder=decoder
    )
    explorer = fsw.Explorer(space)
    panel = explorer.tabs.select("Adversarial")
    wait(lambda: panel._settled)
    first = panel.answer
    panel.image.value = panel.image.options[1]
    wait(lambda: panel._settled and panel.answer is not first)
    row = space.nearest(explorer.view.probe.features[None])[1][0, 0]
    np.testing.assert_allclose(panel.answer.track.flip.original, small.images[row], atol=1e-6)
    assert panel.answer.start.source == "nearest training image"
    found = replace(panel.answer.track.flip, distance=np.inf, verdict="undecided")
    monkeypatch.setattr(space, "flip_image", lambda *args, **options: found)
    panel.image.value = panel.image.options[0]
    wait(lambda: "does not say that there is none" in panel.text.value)
    assert panel.children[-1] is panel.controls
    explorer.close()


@pytest.fixture
def large(trained):
    """An explorer of the same patterns, of 22,500 pixels each."""
    model, images, labels = trained
    grown = images[:16].repeat_interleave(25, 2).repeat_interleave(25, 3)
    space = fsw.FeatureSpace.from_model(
        nn.Sequential(nn.AvgPool2d(25), *model), grown, labels[:16], progress=False
    )
    explorer = fsw.Explorer(space)
    yield explorer
    explorer.close()


def test_large_images_are_not_searched_by_themselves(large):
    """Flips in features are there; the rest says why it waits."""
    panel = large.tabs.select("Flips")
    wait(lambda: panel._settled)
    assert panel.answer.faces.verify().sum() == panel.answer.faces.feasible.sum()
    assert "1 x 150 x 150" in panel.pixels.value
    for title in ("Adversarial", "Morph"):
        assert "space.morph(a, b)" in large.tabs.select(title).text.value


@pytest.mark.parametrize("title", ["Flips", "Adversarial", "Morph"])
def test_large_images_are_searched_once_one_asks(large, title):
    panel = large.tabs.select(title)
    wait(lambda: panel._settled)
    assert panel.busy.layout.display is None, "the button is in sight"
    assert panel.button.description == "Search all the same"
    assert panel.bar.layout.display == "none", "nothing is under way"
    panel.button.click()
    wait(lambda: panel._settled)
    found = {"Flips": "pixels", "Adversarial": "track", "Morph": "morph"}[title]
    assert getattr(panel.answer, found)
    assert panel.busy.layout.display == "none"
    other = large.space.features[np.argmax(np.linalg.norm(large.space.features - panel._question.y, axis=1))]
    large.view.through_point(other, "another")
    large.view.move_to(large.view.plane.to_plane(other[None])[0])
    wait(lambda: panel._settled and panel.button.description == "Search all the same")
    assert panel.busy.layout.display is None, "of another point it is asked again"
