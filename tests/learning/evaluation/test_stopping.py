from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import cohen_kappa_score

from ml_backend.learning.evaluation.stopping import (
    classification_change,
    kappa,
    overall_uncertainty,
    stabilized,
    stabilizing_predictions,
    stop_set,
)
from ml_backend.learning.head import Head

rng = np.random.default_rng(0)


@pytest.mark.parametrize("noise", [0.0, 0.2, 1.0])
def test_kappa_is_cohens(noise):
    before = rng.integers(0, 5, size=500)
    now = np.where(rng.random(500) < noise, rng.integers(0, 5, size=500), before)
    assert kappa(before, now) == pytest.approx(cohen_kappa_score(before, now))


def test_kappa_of_several_labels_is_the_mean_over_the_classes():
    before, now = rng.integers(0, 2, size=(2, 200, 3))
    each = [cohen_kappa_score(before[:, k], now[:, k]) for k in range(3)]
    assert kappa(before, now) == pytest.approx(np.mean(each))


def test_heads_that_know_one_class_only_agree():
    assert kappa(np.zeros(5, dtype=int), np.zeros(5, dtype=int)) == 1.0
    with pytest.raises(ValueError, match="same rows"):
        kappa(np.zeros(5, dtype=int), np.zeros(4, dtype=int))


def test_the_stop_set_is_a_sample_without_repeats():
    rows = stop_set(np.arange(100, 5000), np.random.default_rng(1))
    assert len(set(rows.tolist())) == 2000
    assert rows.min() >= 100
    np.testing.assert_array_equal(rows, stop_set(np.arange(100, 5000), np.random.default_rng(1)))
    assert stop_set(np.arange(7), rng).tolist() == list(range(7))


def test_predictions_that_stay_say_stop_and_those_that_move_do_not():
    settled = rng.integers(0, 3, size=1000)
    moving = [np.where(rng.random(1000) < 0.1, rng.integers(0, 3, size=1000), settled) for _ in range(4)]
    assert not stabilizing_predictions(moving).stop
    assert not stabilizing_predictions([*moving, settled, settled]).stop, "two of the three last pairs still differ"
    advice = stabilizing_predictions([*moving, settled, settled, settled, settled])
    assert advice.stop
    assert advice.value == 1.0
    early = stabilizing_predictions([settled] * 3)
    assert not early.stop
    assert early.value is None
    assert "3 of the 4" in early.reason
    assert stabilizing_predictions(moving, threshold=0.5).stop, "a user may stop earlier"


def test_any_changed_label_says_go_on():
    before = np.array([0, 1, 2, 1])
    assert classification_change(before, before.copy()).stop
    advice = classification_change(before, np.array([0, 1, 2, 2]))
    assert not advice.stop
    assert advice.value == 0.25
    assert classification_change(np.eye(3, dtype=int), np.ones((3, 3), dtype=int)).value == 1.0


def test_uncertainty_is_the_mean_entropy():
    P = rng.dirichlet(np.ones(4), size=50)
    assert overall_uncertainty(P).value == pytest.approx(entropy(P, axis=1).mean())
    several = overall_uncertainty(P, multi_label=True).value
    assert several == pytest.approx(np.mean([entropy([p, 1 - p]) for p in P.ravel()]))
    assert not overall_uncertainty(P).stop
    assert overall_uncertainty(np.eye(4)).stop
    assert overall_uncertainty(np.empty((0, 4))).stop


def test_all_three_come_to_rest_as_labels_come_in():
    centres = rng.normal(size=(4, 16))
    y = rng.integers(0, 4, size=1200)
    X = (centres[y] + 0.3 * rng.normal(size=(1200, 16))).astype(np.float32)
    sample, history, uncertainty = np.arange(600, 1200), [], []
    for n in (8, 20, 50, 100, 200, 400, 600):
        P = Head(C=10.0).fit(X[:n], y[:n], 4).predict_proba(X[sample])
        history.append(P.argmax(axis=1))
        uncertainty.append(overall_uncertainty(P).value)
    assert uncertainty[-1] < uncertainty[1]
    assert not stabilizing_predictions(history[:4]).stop
    assert stabilizing_predictions(history).value > stabilizing_predictions(history[:4]).value
    assert classification_change(history[-2], history[-1]).value <= classification_change(*history[:2]).value


def test_kept_kappas_say_the_same_as_the_predictions():
    history = [np.array([0, 1, 2, 0]), np.array([0, 1, 2, 1]), np.array([0, 1, 2, 1]), np.array([0, 1, 2, 1])]
    kappas = [kappa(before, now) for before, now in pairwise(history)]
    assert stabilized(kappas) == stabilizing_predictions(history)
    assert not stabilized(kappas).stop
    assert stabilized([0.2, *kappas[1:], 1.0]).stop, "only the last ones count"
