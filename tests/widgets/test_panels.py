"""The panels of the explorer on the kernel's side."""

import threading

import numpy as np
import pytest

import featurespace_widgets as fsw
from featurespace_widgets.geometry.hull import FeatureHull
from featurespace_widgets.widgets.panels.base import Question
from featurespace_widgets.widgets.panels.extrapolation import HullSample
from featurespace_widgets.widgets.panels.margins import margins
from featurespace_widgets.widgets.panels.work import Stopped, Work, Worker
from widgets.answers import wait


@pytest.fixture(scope="module")
def fashion():
    return fsw.load("fashion-mnist")


def quiet(_share):
    pass


def test_only_the_newest_question_is_computed_and_shown():
    worker, computed, shown = Worker(), [], []
    for k in range(20):
        worker.ask(lambda work, k=k: computed.append(k) or k, shown.append, pytest.fail, quiet)
    wait(lambda: shown)
    assert (computed, shown) == ([19], [19])


def test_a_cancelled_answer_is_never_shown():
    worker, begun, over, shown = Worker(), threading.Event(), threading.Event(), []

    def compute(work):
        begun.set()
        try:
            while True:
                work.progress(0.5)
        except Stopped:
            over.set()
            raise

    worker.ask(compute, shown.append, pytest.fail, quiet)
    assert begun.wait(20)
    worker.cancel()
    assert over.wait(20)
    assert not shown


def test_a_failure_is_told():
    worker, told = Worker(), []
    worker.ask(lambda work: 1 / 0, pytest.fail, told.append, quiet)
    wait(lambda: told)
    assert isinstance(told[0], ZeroDivisionError)


def test_margins_reach_the_boundaries_they_name(fashion):
    """A step of the given length along the normal of two classes makes them tie."""
    head, y = fashion.head, fashion.features[7]
    found = margins(Question(fashion, (0, 1, 2), y, fsw.SliceView(fashion)))
    assert len(found.others) == head.num_classes - 1
    assert (np.diff(found.distances) >= 0).all()
    assert found.distances[0] == pytest.approx(head.radius(y[None])[0])
    for k, distance in zip(found.others, found.distances, strict=True):
        normal = head.weight[k] - head.weight[found.class_index]
        z = head.logits((y + distance * normal / np.linalg.norm(normal))[None])[0]
        assert z[k] == pytest.approx(z[found.class_index], abs=1e-8)


def test_the_margins_tab_follows_the_point(fashion):
    explorer = fsw.Explorer(fashion)
    panel = explorer.tabs.panel("Margins")
    for y in fashion.features[[3, 400]]:
        explorer.view.move_to(explorer.view.plane.to_plane(y)[0])
        expected = margins(Question.of(explorer.view))
        wait(lambda expected=expected: np.allclose(panel.distances.y[::-1], expected.distances))
        assert panel.logits.x[::-1].tolist() == [fashion.head.class_names[k] for k in expected.others]
    assert panel.content.layout.display is None


def test_many_classes_show_the_nearest():
    rng = np.random.default_rng(0)
    explorer = fsw.Explorer(fsw.FeatureSpace.from_arrays(rng.normal(size=(100, 8))))
    panel = explorer.tabs.panel("Margins")
    wait(lambda: len(panel.distances.x) == 12)
    assert "87 classes farther away" in panel.facts.value


def test_training_samples_are_measured_against_all_others():
    """Corners of a square are a known distance from the triangle of the other three; the middle is in it."""
    points = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0], [1.0, 1.0]])
    space = fsw.FeatureSpace.from_arrays(np.eye(2), None, points)
    sample = HullSample(space)
    sample.advance(Work(quiet))
    np.testing.assert_allclose(
        sample.train, [1.0, 1.0, 1.0, 1.0, 0.0] @ np.diag(np.full(5, np.sqrt(2))), atol=1e-7
    )


def test_a_stopped_sample_goes_on_where_it_stopped(fashion):
    sample, work = HullSample(fashion), Work(quiet)
    work.stop()
    with pytest.raises(Stopped):
        sample.advance(work)
    assert np.isfinite(sample.test).sum() == 1


def test_extrapolation_shows_the_point_among_the_samples():
    rng = np.random.default_rng(1)
    space = fsw.FeatureSpace.from_arrays(np.eye(3), None, rng.normal(size=(40, 3)))
    explorer = fsw.Explorer(space)
    panel = explorer.tabs.select("Extrapolation")
    wait(lambda: len(panel.point.x))
    expected = FeatureHull(space.features).project(explorer.view.probe.features)
    inside = expected.verdicts[0] == "inside"
    assert panel.point.x[0] == pytest.approx(0.0 if inside else expected.distances[0])
    assert panel.histogram.y[0].sum() == pytest.approx(1.0)
    assert np.isfinite(panel.clouds[0].x).all()


def test_a_bare_head_is_told_what_is_missing():
    explorer = fsw.Explorer(fsw.FeatureSpace.from_arrays(np.eye(3)))
    panel = explorer.tabs.select("Extrapolation")
    assert "features=..." in panel.text.value
    assert panel.content.layout.display == "none"


def test_a_panel_is_made_when_its_tab_is_first_shown(fashion):
    explorer = fsw.Explorer(fashion)
    made = [len(place.children) for place in explorer.tabs.tab.children]
    assert made == [1] + [0] * (len(made) - 1)
    assert explorer.tabs.select("Extrapolation") is explorer.tabs.panel("Extrapolation")
    with pytest.raises(ValueError, match="title must be one of Margins"):
        explorer.tabs.select("margin")


def test_zooming_does_not_ask_again_and_another_point_does(fashion):
    explorer = fsw.Explorer(fashion)
    panel, view = explorer.tabs.panel("Margins"), explorer.view
    wait(lambda: panel.answer is not None)
    first, work, pose = panel.answer, panel._work, view.pose_shown
    view.pose = {**pose, "id": 1, "view": [*pose["view"][:2], 0.5 * pose["view"][2]]}
    assert view.window[2] == 0.5 * pose["view"][2]
    assert panel._work is work
    view.move_to(view.plane.to_plane(fashion.features[3:4])[0])
    wait(lambda: panel.answer is not first)


def test_what_another_tab_stopped_is_asked_again(fashion):
    explorer = fsw.Explorer(fashion)
    panel = explorer.tabs.select("Extrapolation")
    explorer.tabs.select("Margins")
    wait(lambda: explorer.tabs.panel("Margins").answer is not None)
    assert panel.answer is None
    explorer.tabs.select("Extrapolation")
    wait(lambda: panel.answer is not None)


def test_work_that_is_cancelled_as_it_begins_is_not_computed(monkeypatch):
    """Cancelled between the end of its wait and its start, it would hold the thread of the next question."""
    worker, computed, told = Worker(), [], []

    def cancelled_late(_work):
        worker.cancel()
        return True

    with monkeypatch.context() as patch:
        patch.setattr(Work, "rests", cancelled_late)
        worker.ask(lambda _: computed.append("cancelled"), quiet, pytest.fail, told.append)
        worker._pool.submit(lambda: None).result()
    worker.ask(lambda _: computed.append("wanted"), quiet, pytest.fail, told.append)
    wait(lambda: computed)
    assert computed == ["wanted"]
    assert not told, "what takes no time shows no progress"
    worker.close()


def test_a_longer_search_than_expected_never_stands_still(monkeypatch):
    shares = []
    work = Work(lambda _: None)
    monkeypatch.setattr(work, "progress", shares.append)
    asked = work.counter(100)
    for _ in range(600):
        assert asked() is False
    np.testing.assert_allclose(shares[:80], np.arange(80) / 100)
    assert (np.diff(shares) > 0).all()
    assert 0.85 < shares[100] < 0.95
    assert shares[-1] < 1
