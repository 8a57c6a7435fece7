from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from ml_backend.learning.evaluation.kappa import (
    kappa,
    stabilized,
    stop_set,
)
from ml_backend.learning.head import Head

rng = np.random.default_rng(0)


@pytest.mark.parametrize("noise", [0.0, 0.2, 1.0])
def test_kappa_is_cohens(noise):
    before = rng.integers(0, 5, size=500)
    now = np.where(rng.random(500) < noise, rng.integers(0, 5, size=500), before)
    assert kappa(before, now) == pytest.approx(cohen_kappa_score(before, now))


def test_multi_label_kappa_is_the_mean_over_the_classes():
    before, now = rng.integers(0, 2, size=(2, 200, 3))
    each = [cohen_kappa_score(before[:, k], now[:, k]) for k in range(3)]
    assert kappa(before, now) == pytest.approx(np.mean(each))


def test_kappa_is_one_where_both_predict_one_class_only():
    assert kappa(np.zeros(5, dtype=int), np.zeros(5, dtype=int)) == 1.0
    with pytest.raises(ValueError, match="same rows"):
        kappa(np.zeros(5, dtype=int), np.zeros(4, dtype=int))


def test_the_stop_set_is_a_sample_without_repeats():
    rows = stop_set(np.arange(100, 5000), np.random.default_rng(1))
    assert len(set(rows.tolist())) == 2000
    assert rows.min() >= 100
    np.testing.assert_array_equal(rows, stop_set(np.arange(100, 5000), np.random.default_rng(1)))
    assert stop_set(np.arange(7), rng).tolist() == list(range(7))


def advice_after(history, **options):
    """The advice after these predictions, the newest last."""
    return stabilized([kappa(before, now) for before, now in pairwise(history)], **options)


def test_stopping_is_advised_once_predictions_are_stable():
    settled = rng.integers(0, 3, size=1000)
    moving = [np.where(rng.random(1000) < 0.1, rng.integers(0, 3, size=1000), settled) for _ in range(4)]
    assert not advice_after(moving).stop
    assert not advice_after([*moving, settled, settled]).stop, "two of the three last pairs still differ"
    advice = advice_after([*moving, settled, settled, settled, settled])
    assert advice.stop
    assert advice.value == 1.0
    early = advice_after([settled] * 3)
    assert not early.stop
    assert early.value is None
    assert "3 of the 4" in early.reason
    assert advice_after(moving, threshold=0.5).stop, "with a lower threshold it stops earlier"


def test_only_the_last_kappas_decide():
    assert not stabilized([0.2, 0.99, 1.0]).stop
    assert stabilized([0.2, 0.99, 0.99, 1.0]).stop


def test_kappa_rises_with_the_number_of_labels():
    own = np.random.default_rng(0)
    centres, y = own.normal(size=(4, 16)), own.integers(0, 4, size=1200)
    X = (centres[y] + own.normal(size=(1200, 16))).astype(np.float32)
    heads = [Head(C=10.0).fit(X[:n], y[:n], 4) for n in (8, 20, 50, 100, 200, 400, 600)]
    history = [head.predict_proba(X[600:]).argmax(axis=1) for head in heads]
    assert not advice_after(history[:4]).stop
    assert advice_after(history).value > advice_after(history[:4]).value
