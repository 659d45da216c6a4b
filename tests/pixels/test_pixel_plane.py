"""Planes in pixel space: the exact partition agrees with the network at every sampled point."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import featurespace_widgets as fsw
from featurespace_widgets.geometry.cells import polygon_area, window
from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.network_reader import read_network
from featurespace_widgets.pixels.pixel_plane import pixel_plane, plane_classes, plane_features
from featurespace_widgets.pixels.plane_partition import plane_partition
from featurespace_widgets.pixels.polygons import Polygons, clip_window


class Dense(nn.Module):
    def __init__(self, n=16, widths=(14, 10, 5), seed=0):
        super().__init__()
        torch.manual_seed(seed)
        layers = [nn.Flatten()]
        for width in widths:
            layers += [nn.Linear(n, width), nn.ReLU()]
            n = width
        self.body = nn.Sequential(*layers)

    def features(self, x):
        return self.body(x)


class Block(nn.Module):
    """A small residual network."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.one = nn.Conv2d(1, 2, 3, 2, 1)
        self.two = nn.Conv2d(2, 2, 3, padding=1)
        self.last = nn.Linear(8, 5)

    def features(self, x):
        x = torch.relu(self.one(x))
        return self.last(torch.relu(x + self.two(x)).flatten(1))


def make(kind, seed):
    rng = np.random.default_rng(seed)
    head = LinearHead(rng.normal(size=(4, 5)), rng.normal(size=4) * 0.05)
    plane = pixel_plane(rng.uniform(size=(3, 1, 4, 4)))
    return (Dense(seed=seed) if kind == "dense" else Block(seed)), head, plane


def inside(polygon, points):
    """Clearly inside, clearly outside or neither: 1, 0, -1."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    edges = edges / np.linalg.norm(edges, axis=1, keepdims=True)
    away = points[:, None] - polygon
    cross = edges[:, 0] * away[..., 1] - edges[:, 1] * away[..., 0]
    return np.where((cross > 1e-9).all(1), 1, np.where((cross < -1e-9).any(1), 0, -1))


@pytest.mark.parametrize("kind", ["dense", "block"])
@pytest.mark.parametrize("seed", range(5))
def test_partition_agrees_with_dense_sampling(kind, seed):
    model, head, plane = make(kind, seed)
    extent = plane.extent(1.5)
    found = plane_partition(model, head, plane, extent)
    assert (found.verdict, found.reason) == ("yes", "")
    assert found.verify()
    assert abs(found.area_defect()) < 1e-9
    points = np.random.default_rng(1).uniform(extent[::2], extent[1::2], (3000, 2))
    network = read_network(model, torch.as_tensor(plane.from_plane([[0.0, 0.0]])[0]))
    logits = head.logits(network.features(torch.as_tensor(plane.from_plane(points))).detach().numpy())
    at = np.full(len(points), -1)
    scale = np.abs(logits).max()
    for cell in found.cells:
        assert polygon_area(cell.polygon) > 0
        rows = np.flatnonzero(inside(cell.polygon, points) == 1)
        assert (at[rows] == -1).all()  # no point lies in two cells
        at[rows] = cell.class_index
        planes = found.logit_planes[cell.piece]
        np.testing.assert_allclose(
            planes[:, 0] + points[rows] @ planes[:, 1:].T, logits[rows], atol=1e-9 * scale
        )
    assert (at >= 0).mean() > 0.999
    np.testing.assert_array_equal(at[at >= 0], logits.argmax(1)[at >= 0])
    np.testing.assert_allclose(found.class_areas(4), np.bincount(at[at >= 0], minlength=4) / 3000, atol=0.05)


def test_bundled_network_on_a_small_window():
    space = fsw.load("mnist")
    plane = pixel_plane(space.images[:3])
    size = 1e-2
    found = plane_partition(space.classifier, space.head, plane, (1 - size, 1 + size, 1 - size, 1 + size))
    assert found.verify()
    assert len(found.cells) > 1
    wide = plane_partition(space.classifier, space.head, plane, plane.extent(), limit=1000)
    assert wide.verdict == "undecided"
    assert "1000 pieces" in wide.reason
    assert not wide.verify()
    assert len(plane.domain_polygon(plane.extent())) >= 3


def test_tampered_partitions_do_not_verify():
    model, head, plane = make("dense", 2)
    found = plane_partition(model, head, plane, plane.extent(1.5))
    first, *rest = found.cells
    assert found.verify()
    assert not replace(found, cells=tuple(rest)).verify()
    assert not replace(found, logit_planes=-found.logit_planes).verify()
    assert not replace(found, logit_planes=None).verify()
    assert not replace(found, cells=(replace(first, polygon=first.polygon[::-1]), *rest)).verify()


def test_giving_up_and_cancelling_is_said():
    model, head, plane = make("dense", 0)
    assert "more than 5 pieces" in plane_partition(model, head, plane, plane.extent(), limit=5).reason
    stopped = plane_partition(model, head, plane, plane.extent(), cancelled=lambda: True)
    assert (stopped.verdict, stopped.cells) == ("undecided", ())
    assert "cancelled" in stopped.reason
    pooled = nn.Module()
    pooled.features = nn.Sequential(nn.MaxPool2d(2), nn.Flatten())
    assert "MaxPool2d" in plane_partition(pooled, head, plane, plane.extent()).reason


def test_degenerate_heads():
    model, _, plane = make("dense", 1)
    extent = plane.extent(1.0)
    for head in (LinearHead(np.ones((2, 5))), LinearHead(np.zeros((3, 5)), [0.0, 1.0, 0.0])):
        found = plane_partition(model, head, plane, extent)
        assert found.verify()
        assert {cell.class_index for cell in found.cells} == {int(head.bias.argmax())}


def test_grids_refine_to_what_the_model_says():
    model, head, plane = make("block", 3)
    extent = plane.extent(1.0)
    frames = list(plane_classes(model, head, plane, extent, levels=5))
    assert [frame.classes.shape for frame in frames] == [(9, 9), (17, 17), (33, 33)]
    np.testing.assert_array_equal(frames[-1].classes[::4, ::4], frames[0].classes)
    s, t = np.meshgrid(np.linspace(*extent[:2], 33), np.linspace(*extent[2:], 33))
    expected = head.predict(plane_features(model, plane, np.column_stack([s.ravel(), t.ravel()])))
    assert (frames[-1].classes.ravel() == expected).mean() > 0.999
    calls = iter([False, True])
    assert len(list(plane_classes(model, head, plane, extent, cancelled=lambda: next(calls)))) == 1
    with pytest.raises(ValueError, match="levels"):
        next(plane_classes(model, head, plane, extent, levels=2))


def test_plane_coordinates_and_box():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(3, 1, 4, 4))
    plane = pixel_plane(images)
    np.testing.assert_allclose(plane.from_plane(plane.corners), images, atol=1e-12)
    np.testing.assert_allclose(plane.to_plane(images), plane.corners, atol=1e-12)
    np.testing.assert_allclose(plane.basis @ plane.basis.T, np.eye(2), atol=1e-12)
    extent = plane.extent(2.0)
    polygon = plane.domain_polygon(extent)
    points = rng.uniform(extent[::2], extent[1::2], (500, 2))
    pixels = plane.from_plane(points).reshape(500, -1)
    state = inside(polygon, points)
    expected = ((pixels >= 0) & (pixels <= 1)).all(axis=1)
    assert (expected[state >= 0] == state[state >= 0]).all()


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 1, 2, 2)), "3 images"),
        (np.zeros((3, 1, 2, 2)), "coincide"),
        (np.linspace(0, 1, 3)[:, None, None, None] * np.ones((3, 1, 2, 2)), "line"),
        (np.full((3, 1, 2, 2), 2.0), r"\[0, 1\]"),
        ([np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), np.zeros((1, 3, 3))], "one shape"),
    ],
)
def test_bad_planes(images, message):
    with pytest.raises(ValueError, match=message):
        pixel_plane(images)


whole = st.integers(-3, 3).map(float)


@given(st.lists(st.tuples(whole, whole, whole), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None)
def test_splitting_keeps_the_area_and_separates_signs(lines):
    """Small whole numbers: lines through vertices, along edges, repeated and parallel."""
    polygons = Polygons.of(window((-1.0, 1.0, -1.0, 1.0)))
    for line in lines:
        polygons, source = polygons.split(np.tile(line, (len(polygons), 1)))
        assert len(source) == len(polygons)
    assert polygons.areas().sum() == pytest.approx(4.0, rel=1e-12)
    assert (polygons.areas() > 0).all()
    for polygon in polygons.to_list():
        for h, a, b in lines:
            values = h + polygon @ [a, b]
            assert min(values.max(), -values.min()) < 1e-9
    kept = clip_window(np.array(lines), window((-1.0, 1.0, -1.0, 1.0)))
    if len(kept):
        for h, a, b in lines:
            assert (h + kept @ [a, b] >= -1e-9).all()


@pytest.mark.parametrize(("kind", "seed"), [("dense", 1), ("block", 11)])
def test_boundaries_are_where_two_classes_tie(kind, seed):
    """The two best logits of the network tie along each edge; and there are edges wherever classes change."""
    network, head, plane = make(kind, seed)
    found = plane_partition(network, head, plane, plane.extent())
    edges = found.boundaries()
    share = np.random.default_rng(0).uniform(size=(len(edges), 1))
    points = (1 - share) * edges[:, 0] + share * edges[:, 1]
    logits = np.sort(head.logits(plane_features(network.double(), plane, points)), axis=1)
    assert np.abs(logits[:, -1] - logits[:, -2]).max() < 1e-6
    assert len(np.unique([cell.class_index for cell in found.cells])) > 1
    assert len(edges) > 0
