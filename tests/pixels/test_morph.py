"""Morphing: exact classes along the path, images that land on it, the pixel blend beside it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.geometry.path import path
from featurespace_widgets.pixels.morph import morph, morph_frames, representative


class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(36, 24), torch.nn.ReLU(), torch.nn.Linear(24, 6)
        )

    def features(self, x):
        return self.body(x)


class Flat(torch.nn.Module):
    def features(self, x):
        return x.flatten(1)


@pytest.fixture(scope="module")
def setting():
    with torch.random.fork_rng():
        model = Small().double()
    rng = np.random.default_rng(4)
    a, b = rng.random((2, 1, 6, 6))
    with torch.no_grad():
        ends = model.features(torch.as_tensor(np.stack([a, b]))).numpy()
    weight = rng.normal(size=(5, 6))
    head = LinearHead(weight, -weight @ ends.mean(axis=0))
    return model, head, a, b, ends


def test_on_a_linear_map_the_pixel_blend_is_the_path():
    rng = np.random.default_rng(0)
    head, (a, b) = LinearHead(rng.normal(size=(6, 16))), rng.random((2, 1, 4, 4))
    found = morph(Flat(), head, a, b, frames=7)
    exact = path(head, a.ravel(), b.ravel())
    assert np.array_equal(found.route.ribbon.breakpoints, exact.breakpoints)
    assert np.allclose(found.blend.ribbon.breakpoints, exact.breakpoints, atol=1e-9)
    assert np.array_equal(found.blend.ribbon.classes, exact.classes)
    assert found.length_ratio == pytest.approx(1.0, rel=1e-12)
    assert found.blend.deviation <= 1e-12
    assert np.allclose(found.images, found.blended(), atol=1e-9)
    assert found.verify(Flat(), head)


def test_images_land_on_the_path_and_keep_its_classes(setting):
    model, head, a, b, ends = setting
    found = morph(model, head, a, b, frames=6)
    assert found.verdict == "reached"
    assert [frame.source for frame in found.frames] == ["given", *["optimised"] * 4, "given"]
    assert np.array_equal(found.frames[0].image, a)
    assert np.array_equal(found.frames[-1].image, b)
    t = np.linspace(0, 1, 6)
    for share, frame in zip(t, found.frames, strict=True):
        assert np.allclose(frame.target, (1 - share) * ends[0] + share * ends[1], atol=1e-12)
        assert frame.predicted == frame.expected
    assert found.length_ratio > 1
    assert found.blend.deviation > 0
    assert found.verify(model, head)
    frames = list(found.frames)
    frames[2] = replace(frames[2], image=a)
    assert not replace(found, frames=tuple(frames)).verify(model, head)
    frames[2] = replace(found.frames[2], target=ends[0])
    assert not replace(found, frames=tuple(frames)).verify(model, head)


def test_class_changes_of_the_blend_against_dense_sampling(setting):
    model, head, a, b, _ = setting
    ribbon = morph(model, head, a, b, frames=2).blend.ribbon
    t = np.linspace(0, 1, 3001)
    with torch.no_grad():
        blends = torch.as_tensor((1 - t)[:, None, None, None] * a + t[:, None, None, None] * b)
        seen = head.predict(model.features(blends).numpy())
    clear = np.abs(t[:, None] - ribbon.breakpoints).min(axis=1) > 1e-9
    expected = ribbon.classes[np.searchsorted(ribbon.breakpoints[1:-1], t, side="right")]
    assert (seen == expected)[clear].all()
    assert len(ribbon.classes) > 1


def test_a_class_that_is_entered_again():
    class Bent(torch.nn.Module):
        def features(self, x):
            across = x.flatten(1)[:, :1]
            return torch.cat([across, torch.sin(np.pi * across)], dim=1)

    head = LinearHead([[0.0, 0.0], [0.0, 1.0]], [0.5, 0.0])
    found = morph(Bent(), head, np.zeros((1, 1, 1)), np.ones((1, 1, 1)), frames=2)
    assert found.blend.ribbon.classes.tolist() == [0, 1, 0]
    assert np.allclose(found.blend.ribbon.breakpoints, [0, 1 / 6, 5 / 6, 1], atol=1e-9)
    assert found.blend.ribbon.reentered == (0,)
    assert found.route.ribbon.classes.tolist() == [0]
    assert found.route.ribbon.reentered == ()


def test_routes_of_several_legs(setting):
    model, head, a, b, ends = setting
    middle = ends.mean(axis=0) + np.array([0.05, 0, 0, 0, 0, 0])
    found = morph(model, head, a, b, frames=5, through=[middle])
    legs = [path(head, ends[0], middle), path(head, middle, ends[1])]
    given = morph(model, head, a, b, frames=5, route=legs)
    assert np.allclose(found.images, given.images, rtol=0, atol=1e-6)
    ribbon = found.route.ribbon
    assert (np.diff(ribbon.breakpoints) > 0).all()
    assert (np.diff(ribbon.classes) != 0).all()
    for t in np.linspace(0.001, 0.999, 101):
        logits = head.logits(found.route.point(t)[None])[0]
        assert logits[found.route.class_at(t)] >= logits.max() - 1e-9
        k = np.searchsorted(ribbon.breakpoints[1:-1], t, side="right")
        assert ribbon.classes[k] == found.route.class_at(t)
    assert found.verify(model, head)


def test_decoded_frames_say_where_they_land(setting):
    model, head, a, b, _ = setting
    decoder = torch.nn.Sequential(
        torch.nn.Linear(6, 36), torch.nn.Sigmoid(), torch.nn.Unflatten(1, (1, 6, 6))
    )
    found = morph(model, head, a, b, frames=4, decoder=decoder, tolerance=1e-6)
    assert {frame.source for frame in found.frames} == {"decoded"}
    assert found.verdict == "undecided"
    for frame in found.frames:
        with torch.no_grad():
            landed = model.features(torch.as_tensor(frame.image)[None])[0].numpy()
        assert frame.residual == pytest.approx(np.linalg.norm(landed - frame.target))


def test_frames_are_streamed_and_cancelled(setting):
    model, head, a, b, _ = setting
    stream = morph_frames(model, head, a, b, frames=5)
    assert next(stream).t == 0
    assert next(stream).t == 0.25
    seen = []
    found = morph(model, head, a, b, frames=5, progress=seen.append, cancelled=lambda: len(seen) >= 2)
    assert len(found.frames) == 2
    assert found.verdict == "undecided"
    assert not found.verify(model, head)


def test_distance_from_a_hull_along_both(setting):
    model, head, a, b, ends = setting
    on_path, on_blend = morph(model, head, a, b, frames=4).hull_distances(FeatureHull(ends))
    assert (on_path.verdicts == "inside").all()
    assert on_blend.distances.max() == pytest.approx(morph(model, head, a, b, frames=2).blend.deviation)


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_saved_animations(tmp_path, kind, channels):
    rng = np.random.default_rng(0)
    a, b = rng.random((2, channels, 4, 4))
    file = tmp_path / f"morph.{kind}"
    morph(Flat(), LinearHead(rng.normal(size=(3, 16 * channels))), a, b, frames=4).save(file, scale=3)
    with Image.open(file) as picture:
        assert picture.n_frames == 6
        assert picture.size == (12, 12)


def test_the_same_image_twice(setting):
    model, head, a, _, _ = setting
    found = morph(model, head, a, a, frames=3)
    assert found.verdict == "reached"
    assert np.isnan(found.length_ratio)
    assert found.verify(model, head)


def test_representative_is_rightly_classified():
    head = LinearHead(np.eye(2))
    features = np.array([[1.0, 0.0], [2.0, 0.0], [9.0, 10.0]])
    assert representative(head, features, [0, 0, 0], 0) == 0
    with pytest.raises(ValueError, match="rightly classified"):
        representative(head, features, [0, 0, 0], 1)


def test_bad_input(setting, tmp_path):
    model, head, a, b, ends = setting
    straight = path(head, *ends)
    for options, word in (
        ({"frames": 1}, "frames"),
        ({"route": straight, "through": ends[:1]}, "both"),
        ({"route": []}, "route"),
        ({"route": [straight, straight]}, "connected"),
        ({"route": path(LinearHead(np.eye(2)), [0, 0], [1, 1])}, "6 features"),
        ({"through": np.ones((1, 5))}, "through"),
    ):
        with pytest.raises(ValueError, match=word):
            morph(model, head, a, b, **options)
    with pytest.raises(ValueError, match="same shape"):
        morph(model, head, a, b[:, :5])
    with pytest.raises(ValueError, match="0, 1"):
        morph(model, head, a, b + 1)
    found = morph(model, head, a, b, frames=2)
    with pytest.raises(ValueError, match=r"\.gif or \.webp"):
        found.save(tmp_path / "morph.png")
    with pytest.raises(ValueError, match="scale"):
        found.save(tmp_path / "morph.gif", scale=0)
