import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax

from ml_backend.learning.head import Head
from ml_backend.learning.head.calibration import COLDEST, HOTTEST, fit_temperature

rng = np.random.default_rng(0)


def brute_force(loss):
    grid = np.geomspace(COLDEST, HOTTEST, 400)
    near = grid[np.argmin([loss(t) for t in grid])]
    return minimize_scalar(loss, bounds=(near * 0.98, near * 1.02), method="bounded", options={"xatol": 1e-9}).x


def test_the_temperature_minimises_the_loss_of_a_softmax():
    logits = 4 * rng.normal(size=(300, 5))
    y = np.array([rng.choice(5, p=np.exp(row)) for row in log_softmax(logits / 2.5, axis=1)])
    expected = brute_force(lambda t: -log_softmax(logits / t, axis=1)[np.arange(300), y].mean())
    assert fit_temperature(logits, y) == pytest.approx(expected, rel=1e-3)


def test_the_temperature_minimises_the_loss_of_sigmoids():
    logits = 4 * rng.normal(size=(300, 3))
    Y = (rng.random((300, 3)) < expit(logits / 1.7)).astype(np.int64)
    expected = brute_force(lambda t: (np.logaddexp(0, logits / t) - Y * logits / t).mean())
    assert fit_temperature(logits, Y) == pytest.approx(expected, rel=1e-3)


def test_the_temperature_stays_within_its_bounds():
    certain = np.eye(3)[[0, 1, 2, 0]] * 5
    assert fit_temperature(certain, np.array([0, 1, 2, 0])) == pytest.approx(COLDEST, rel=0.01)
    assert fit_temperature(certain, np.array([1, 2, 0, 1])) == pytest.approx(HOTTEST, rel=0.01)
    with pytest.raises(ValueError, match="at least one"):
        fit_temperature(np.empty((0, 3)), np.empty(0, dtype=int))


def fitted(C=1000.0, n=60):
    X = rng.normal(size=(n, 8)).astype(np.float32)
    y = (X[:, 0] + rng.normal(size=n) > 0).astype(np.int64)
    return Head(C=C).fit(X[: n // 2], y[: n // 2], 3), X[n // 2 :], y[n // 2 :]


def test_calibration_lowers_the_loss_of_an_overconfident_head_and_keeps_its_predictions():
    head, X, y = fitted()
    before = head.predict_proba(X)
    head.temperature = fit_temperature(*head.calibration_logits(X, y))
    after = head.predict_proba(X)
    assert head.temperature > 1
    assert -np.log(after[np.arange(len(y)), y]).mean() < -np.log(before[np.arange(len(y)), y]).mean()
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert after[:, 2].max() < 1e-6, "a high temperature must not give an unseen class probability"


def test_held_out_labels_of_classes_without_training_labels_are_ignored():
    head, X, y = fitted()
    alone = fit_temperature(*head.calibration_logits(X, y))
    with_unknown = fit_temperature(*head.calibration_logits(np.r_[X, X[:5]], np.r_[y, np.full(5, 2)]))
    assert with_unknown == pytest.approx(alone)
    assert len(head.calibration_logits(X[:2], np.array([2, 2]))[1]) == 0
    with pytest.raises(ValueError, match="single-label"):
        head.calibration_logits(X, np.zeros((len(X), 3), dtype=np.int64))
