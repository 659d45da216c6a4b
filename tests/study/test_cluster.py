"""Studies on a cluster of several processes: as in one process, whatever becomes of the workers."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.geometry.pricing import PointSet
from featurespace_widgets.study import run
from featurespace_widgets.study.extraction import features_of
from featurespace_widgets.study.hull_distances import _least_memory
from featurespace_widgets.study.shards import ShardedPoints
from study.helpers import KillsItsWorker, Tiny, start_after_killing

distributed = pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # a dying worker's connections complain
]


@contextmanager
def cluster(workers):
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60
        ) as processes,
        distributed.Client(processes) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with cluster(3) as client:
        yield client


@pytest.fixture(scope="module")
def space():
    return fsw.load("mnist")


def same(found, wanted):
    assert set(found.columns) == set(wanted.columns)
    for name in wanted.columns:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


def test_extraction_survives_a_killed_worker(space, client, tmp_path):
    images = space.test_bank.images[:400]
    flag = tmp_path / "killed"
    deadly = KillsItsWorker(images, 201, flag)
    bank = fsw.study.extract(space, deadly, tmp_path / "bank", batch_size=32, client=client, progress=False)
    assert int(flag.read_text()) != os.getpid()
    assert bank.failures == {}
    alone = fsw.study.extract(space, images, tmp_path / "alone", batch_size=32, progress=False)
    np.testing.assert_array_equal(bank.thumbnails, images)
    np.testing.assert_allclose(bank.features, alone.features, rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def tiny():
    return fsw.FeatureSpace(fsw.LinearHead(np.random.default_rng(0).normal(size=(3, 4))), classifier=Tiny())


PICTURES = np.random.default_rng(1).random((24, 1, 3, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["flips", "certify"])
def test_pixel_studies_survive_a_killed_worker(tiny, client, tmp_path, name):
    ask, flag = getattr(fsw.study, name), tmp_path / "killed"
    found = ask(tiny, KillsItsWorker(PICTURES, 11, flag), tmp_path / "study", client=client, progress=False)
    assert flag.exists()
    assert found.failures == {}
    wanted = ask(tiny, PICTURES, progress=False)
    np.testing.assert_array_equal(found["row"], np.arange(24))
    for column in wanted.columns:
        if wanted[column].dtype.kind == "f":
            np.testing.assert_allclose(found[column], wanted[column], rtol=1e-6, atol=1e-9)
        else:
            np.testing.assert_array_equal(found[column], wanted[column])


def test_an_image_that_kills_every_worker_is_recorded(tiny, tmp_path):
    deadly = KillsItsWorker(PICTURES[:12], 4)
    with cluster(2) as client:
        bank = fsw.study.extract(tiny, deadly, tmp_path / "bank", batch_size=4, client=client, progress=False)
    assert set(bank.failures) == {4, 5, 6, 7}
    assert "workers died again and again" in bank.failures[4]
    alone = fsw.study.extract(tiny, PICTURES[:12], tmp_path / "alone", progress=False)
    np.testing.assert_allclose(bank.features, np.delete(alone.features, [4, 5, 6, 7], axis=0), rtol=1e-5)


def test_what_the_scheduler_forgets_is_handed_out_again(tiny, client, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.5)
    submit, forgotten = client.submit, []

    def forget(task, *arguments, **options):
        if task is features_of and not forgotten:
            forgotten.append(task)
            options |= {"workers": ["tcp://127.0.0.1:1"]}  # nobody is there
        return submit(task, *arguments, **options)

    monkeypatch.setattr(client, "submit", forget)
    bank = fsw.study.extract(
        tiny, PICTURES[:12], tmp_path / "bank", batch_size=4, client=client, progress=False
    )
    assert forgotten
    assert len(bank.features) == 12
    assert bank.failures == {}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shards_search_as_one_set_does(client, tmp_path, dtype):
    rng = np.random.default_rng(2)
    points = rng.normal(size=(2000, 7)).astype(dtype)
    points[:, 3] = 2.5
    np.save(tmp_path / "points.npy", points)
    shards, whole = ShardedPoints(tmp_path / "points.npy", client), PointSet(points)
    assert len(shards.shards) >= 2
    queries = rng.normal(size=(30, 7))
    np.testing.assert_array_equal(shards.live, whole.live)
    assert shards.radius == pytest.approx(whole.radius)
    for mine, theirs in zip(shards.support(queries), whole.support(queries), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(shards.nearest(queries, 1), whole.nearest(queries, 1))
    assert shards.farthest(queries[0]) == whole.farthest(queries[0])
    mine, theirs = FeatureHull(shards).project(queries), FeatureHull(points).project(queries)
    np.testing.assert_allclose(mine.distances, theirs.distances, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(mine.verdicts, theirs.verdicts)
    assert mine.verify().all()


@pytest.fixture
def blaming(client):
    """A scheduler that gives a task up with the first worker that dies under it."""
    scheduler = client.cluster.scheduler
    allowed, scheduler.allowed_failures = scheduler.allowed_failures, 0
    yield client
    scheduler.allowed_failures = allowed


def test_a_search_survives_workers_that_die(blaming, tmp_path):
    points = np.random.default_rng(3).normal(size=(300, 4))
    np.save(tmp_path / "points.npy", points)
    shards, flag = ShardedPoints(tmp_path / "points.npy", blaming), tmp_path / "killed"
    starts = shards._map(start_after_killing, str(flag))
    assert flag.exists()
    assert starts == [shard.start for shard in shards.shards]


def test_a_search_that_kills_every_worker_ends_with_the_reason(blaming, tmp_path, monkeypatch):
    monkeypatch.setattr("featurespace_widgets.study.shards.ATTEMPTS", 2)
    np.save(tmp_path / "points.npy", np.eye(4))
    shards = ShardedPoints(tmp_path / "points.npy", blaming)
    with pytest.raises(RuntimeError, match="the same call goes on from there"):
        shards._map(start_after_killing, None)


@pytest.mark.parametrize("memory", [np.inf, 0], ids=["queries on the workers", "shards on the workers"])
def test_extrapolation_survives_a_killed_worker(space, client, tmp_path, monkeypatch, memory):
    monkeypatch.setattr("featurespace_widgets.study.hull_distances._least_memory", lambda client: memory)
    queries = space.test_bank.features[:768]
    victims = []

    def kill_one():
        while not list((tmp_path / "study" / "parts").glob("*.npz")):
            time.sleep(0.005)
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        victims.append(pid)

    killer = threading.Thread(target=kill_one)
    killer.start()
    study = fsw.study.extrapolation(space, queries, tmp_path / "study", client=client, progress=False)
    killer.join()
    assert victims
    wanted = fsw.study.extrapolation(space, queries, progress=False)
    np.testing.assert_array_equal(study["verdict"], wanted["verdict"])
    for name in (
        "distance",
        "bound",
        "nearest_distances",
        "to_nearest",
        "to_diameter_high",
        "relevant_share",
    ):
        np.testing.assert_allclose(study[name], wanted[name], rtol=1e-8, err_msg=name)
    assert (study["gap"] < 1e-9).all()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study"]  # no copy of the points is left


def test_workers_say_how_much_memory_they_have(client):
    assert 1e6 < _least_memory(client) < 1e15


def test_adjacency_on_a_cluster(client):
    rng = np.random.default_rng(5)
    space = fsw.FeatureSpace.from_arrays(rng.normal(size=(14, 3)), rng.normal(size=14))
    found = fsw.study.adjacency(space, client=client, progress=False)
    same(found, fsw.study.adjacency(space, progress=False))
    assert fsw.study.restore_adjacency(space, found).verify().all()
