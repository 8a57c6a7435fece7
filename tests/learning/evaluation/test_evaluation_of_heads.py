"""The evaluation of a head from its own labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml_backend.learning import Head
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.evaluation.accuracy import Basis
from ml_backend.learning.evaluation.evaluation import Evaluation, Superseded, evaluate
from ml_backend.learning.head.held_out import HeldOut

K, D, N = 3, 8, 3000
PLAN = Cycle("margin", "kmeans", 20, random_share=0.2)


def texts(seed: int, multi_label: bool = False):
    """Embeddings (N, D) of overlapping classes, and their gold labels."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(K, D))
    if multi_label:
        y = (rng.random((N, K)) < 0.4).astype(np.int64)
        return (y @ centres + rng.normal(scale=0.7, size=(N, D))).astype(np.float32), y
    y = rng.integers(0, K, N)
    return (centres[y] + rng.normal(scale=1.3, size=(N, D))).astype(np.float32), y


def labelled(plan: Cycle, X, gold, batches: int):
    """The labels after some batches, when they were given, when drawn at random, and the last proposal."""
    given = np.full_like(gold, -1)
    given_at, drawn_at = np.full(len(X), np.nan), np.full(len(X), np.nan)
    for cycle in range(batches):
        proposal = plan.propose(X, given, K, cycle)
        given[proposal.rows] = gold[proposal.rows]
        given_at[proposal.rows] = cycle
        drawn_at[proposal.random_rows] = cycle - 0.5
    return given, given_at, drawn_at, plan.propose(X, given, K, batches)


def evaluated(plan: Cycle, X, gold, batches: int) -> tuple[Evaluation, float]:
    """The evaluation after some batches, and the true accuracy on the open texts."""
    _, given_at, drawn_at, proposal = labelled(plan, X, gold, batches)
    has_label = given_at >= 0
    X_open, gold_open = X[~has_label], gold[~has_label]
    p = proposal.head.predict_proba(X_open)
    right = ((p >= 0.5) == (gold_open == 1)).all(axis=1) if gold.ndim == 2 else p.argmax(axis=1) == gold_open
    found = evaluate(proposal.head, proposal.held_out, given_at[has_label], drawn_at[has_label], X_open, len(X_open))
    return found, float(right.mean())


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_accuracy_is_that_on_the_open_texts(multi_label):
    errors, covered = [], []
    for seed in range(6):
        found, truth = evaluated(replace(PLAN, seed=seed), *texts(seed, multi_label), batches=15)
        assert found.accuracy.basis is Basis.AUDITS
        assert found.accuracy.audits > 30
        errors.append(found.accuracy.value - truth)
        covered.append(found.accuracy.low <= truth <= found.accuracy.high)
    assert all(covered)
    assert abs(np.mean(errors)) < 0.03


def test_precision_and_recall_are_those_on_the_open_texts():
    X, gold = texts(0)
    given, given_at, drawn_at, proposal = labelled(PLAN, X, gold, 15)
    open_rows = np.isnan(given_at)
    found = evaluate(
        proposal.head, proposal.held_out, given_at[~open_rows], drawn_at[~open_rows], X[open_rows], open_rows.sum()
    )
    predicted, truth = proposal.head.predict_proba(X[open_rows]).argmax(axis=1), gold[open_rows]
    covered = []
    for quality in found.classes:
        of_class, as_class = truth == quality.number, predicted == quality.number
        both = (of_class & as_class).sum()
        for share, value in ((quality.precision, both / as_class.sum()), (quality.recall, both / of_class.sum())):
            assert share.value == pytest.approx(value, abs=0.15)
            covered.append(share.low <= value <= share.high)
        assert quality.labels == (given == quality.number).sum()
        assert quality.share == pytest.approx(of_class.mean(), abs=0.05)
    assert np.mean(covered) > 0.8


def test_flipped_labels_are_listed():
    X, gold = texts(3)
    X = X * np.float32(1) + np.eye(K, D, dtype=np.float32)[gold] * 4
    flipped = gold.copy()
    flipped[:6] = (flipped[:6] + 1) % K
    rows = np.arange(300)
    head = PLAN.fit(X[rows], flipped[rows], K)
    held_out = HeldOut(X[rows], flipped[rows], K, head.C, None, np.random.default_rng(0))
    found = evaluate(head, held_out, rows.astype(float), np.full(300, np.nan), X[300:], N - 300)
    assert {doubtful.row for doubtful in found.look_again} == set(range(6))
    assert all(doubtful.likelier == gold[doubtful.row] for doubtful in found.look_again)


def test_the_advice_to_stop_is_by_the_share_of_predictions_that_the_last_labels_changed():
    X, gold = texts(1)
    rows = np.random.default_rng(0).permutation(300)
    head = PLAN.fit(X[rows], gold[rows], K)
    held_out = HeldOut(X[rows], gold[rows], K, head.C, None, np.random.default_rng(0))
    arguments = head, held_out, np.arange(300.0), np.full(300, np.nan), X[300:2300], N - 300
    before = Head(head.C).fit(X[rows[:200]], gold[rows[:200]], K)
    changed = (before.predict_proba(X[300:2300]).argmax(1) != head.predict_proba(X[300:2300]).argmax(1)).mean()
    stop = evaluate(*arguments).stop
    assert stop.changed == pytest.approx(changed)
    assert stop.stop == (changed <= 0.02)


def test_with_few_labels_there_is_no_advice_and_no_accuracy():
    found, _ = evaluated(replace(PLAN, random_share=0.0), *texts(0), batches=4)
    assert found.accuracy is found.forecast is found.stop.changed is None
    assert not found.stop.stop
    assert [quality.precision for quality in found.classes if quality.labels < 20] == [None] * sum(
        quality.labels < 20 for quality in found.classes
    )


def test_a_project_without_open_texts_is_evaluated():
    X, gold = texts(0)
    head = PLAN.fit(X[:200], gold[:200], K)
    held_out = HeldOut(X[:200], gold[:200], K, head.C, None, np.random.default_rng(0))
    found = evaluate(head, held_out, np.arange(200.0), np.full(200, np.nan), X[:0], 0)
    assert found.accuracy is None
    assert found.look_again
    assert [quality.recall for quality in found.classes] == [None] * K


def test_labels_of_one_class_but_one_give_no_accuracy():
    X, _ = texts(0)
    y = np.r_[np.zeros(119, dtype=np.int64), 1]
    head = PLAN.fit(X[:120], y, K)
    held_out = HeldOut(X[:120], y, K, head.C, None, np.random.default_rng(0))
    found = evaluate(head, held_out, np.arange(120.0), np.arange(120.0), X[120:], N - 120)
    assert found.accuracy is None
    assert not found.look_again


def test_the_fits_of_the_strategy_are_used_again(monkeypatch):
    X, gold = texts(0)
    _, given_at, drawn_at, proposal = labelled(replace(PLAN, strategy="uherding"), X, gold, 6)
    fits, fit = [], Head.fit
    monkeypatch.setattr(Head, "fit", lambda self, X, *others: fits.append(len(X)) or fit(self, X, *others))
    has_label = given_at >= 0
    evaluate(proposal.head, proposal.held_out, given_at[has_label], drawn_at[has_label], X[~has_label], 100)
    audits = int((~np.isnan(drawn_at)).sum())
    assert len(fits) == 5 + 1, "five folds of the audits, and the head before the last 100 labels"
    assert min(fits[:5]) >= 120 - audits // 5 - 1


def test_an_evaluation_gives_up_when_a_newer_head_waits():
    X, gold = texts(0)
    head = PLAN.fit(X[:200], gold[:200], K)
    held_out = HeldOut(X[:200], gold[:200], K, head.C, None, np.random.default_rng(0))
    asked = iter([False, False, True])
    with pytest.raises(Superseded):
        evaluate(head, held_out, np.zeros(200), np.zeros(200), X[200:], 100, lambda: next(asked))


@pytest.mark.parametrize("multi_label", [False, True])
def test_every_label_has_a_prediction_by_a_head_that_was_not_fitted_to_it(multi_label):
    X, gold = texts(2, multi_label)
    _, given_at, drawn_at, proposal = labelled(PLAN, X, gold, 10)
    rows = np.flatnonzero(given_at >= 0)
    held_out = proposal.held_out
    found = evaluate(proposal.head, held_out, given_at[rows], drawn_at[rows], X[:500], 500)
    for fold in range(held_out.n_folds):
        of_fold = held_out.fold == fold
        p = held_out.fit_without(of_fold).predict_proba(held_out.X[of_fold])
        expected = (p >= 0.5).astype(int) if multi_label else p.argmax(axis=1)
        np.testing.assert_array_equal(found.held_out.y[of_fold], expected)
    assert ((found.held_out.confidence > 0) & (found.held_out.confidence <= 1)).all()


def test_a_confused_pair_has_examples_of_which_the_model_was_surest():
    X, gold = texts(0)
    _, given_at, drawn_at, proposal = labelled(PLAN, X, gold, 15)
    rows = np.flatnonzero(given_at >= 0)
    found = evaluate(proposal.head, proposal.held_out, given_at[rows], drawn_at[rows], X[:500], 500)
    y, predicted, confidence = proposal.held_out.y, found.held_out.y, found.held_out.confidence
    assert any(pair.labels > 3 for pair in found.confusions)
    for pair in found.confusions:
        shown = np.flatnonzero((y == pair.given) & (predicted == pair.predicted))
        surest = shown[np.argsort(-confidence[shown])][:3]
        assert (len(shown), list(pair.examples)) == (pair.labels, surest.tolist())


def test_doubtful_labels_have_their_neighbours_in_the_same_order():
    X, gold = texts(1)
    _, given_at, drawn_at, proposal = labelled(PLAN, X, gold, 10)
    rows = np.flatnonzero(given_at >= 0)
    found = evaluate(proposal.head, proposal.held_out, given_at[rows], drawn_at[rows], X[:500], 500)
    assert found.look_again
    unit = proposal.held_out.X / np.linalg.norm(proposal.held_out.X, axis=1, keepdims=True)
    for label, near in zip(found.look_again, found.neighbours, strict=True):
        similarity = unit @ unit[label.row]
        similarity[label.row] = -1
        assert [n.row for n in near] == np.argsort(-similarity)[:3].tolist()
        assert label.likelier_probability > label.probability
