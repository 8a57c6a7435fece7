"""The log losses against differences of their own values, and against sums over rows."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from ml_backend.learning.head.losses import Sigmoid, Softmax

RNG = np.random.default_rng(0)
F, CHANGE = RNG.normal(size=(3, 8)) * 2, RNG.normal(size=(3, 8))
Y = np.eye(3)[:, RNG.integers(3, size=8)]
LOSSES = pytest.mark.parametrize("loss", [Softmax(), Sigmoid()])


def test_values_are_negative_log_likelihoods():
    value, P = Softmax().value(F, Y)
    np.testing.assert_allclose(P, softmax(F, axis=0))
    assert value == pytest.approx(-np.log(softmax(F, axis=0)[Y == 1]).sum())
    values, P = Sigmoid().value(F, Y)
    np.testing.assert_allclose(P, expit(F))
    np.testing.assert_allclose(values[:, 0], -np.log(np.where(Y == 1, expit(F), expit(-F))).sum(axis=1))


@LOSSES
def test_slope_and_curvature_along_a_line_are_those_of_the_value(loss):
    h = 1e-4
    below, here, above = (loss.value(F + t * CHANGE, Y)[0] for t in (-h, 0, h))
    P = loss.value(F, Y)[1]
    np.testing.assert_allclose(loss.dot(P - Y, CHANGE), (above - below) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(loss.curvature(P, CHANGE), (above - 2 * here + below) / h**2, rtol=1e-5)


@LOSSES
def test_huge_logits_of_the_right_class_cost_nothing_and_of_another_class_their_size(loss):
    right = np.where(Y == 1, 500.0, -500.0).astype(np.float32)
    assert np.all(loss.value(right, Y.astype(np.float32))[0] == 0)
    wrong, P = loss.value(-right, Y.astype(np.float32))
    assert np.isfinite(wrong).all()
    assert np.isfinite(P).all()
    assert wrong.sum() > 500 * Y.shape[1]
