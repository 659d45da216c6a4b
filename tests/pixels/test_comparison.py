"""Boundaries in both spaces, against formulas written out and scipy."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from featurespace_widgets.geometry.head import LinearHead
from featurespace_widgets.pixels.comparison import compare, effective_rank


class Model(nn.Module):
    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(9, 12), nn.Tanh(), nn.Linear(12, 5)).double()

    def features(self, x):
        return self.body(x)


@pytest.fixture
def setting():
    rng = np.random.default_rng(0)
    head = LinearHead(rng.normal(size=(6, 5)), rng.normal(size=6))
    return Model(), head, rng.uniform(size=(4, 1, 3, 3))


def test_distances_and_correlation(setting):
    model, head, images = setting
    found = compare(model, head, images)
    x = torch.as_tensor(images)
    y = model.features(x).detach().numpy()
    z = head.logits(y)
    for k in range(4):
        own = z[k].argmax()
        assert found.classes[k] == own
        jacobian = torch.autograd.functional.jacobian(lambda p: model.features(p[None])[0], x[k]).reshape(
            5, 9
        )
        for j, other in enumerate(found.others[k]):
            v = head.weight[own] - head.weight[other]
            gap = z[k, own] - z[k, other]
            assert found.feature_distances[k, j] == pytest.approx(gap / np.linalg.norm(v), rel=1e-10)
            length = np.linalg.norm(jacobian.numpy().T @ v)
            assert found.linear_distances[k, j] == pytest.approx(gap / length, rel=1e-10)
        expected = spearmanr(found.feature_distances[k], found.linear_distances[k]).statistic
        assert found.rank_correlation[k] == pytest.approx(expected)
        summary = found.feature_summary[k]
        assert summary.spread == pytest.approx(
            found.feature_distances[k].max() / found.feature_distances[k].min()
        )
        np.testing.assert_allclose(np.diag(summary.angles), 0, atol=1e-5)
        assert 1 <= summary.effective_rank <= 5
    assert found.feature_scale == pytest.approx(
        np.median([np.linalg.norm(y[i] - y[j]) for i in range(4) for j in range(i)])
    )
    rows = found.table()
    assert len(rows) == 4 * 5
    assert rows[0]["feature"] == pytest.approx(found.feature_distances[0, 0] / found.feature_scale)
    assert "pixel_flip" not in rows[0]
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_flip_distances(setting):
    model, head, images = setting
    found = compare(model, head, images, flip=lambda image, other: float(other + 1) + image.shape[0])
    np.testing.assert_array_equal(found.flip_distances, found.others + 2.0)
    expected = spearmanr(found.feature_distances[0], found.flip_distances[0]).statistic
    assert found.rank_correlation[0] == pytest.approx(expected)
    assert found.table()[0]["pixel_flip"] == pytest.approx(found.flip_distances[0, 0] / found.pixel_scale)
    none = compare(model, head, images, flip=lambda image, other: None)
    assert np.isnan(none.flip_distances).all()
    np.testing.assert_allclose(none.rank_correlation, compare(model, head, images).rank_correlation)


def test_degenerate_heads(setting):
    model, _, images = setting
    two = compare(model, LinearHead(np.eye(5)[:2]), images[:1])
    assert two.feature_distances.shape == (1, 1)
    assert np.isnan(two.rank_correlation[0])
    assert (two.feature_scale, two.pixel_scale) == (1.0, 1.0)
    equal = compare(model, LinearHead(np.ones((3, 5))), images)
    assert np.isinf(equal.feature_distances).all()
    assert equal.feature_summary[0].effective_rank == 0.0
    assert np.isnan(equal.feature_summary[0].angles).all()


def test_effective_rank():
    assert effective_rank(np.diag([5.0, 1.0])) == pytest.approx(2.0)  # lengths do not count
    assert effective_rank(np.zeros((3, 2))) == 0.0


def test_bad_input(setting):
    model, head, images = setting
    with pytest.raises(ValueError, match="head takes 3"):
        compare(model, LinearHead(np.eye(3)), images)
    with pytest.raises(ValueError, match="one or more"):
        compare(model, head, [])
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        compare(model, head, images * 3)

    class Steps(Model):
        def features(self, x):
            return super().features(x).detach()

    with pytest.raises(ValueError, match="no gradients"):
        compare(Steps(), head, images)
