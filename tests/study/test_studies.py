"""Studies in this process: the answers of the space, kept, resumed, with their provenance."""

import builtins
import json

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.study import conduct, hull_distances, table
from featurespace_widgets.study.table import Study
from study.helpers import Broken, Tiny


@pytest.fixture(scope="module")
def space():
    return fsw.load("mnist")


@pytest.fixture(scope="module")
def tiny():
    rng = np.random.default_rng(0)
    return fsw.FeatureSpace(fsw.LinearHead(rng.normal(size=(3, 4))), classifier=Tiny())


PICTURES = np.random.default_rng(1).random((20, 1, 3, 3)).astype(np.float32)


def test_extrapolation_is_that_of_the_space_and_its_blends_and_normals_prove_it(space):
    study = fsw.study.extrapolation(space, sample=40, seed=3, progress=False)
    queries = space.test_bank.features[study["row"]].astype(float)
    wanted = space.extrapolation(queries)
    for name in ("nearest_distances", "to_nearest", "radii", "to_radius", "null_share", "to_diameter_low"):
        np.testing.assert_allclose(study[name], getattr(wanted, name))
    np.testing.assert_array_equal(study["verdict"], wanted.projection.verdicts)
    ends = np.cumsum(study["support_size"])
    features = space.features.astype(float)
    for k, query in enumerate(queries):
        own = slice(ends[k] - study["support_size"][k], ends[k])
        weights = study.arrays["weights"][own]
        assert weights.min() >= 0
        assert weights.sum() == pytest.approx(1)
        point = weights @ features[study.arrays["support"][own]]
        assert np.linalg.norm(point - query) == pytest.approx(study["distance"][k])
        assert ((features - query) @ study["normal"][k]).min() == pytest.approx(study["bound"][k])
    assert (study["gap"] < 1e-9).all()


def test_a_query_that_is_not_finite_fails_alone(space):
    queries = np.array(space.test_bank.features[:4])
    queries[2, 5] = np.nan
    study = fsw.study.extrapolation(space, queries, progress=False)
    assert study.failures == {2: "the query is not finite"}
    assert np.isnan(study["distance"][2])
    assert study["verdict"][2] == "undecided"
    np.testing.assert_allclose(
        study["distance"][[0, 1, 3]], space.hull().project(queries[[0, 1, 3]]).distances
    )


@pytest.fixture(scope="module")
def whole(tiny):
    """Both studies of all pictures."""
    return {name: getattr(fsw.study, name)(tiny, PICTURES, progress=False) for name in ("flips", "certify")}


def test_flips_and_radii_are_those_of_the_space(tiny, whole):
    flips, radii = whole["flips"], whole["certify"]
    for row in range(0, len(PICTURES), 4):
        flip = tiny.flip_image(PICTURES[row])
        assert flips["distance"][row] == flip.distance
        np.testing.assert_array_equal(flips["image"][row], flip.image)
        found = tiny.certify_image(PICTURES[row])
        assert (radii["radius_l2"][row], radii["radius_linf"][row]) == (found.radius_l2, found.radius_linf)
    assert (radii["radius_l2"] <= flips["distance"]).all()
    assert radii["verified"][radii["verdict"] == "yes"].all()
    assert (flips["verdict"] == "found").any()


@pytest.mark.parametrize("name", ["flips", "certify"])
def test_failing_images_are_recorded(tiny, whole, name):
    study = getattr(fsw.study, name)(tiny, Broken(PICTURES, {0, 9}), progress=False)
    assert study.failures == {0: "OSError: file 0 is cut", 9: "OSError: file 9 is cut"}
    good = np.setdiff1d(np.arange(20), [0, 9])
    for column in study.columns:
        np.testing.assert_array_equal(study[column][good], whole[name][column][good])


def test_adjacency_is_decided_and_can_be_checked_again_after_saving(tmp_path):
    rng = np.random.default_rng(5)
    space = fsw.FeatureSpace.from_arrays(rng.normal(size=(14, 3)), rng.normal(size=14))
    fsw.study.adjacency(space, tmp_path / "study", progress=False)
    study = fsw.study.Study.load(tmp_path / "study")
    wanted = space.adjacency().verdicts
    np.testing.assert_array_equal(study["verdict"], wanted[study["first"], study["second"]])
    assert {"yes", "no"} <= set(study["verdict"].tolist())
    restored = fsw.study.restore_adjacency(space, study)
    assert restored.verify().all()
    for i, j, margin in zip(study["first"], study["second"], study["margin"], strict=True):
        if np.isfinite(margin):
            assert margin == pytest.approx(restored.witness(i, j).margin, rel=1e-6)


class Interrupted(KeyboardInterrupt):
    pass


def test_interrupted_studies_go_on_where_they_stopped(space, tmp_path, monkeypatch):
    queries = space.test_bank.features[:1000]
    wanted = fsw.study.extrapolation(space, queries, progress=False)
    measure, asked = hull_distances.measure, []

    def measure_twice(shared, rows, vectors):
        if len(asked) == 2:
            raise Interrupted
        asked.append(rows)
        return measure(shared, rows, vectors)

    monkeypatch.setattr(hull_distances, "measure", measure_twice)
    with pytest.raises(Interrupted):
        fsw.study.extrapolation(space, queries, tmp_path / "study", progress=False)
    with pytest.raises(ValueError, match="no finished study"):
        fsw.study.Study.load(tmp_path / "study")

    def measure_rest(shared, rows, vectors):
        asked.append(rows)
        return measure(shared, rows, vectors)

    monkeypatch.setattr(hull_distances, "measure", measure_rest)
    study = fsw.study.extrapolation(space, queries, tmp_path / "study", progress=False)
    np.testing.assert_array_equal(np.concatenate(asked), np.arange(1000))  # none twice
    for name in wanted.columns:
        np.testing.assert_array_equal(study[name], wanted[name])
    # A finished study is read, not asked again.
    again = fsw.study.extrapolation(space, queries, tmp_path / "study", progress=False)
    assert len(asked) == 4
    np.testing.assert_array_equal(again["distance"], study["distance"])
    assert sorted(path.name for path in (tmp_path / "study").iterdir()) == ["provenance.json", "result.npz"]


def test_provenance_tells_studies_apart(tiny, tmp_path):
    study = fsw.study.certify(tiny, PICTURES, tmp_path / "study", sample=3, seed=1, progress=False)
    stored = json.loads((tmp_path / "study" / "provenance.json").read_text())
    assert stored == study.provenance
    assert stored["options"] == {"sample": 3, "seed": 1}
    assert {"numpy", "torch", "python"} <= set(stored["versions"])
    assert stored["data"]["items"] == 20
    with pytest.raises(ValueError, match="made with another options;"):
        fsw.study.certify(tiny, PICTURES, tmp_path / "study", sample=3, seed=2, progress=False)
    other = fsw.FeatureSpace(fsw.LinearHead(np.eye(3, 4)), classifier=tiny.classifier)
    with pytest.raises(ValueError, match="made with another model;"):
        fsw.study.certify(other, PICTURES, tmp_path / "study", sample=3, seed=1, progress=False)
    with pytest.raises(ValueError, match="made with another study and another options;"):
        fsw.study.flips(tiny, PICTURES, tmp_path / "study", sample=3, seed=1, progress=False)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match="something that is no study"):
        fsw.study.certify(tiny, PICTURES, tmp_path / "mine", progress=False)


def test_samples_are_drawn_by_the_seed():
    first = conduct.chosen_rows(100, 10, 1)
    np.testing.assert_array_equal(first, conduct.chosen_rows(100, 10, 1))
    assert len(np.unique(first)) == 10
    assert (first != conduct.chosen_rows(100, 10, 2)).any()
    with pytest.raises(ValueError, match="from 1 to 100, the size of the data set, received 101"):
        conduct.chosen_rows(100, 101, 0)


def test_frames(tiny, monkeypatch):
    study = fsw.study.flips(tiny, PICTURES[:3], progress=False)
    frame = pytest.importorskip("pandas") and study.to_frame()
    assert len(frame) == 3
    assert frame["distance"].tolist() == study["distance"].tolist()
    assert "image" not in frame
    load = builtins.__import__

    def without_pandas(name, *rest, **named):
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return load(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ValueError, match="pip install pandas"):
        study.to_frame()


def test_refusals(space):
    bare = fsw.FeatureSpace.from_arrays(np.eye(2), None, np.eye(2))
    with pytest.raises(ValueError, match="no classifier"):
        fsw.study.flips(bare)
    with pytest.raises(ValueError, match="pass queries="):
        fsw.study.extrapolation(bare)
    with pytest.raises(ValueError, match=r"shape \(n, 64\), received \(2, 3\)"):
        fsw.study.extrapolation(space, np.ones((2, 3)))
    study = fsw.study.extrapolation(bare, np.eye(2), progress=False)
    with pytest.raises(ValueError, match="one of extrapolation"):
        fsw.study.restore_adjacency(bare, study)
    with pytest.raises(KeyError, match="no column 'distanz'"):
        study["distanz"]


def test_an_interrupted_save_leaves_no_mixture(tmp_path, monkeypatch):
    first = Study("flips", {"row": np.arange(3)}, {}, {"study": "flips", "seed": 1})
    second = Study("flips", {"row": np.arange(5)}, {}, {"study": "flips", "seed": 2})
    first.save(tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "write_answers", interrupted)
    with pytest.raises(KeyboardInterrupt):
        second.save(tmp_path)
    with pytest.raises(ValueError, match="no finished study"):
        Study.load(tmp_path)
