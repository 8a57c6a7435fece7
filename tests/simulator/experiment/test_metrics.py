"""Metrics compared with scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss, recall_score

from simulator.experiment.metrics import evaluate


def probabilities(rng: np.random.Generator, n: int, k: int, sharpness: float = 3.0) -> np.ndarray:
    logits = rng.normal(size=(n, k)) * sharpness
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(("n", "k"), [(7, 2), (200, 3), (500, 77)])
def test_metrics_are_those_of_scikit_learn(n: int, k: int):
    rng = np.random.default_rng(n)
    p, y = probabilities(rng, n, k), rng.integers(0, k, n)
    ours = evaluate(p, y)
    predicted = p.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = [
            accuracy_score(y, predicted),
            balanced_accuracy_score(y, predicted),
            f1_score(y, predicted, average="macro"),
            log_loss(y, p, labels=np.arange(k)),
        ]
    assert [ours.accuracy, ours.balanced_accuracy, ours.macro_f1] == pytest.approx(theirs[:3], abs=1e-12)
    assert ours.nll == pytest.approx(theirs[3], rel=1e-6)


def test_classes_that_never_occur_do_not_count_and_a_certain_error_has_a_finite_loss():
    p = np.zeros((4, 5), dtype=np.float32)
    p[:, 1] = 1.0
    measured = evaluate(p, np.array([1, 1, 1, 2]))
    assert measured.balanced_accuracy == pytest.approx(0.5)
    assert measured.macro_f1 == pytest.approx((6 / 7 + 0) / 2)
    assert measured.nll == pytest.approx(15.942 / 4, abs=1e-3)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    rng = np.random.default_rng(0)
    n = 20_000
    confidence = rng.uniform(0.5, 1.0, n).astype(np.float32)
    p = np.c_[confidence, 1 - confidence]
    calibrated = (rng.random(n) > confidence).astype(np.int64)
    overconfident = (rng.random(n) > confidence - 0.2).astype(np.int64)
    assert evaluate(p, calibrated).ece < 0.02
    assert evaluate(p, overconfident).ece == pytest.approx(0.2, abs=0.02)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="3 labels do not fit"):
        evaluate(np.ones((2, 2)), np.zeros(3, dtype=np.int64))


def test_confidence_minus_accuracy_is_overconfidence_and_the_recall_is_that_of_the_class_asked_for():
    rng = np.random.default_rng(3)
    p, y = probabilities(rng, 300, 4), rng.integers(0, 4, 300)
    measured = evaluate(p, y, rarest=2)
    assert measured.confidence == pytest.approx(np.mean([max(row) for row in p.tolist()]))
    assert measured.rarest_recall == recall_score(y, p.argmax(axis=1), labels=[2], average="macro")
    assert np.isnan(evaluate(p, y).rarest_recall)
