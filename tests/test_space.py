"""FeatureSpace: what it takes, what it refuses, what it says is missing."""

import numpy as np
import pytest
from scipy.optimize import Bounds

import featurespace_widgets as fsw

EYE = np.eye(3)


def test_labels_default_to_predictions():
    space = fsw.FeatureSpace.from_arrays(EYE, None, 2 * EYE)
    np.testing.assert_array_equal(space.labels, [0, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": np.empty((0, 3))}, "empty bank"),
        ({"features": np.full((2, 3), np.nan)}, "features must be finite, received 6 NaN"),
        ({"features": np.ones((2, 4))}, r"features must have shape \(n, 3\), received shape \(2, 4\)"),
        ({"features": EYE, "labels": [0, 1]}, r"labels must be 3 whole numbers, received shape \(2,\)"),
        ({"features": EYE, "labels": [0, 1, 3]}, "between 0 and 2, received 0 to 3"),
        ({"features": EYE, "labels": [0.5, 1, 2]}, "whole numbers"),
        ({"labels": [0]}, "without features"),
        ({"features": EYE, "images": np.zeros((3, 28, 28))}, r"images must have shape \(3, 1 or 3, H, W\)"),
        ({"features": EYE, "images": np.full((3, 1, 2, 2), 7.0)}, r"floats in \[0, 1\]"),
        ({"features": -EYE, "domain": Bounds(0, np.inf)}, "3 of 3 feature vectors outside it"),
        ({"domain": Bounds(1, 0)}, "lower <= upper"),
        ({"domain": (0, 1)}, "scipy.optimize.Bounds or None, received tuple"),
        ({"domain": Bounds(np.zeros(2), np.ones(2))}, r"broadcast to \(3,\)"),
        ({"class_names": ["a", "b"]}, "3 texts"),
    ],
)
def test_bad_arrays_are_refused_with_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        fsw.FeatureSpace.from_arrays(EYE, **arguments)


def test_what_is_missing_is_said():
    bare = fsw.FeatureSpace.from_arrays(EYE)
    with pytest.raises(ValueError, match="needs feature vectors of real data"):
        _ = bare.features
    space = fsw.FeatureSpace.from_arrays(EYE, None, EYE)
    with pytest.raises(ValueError, match="no decoder"):
        space.decode(EYE)
    with pytest.raises(ValueError, match="no images"):
        space.preview(EYE)
    for ask in (space.certify_image, space.relu_piece, space.compare):
        with pytest.raises(ValueError, match="no classifier"):
            ask(EYE)


def test_nearest_training_features():
    rng = np.random.default_rng(0)
    space = fsw.FeatureSpace.from_arrays(EYE, None, rng.normal(size=(50, 3)))
    query = rng.normal(size=(4, 3))
    distances, rows = space.nearest(query, 5)
    brute = np.linalg.norm(query[:, None] - space.features, axis=2)
    np.testing.assert_allclose(distances, np.sort(brute, axis=1)[:, :5])
    np.testing.assert_array_equal(rows, np.argsort(brute, axis=1)[:, :5])
    np.fill_diagonal(pairs := np.linalg.norm(space.features[:, None] - space.features, axis=2), np.inf)
    assert space.yardstick == pytest.approx(np.median(pairs.min(axis=1)))


def test_mapped_float32_features_are_kept_uncopied(tmp_path):
    rng = np.random.default_rng(0)
    stored = np.maximum(rng.normal(size=(500, 3)), 0).astype(np.float32)
    np.save(tmp_path / "features.npy", stored)
    mapped = np.load(tmp_path / "features.npy", mmap_mode="r")
    space = fsw.FeatureSpace.from_arrays(EYE, None, mapped, domain=Bounds(0, np.inf))
    assert space.features is mapped
    same = fsw.FeatureSpace.from_arrays(EYE, None, stored.astype(float), domain=Bounds(0, np.inf))
    np.testing.assert_array_equal(space.predictions, same.predictions)
    ours, theirs = space.boundary_plane((0, 1, 2)), same.boundary_plane((0, 1, 2))
    np.testing.assert_allclose(ours.origin, theirs.origin, rtol=1e-12)
    at = theirs.to_plane(stored[:20])
    np.testing.assert_allclose(space.lift(ours, at), same.lift(theirs, at), atol=1e-9)
    stored[7, 1] = np.nan
    with pytest.raises(ValueError, match="features must be finite, received 1 NaN"):
        fsw.FeatureSpace.from_arrays(EYE, None, stored)


def test_unknown_models_are_named_with_the_known_ones():
    names = ", ".join(map(repr, fsw.available()))
    with pytest.raises(ValueError, match=f"unknown model 'resnet'; available are {names}"):
        fsw.load("resnet")


def test_exact_answers_of_a_bundled_model_verify():
    space = fsw.load("mnist-2d")
    a, b = space.features[space.predictions == 0][0], space.features[space.predictions == 7][0]
    path = space.path(a, b)
    assert path.verify()
    assert (path.classes[0], path.classes[-1]) == (0, 7)
    assert space.region(3).contains(space.features).tolist() == (space.predictions == 3).tolist()
    adjacency = space.adjacency()
    assert adjacency.verify().all()
    assert set(adjacency.verdicts[np.triu_indices(10, 1)]) <= {"yes", "no"}
    blend = space.ambiguous_blend(a, (0, 7))  # where these two tie in the hull, others are above
    assert blend.verdict == "no"
    assert blend.verify()
    blend = fsw.load("mnist").ambiguous_blend(fsw.load("mnist").features[0], (4, 9))
    assert blend.verdict == "yes"
    assert blend.verify()
    assert len(blend.indices) <= 10
    whole = space.hull()
    found = whole.project([space.features.mean(axis=0), 10 * a])
    assert found.verdicts.tolist() == ["inside", "outside"]
    assert found.verify().all()


def test_exact_answers_inside_the_orthant_verify():
    """64 non-negative features: faces, ties, hull section, pairs of hulls, on real samples."""
    space = fsw.load("mnist")
    y = space.features[0]
    own = int(space.predictions[0])
    faces = space.faces(y)
    others = np.arange(10) != own
    assert faces.verify()[others].all()
    assert (faces.distance[others] >= space.radius(y)[0] - 1e-9).all()
    tie = space.ambiguous(y, (own, (own + 1) % 10, (own + 2) % 10))
    assert tie.verify()
    assert tie.distance >= faces.distance[(own + 1) % 10] - 1e-9
    plane = space.boundary_plane((own, (own + 1) % 10, (own + 2) % 10))
    assert space.hull(own).section(plane, 8).verify()
    assert space.separate(3, 5).verify()
    assert space.spoilers(3).verify()
    regions = space.certified_regions(space.slice(space.features[:3]), y, (-5, 5, -5, 5))
    assert regions.verify()
    measures = space.extrapolation(space.test_bank.features[:5])
    assert measures.verify().all()


def test_pixel_space_of_a_bundled_model():
    space = fsw.load("mnist-2d")
    images = space.images[[0, 500, 900]]
    plane = space.pixel_plane(images)
    corners = np.concatenate([plane.from_plane(at[None]) for at in plane.corners])
    np.testing.assert_allclose(corners, images, atol=1e-6)
    *_, grid = space.pixel_classes(plane, plane.extent(), levels=3)
    assert set(np.unique(grid.classes)) <= set(range(10))
    small = np.array([-1e-4, 1e-4, -1e-4, 1e-4]) + plane.corners[0].repeat(2)
    partition = space.pixel_partition(plane, small)
    assert partition.verdict == "yes"
    assert partition.verify()
    assert partition.cells[0].class_index == space.predictions[0]
    piece = space.relu_piece(images[0])
    assert piece.contains(images).tolist() == [True, False, False]
    found = space.invert(space.features[1])
    assert found.verify(space.classifier, space.head)
    assert found.residual <= 1e-3 * space.yardstick
    table = space.compare(images[:1]).table()
    assert len(table) == 9


def test_the_hull_of_a_class_holds_its_rightly_classified_samples_only():
    space = fsw.FeatureSpace.from_arrays(EYE, None, np.vstack([2 * EYE, EYE]), [0, 1, 2, 1, 0, 2])
    assert space.hull(0) is space.hull(0)
    assert space.hull(0).rows.tolist() == [0]
    assert len(space.hull(2)) == 2
    assert len(space.hull()) == 6
    wrong = fsw.FeatureSpace.from_arrays(EYE, None, EYE, [1, 2, 0])
    with pytest.raises(ValueError, match="'class 1' has no rightly classified sample"):
        wrong.hull(1)
    with pytest.raises(ValueError, match="from 0 to 2"):
        wrong.hull(3)
