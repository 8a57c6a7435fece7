"""Labels predicted by heads that were not fitted to them."""

import numpy as np
import pytest

from ml_backend.learning import Head
from ml_backend.learning.head.held_out import FOLD_TOLERANCE, FOLDS, HeldOut

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)
Y_SETS = (X[:, :3] > 0.2).astype(np.int64)


def held_out(y, n_classes=3) -> HeldOut:
    return HeldOut(X[: len(y)], y, n_classes, 1.0, None, np.random.default_rng(1))


@pytest.mark.parametrize("y", [Y, Y_SETS])
def test_each_label_is_predicted_by_a_head_fitted_to_the_other_folds(y):
    found = held_out(y)
    logits = found.logits()
    for number in range(FOLDS):
        left_out = found.fold == number
        head = Head(1.0, FOLD_TOLERANCE).fit(X[~left_out], y[~left_out], 3)
        assert np.allclose(logits[left_out], head.decision_function(X[left_out]), atol=1e-5)


def test_folds_have_the_same_share_of_each_class():
    found = held_out(Y)
    for number in range(3):
        counts = np.bincount(found.fold[number == Y], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1


def test_a_class_that_a_fold_has_not_seen_is_impossible():
    y = Y.copy()
    y[y == 2] = 1
    y[5] = 2
    found = held_out(y)
    logits = found.logits()
    assert np.isneginf(logits[found.fold == found.fold[5], 2]).all()
    assert np.isfinite(logits[:, :2]).all()


def test_some_labels_are_predicted_by_heads_fitted_to_all_others_and_to_four_fifths_of_them():
    found, rows = held_out(Y), np.arange(0, 60, 6)
    logits = found.logits_of(rows)
    for number in range(FOLDS):
        of_fold = np.arange(len(rows)) % FOLDS == number
        rest = np.setdiff1d(np.arange(60), rows[of_fold])
        head = Head(1.0, FOLD_TOLERANCE).fit(X[rest], Y[rest], 3)
        assert np.allclose(logits[of_fold], head.decision_function(X[rows[of_fold]]), atol=1e-5)


@pytest.mark.parametrize("y", [np.zeros(20, dtype=np.int64), np.r_[np.zeros(9, dtype=np.int64), 1], Y[:0]])
def test_labels_that_leave_one_class_to_fit_to_cannot_be_held_out(y):
    assert held_out(y).logits() is None
    assert held_out(y).temperature() == 1.0


@pytest.mark.parametrize("y", [Y, Y_SETS])
def test_a_text_that_was_labelled_several_times_is_held_out_as_a_whole(y):
    twice = np.r_[np.arange(60), np.arange(30)]
    found = HeldOut(X[twice], y[twice], 3, 1.0, None, np.random.default_rng(1))
    assert (found.fold[:30] == found.fold[60:]).all()
    rows = np.array([0, 7, 40, 67])
    logits = found.logits_of(rows)
    rest = ~np.isin(twice, twice[[0]])
    head = Head(1.0, FOLD_TOLERANCE).fit(X[twice][rest], y[twice][rest], 3)
    assert np.allclose(logits[0], head.decision_function(X[[0]])[0], atol=1e-5)
    assert np.array_equal(logits[1], logits[3]), "row 67 is a copy of row 7"


def test_a_fold_is_fitted_once(monkeypatch):
    fits, fit = [], Head.fit
    monkeypatch.setattr(Head, "fit", lambda self, X, *others: fits.append(len(X)) or fit(self, X, *others))
    found = held_out(Y)
    found.temperature(enough=20)
    assert len(fits) == 2, "two folds of 12 labels are enough"
    found.logits()
    found.temperature()
    assert len(fits) == FOLDS


@pytest.mark.parametrize("y", [Y, Y_SETS])
def test_the_temperature_is_that_of_folds_that_are_fitted_exactly(y, monkeypatch):
    loose = held_out(y).temperature()
    monkeypatch.setattr("ml_backend.learning.head.held_out.FOLD_TOLERANCE", 1e-9)
    exact = held_out(y).temperature()
    assert loose == pytest.approx(exact, abs=0.004)
    assert loose != exact
