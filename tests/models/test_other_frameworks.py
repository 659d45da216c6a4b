"""`from_arrays` with other frameworks: scikit-learn itself, and arrays as Keras and JAX hold them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds

import featurespace_widgets as fsw

sklearn = pytest.importorskip("sklearn")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    return load_digits()


@pytest.fixture(scope="module")
def perceptron(digits):
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((24,), activation="relu", max_iter=60, random_state=0).fit(
        digits.data / 16, digits.target
    )


def space_of_perceptron(model, digits):
    """The hidden layer of an MLPClassifier is the feature space of its last one."""
    hidden = np.maximum(digits.data / 16 @ model.coefs_[0] + model.intercepts_[0], 0)
    return fsw.FeatureSpace.from_arrays(
        model.coefs_[1].T, model.intercepts_[1], hidden, digits.target,
        class_names=[str(name) for name in digits.target_names], domain=Bounds(0, np.inf),
        images=digits.images[:, None] / 16,
    )  # fmt: skip


def test_the_hidden_layer_of_a_perceptron(perceptron, digits):
    space = space_of_perceptron(perceptron, digits)
    np.testing.assert_array_equal(space.predictions, perceptron.predict(digits.data / 16))
    logits = space.head.logits(space.features)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, perceptron.predict_proba(digits.data / 16), atol=1e-9)
    plane = space.boundary_plane((3, 5, 8))
    lifted = space.lift(plane, plane.to_plane(space.features[:5]))
    assert (lifted >= 0).all()
    np.testing.assert_allclose(plane.to_plane(lifted), plane.to_plane(space.features[:5]), atol=1e-6)
    assert space.hull(3).project(space.features[space.labels == 3][:2]).verify().all()
    explorer = fsw.Explorer(space)
    assert explorer.panel.content["image"]["width"] == 8
    explorer.close()


def test_logistic_regression_with_many_classes_and_with_two(digits):
    from sklearn.linear_model import LogisticRegression

    images = digits.data / 16
    many = LogisticRegression(max_iter=200).fit(images, digits.target)
    space = fsw.FeatureSpace.from_arrays(many.coef_, many.intercept_, images, digits.target)
    np.testing.assert_array_equal(space.predictions, many.predict(images))
    rows = np.isin(digits.target, (3, 8))
    two = LogisticRegression(max_iter=200).fit(images[rows], digits.target[rows] == 8)
    assert two.coef_.shape == (1, 64)  # one logit
    space = fsw.FeatureSpace.from_arrays(two.coef_, two.intercept_, images[rows], class_names=["3", "8"])
    np.testing.assert_array_equal(space.predictions, two.predict(images[rows]).astype(int))
    distances = np.abs(two.decision_function(images[rows])) / np.linalg.norm(two.coef_)
    np.testing.assert_allclose(space.radius(images[rows]), distances, rtol=1e-9)


class Dense:
    """A layer as Keras holds it: ``get_weights()`` gives the kernel (d, K) and the bias (K,), in float32."""

    def __init__(self, kernel, bias, activation=None):
        self.kernel, self.bias, self.activation = kernel.astype("float32"), bias.astype("float32"), activation

    def get_weights(self):
        return [self.kernel, self.bias]

    def __call__(self, x):
        z = x.astype("float32") @ self.kernel + self.bias
        return np.maximum(z, 0) if self.activation == "relu" else z


def test_arrays_as_keras_and_jax_hold_them(perceptron, digits):
    """Kernels are (d, K) there: transposed they are ours; features come in float32 and stay so."""
    images = digits.data / 16
    first = Dense(perceptron.coefs_[0], perceptron.intercepts_[0], "relu")
    last = Dense(perceptron.coefs_[1], perceptron.intercepts_[1])
    kernel, bias = last.get_weights()
    features = first(images)
    space = fsw.FeatureSpace.from_arrays(kernel.T, bias, features, digits.target, domain=Bounds(0, np.inf))
    assert space.features.dtype == np.float32
    np.testing.assert_array_equal(space.predictions, last(first(images)).argmax(axis=1))
    # JAX and Flax: a tree of arrays with the same layout
    tree = {"params": {"Dense_1": {"kernel": kernel, "bias": bias}}}
    leaves = tree["params"]["Dense_1"]
    same = fsw.FeatureSpace.from_arrays(leaves["kernel"].T, leaves["bias"], features)
    np.testing.assert_array_equal(same.head.weight, space.head.weight)


def test_a_kernel_that_was_not_transposed_is_refused(perceptron, digits):
    last = Dense(perceptron.coefs_[1], perceptron.intercepts_[1])
    kernel, bias = last.get_weights()
    with pytest.raises(ValueError, match="received"):
        fsw.FeatureSpace.from_arrays(kernel, bias, np.ones((4, 24)))
