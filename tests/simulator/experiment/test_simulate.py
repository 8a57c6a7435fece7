"""One simulated run: which rows are labelled in which cycle, and what is measured."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from ml_backend.learning.cycle import Cycle
from ml_backend.learning.numerics import kept_pairs
from ml_backend.learning.numerics.near_pairs import near_pairs
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.budget import BUDGETS, Budget
from simulator.experiment.embedding_quality import quality
from simulator.experiment.labels_seen import rarest_class
from simulator.experiment.metrics import evaluate, expected_of_uniform_guess
from simulator.experiment.simulate import PoolTooSmall, simulate

SHORT = Budget(initial_size=10, batch_size=5, cycles=4)


def blobs(n: int = 120, k: int = 3, spread: float = 0.3, seed: int = 0, **changes: object) -> EmbeddedDataset:
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(k, 8))
    y = rng.integers(0, k, n)
    X = (centers[y] + spread * rng.normal(size=(n, 8))).astype(np.float32)
    train = n * 3 // 4
    parts = {
        "X": X[:train],
        "y": y[:train],
        "offered": np.ones(train, dtype=bool),
        "X_test": X[train:],
        "y_test": y[train:],
        "n_classes": k,
    }
    return EmbeddedDataset(**(parts | changes))  # type: ignore[arg-type]


def plan(strategy: str = "margin", initial: str = "random", seed: int = 0) -> Cycle:
    return Cycle(strategy, initial, batch_size=1, seed=seed)


def test_labels_grow_by_the_budget_and_no_text_is_labelled_twice():
    run = simulate(blobs(), plan(), SHORT)
    assert [c["n_labeled"] for c in run.cycles] == [10, 15, 20, 25, 30]
    assert [c["cycle"] for c in run.cycles] == [0, 1, 2, 3, 4]
    assert [len(p) for p in run.picks] == [10, 5, 5, 5, 5]
    labelled = [row for picks in run.picks for row in picks]
    assert len(set(labelled)) == 30


def test_strategies_start_from_the_same_labels_for_the_same_seed_only():
    picks = {s: simulate(blobs(), plan(s), SHORT).picks for s in ("random", "margin", "badge")}
    assert picks["random"][0] == picks["margin"][0] == picks["badge"][0]
    for one, other in combinations(picks.values(), 2):
        assert one[1:] != other[1:]
    assert simulate(blobs(), plan(seed=1), SHORT).picks[0] != picks["margin"][0]


def test_a_run_computes_the_pairs_of_its_texts_once(monkeypatch):
    sizes = []
    monkeypatch.setattr(kept_pairs, "near_pairs", lambda x, *rest: sizes.append(len(x)) or near_pairs(x, *rest))
    run = simulate(blobs(), plan("max_herding"), SHORT)
    assert sizes == [80]
    monkeypatch.setattr(kept_pairs, "MOST_ROWS", 0)
    assert simulate(blobs(), plan("max_herding"), SHORT).picks == run.picks


def test_more_labels_give_a_better_head():
    cycles = simulate(blobs(400, 4, spread=0.8), plan("random"), Budget(8, 30, 5)).cycles
    assert cycles[-1]["accuracy"] > cycles[0]["accuracy"]
    assert cycles[-1]["nll"] < cycles[0]["nll"]


def test_a_pool_that_runs_out_ends_the_run_with_every_text_labelled():
    run = simulate(blobs(40), plan(), Budget(10, 8, 15))
    assert [c["n_labeled"] for c in run.cycles] == [10, 18, 26, 30]


def test_rows_that_are_not_offered_are_never_labelled():
    data = blobs()
    offered = data.offered.copy()
    offered[::2] = False
    run = simulate(blobs(offered=offered), plan(), SHORT)
    assert all(row % 2 == 1 for picks in run.picks for row in picks)


def test_a_run_with_an_initial_pool_of_one_class_is_measured():
    data = blobs()
    y = np.zeros_like(data.y)
    y[::30] = 1
    run = simulate(blobs(y=y), plan("badge", seed=3), Budget(2, 2, 3))
    assert run.cycles[0]["accuracy"] == pytest.approx(float((data.y_test == 0).mean()))


def test_a_pool_smaller_than_the_initial_pool_is_refused_with_the_numbers():
    with pytest.raises(PoolTooSmall, match=r"30 different texts, fewer than the initial pool of 100.*--initial-size"):
        simulate(blobs(40), plan(), Budget())


def test_the_low_budget_scales_with_the_classes():
    low = BUDGETS["low-budget"]
    assert (low.sizes(77), low.sizes(2), low.cycles) == ((77, 77), (10, 10), 20)
    assert BUDGETS["default"].sizes(77) == (100, 100)


def test_quality_is_higher_for_tight_classes_than_for_loose_ones():
    tight, loose = (quality(blobs(600, spread=s), C=100.0) for s in (0.1, 3.0))
    assert tight.probe_accuracy > 0.99 > loose.probe_accuracy
    assert 0 < loose.tightness < 0.5 < tight.tightness < 1
    assert -0.5 < loose.class_margin < 0.5 < tight.class_margin < 1


def test_a_run_without_initial_labels_begins_with_a_guess_and_lets_the_strategy_choose_every_batch():
    run = simulate(blobs(), plan("typiclust"), Budget(0, 5, 3))
    assert [(c["cycle"], c["n_labeled"]) for c in run.cycles] == [(0, 0), (1, 5), (2, 10), (3, 15)]
    assert [len(p) for p in run.picks] == [0, 5, 5, 5]
    first = run.cycles[0]
    assert (first["accuracy"], first["balanced_accuracy"], first["ece"]) == (pytest.approx(1 / 3), first["accuracy"], 0)
    assert first["nll"] == pytest.approx(np.log(3))
    assert (first["fit_seconds"] < 0.1, first["query_seconds"]) == (True, 0)


@pytest.mark.parametrize("strategy", ["margin", "random"])
def test_batches_are_those_after_an_initial_pool_of_the_same_size(strategy: str):
    without, with_pool = (simulate(blobs(), plan(strategy), budget) for budget in (Budget(0, 5, 4), Budget(5, 5, 3)))
    assert without.picks[1:] == with_pool.picks
    assert [c["accuracy"] for c in without.cycles[1:]] == [c["accuracy"] for c in with_pool.cycles]


def test_class_vectors_give_a_head_without_labels():
    data = blobs(400, 4, spread=0.8)
    means = np.array([data.X[data.y == c].mean(axis=0) for c in range(4)], dtype=np.float32)
    plain = simulate(data, plan(), Budget(0, 5, 4))
    named = simulate(blobs(400, 4, spread=0.8, class_vectors=means), plan(), Budget(0, 5, 4))
    assert named.cycles[0]["accuracy"] > plain.cycles[1]["accuracy"] > plain.cycles[0]["accuracy"] == 0.25
    assert (
        simulate(data, plan(), SHORT).picks[0]
        == simulate(blobs(400, 4, 0.8, class_vectors=means), plan(), SHORT).picks[0]
    )


def test_a_guess_is_measured_as_the_mean_of_many_guesses():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 3000)
    guesses = [evaluate(np.eye(4)[rng.integers(0, 4, len(y))], y) for _ in range(200)]
    expected = expected_of_uniform_guess(y, 4)
    for metric in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert getattr(expected, metric) == pytest.approx(np.mean([getattr(g, metric) for g in guesses]), abs=0.002)


def test_a_cycle_tells_which_classes_have_labels_and_how_many_words_were_read():
    data = blobs(400, 4)
    y = np.where(data.y == 3, np.where(np.arange(300) % 20 == 0, 3, 0), data.y)
    words = np.arange(300)
    run = simulate(blobs(400, 4, y=y, words=words), plan("random"), Budget(8, 10, 4))
    labelled: list[int] = []
    for picked, cycle in zip(run.picks, run.cycles, strict=True):
        labelled += picked
        counts = Counter(y[labelled].tolist())
        assert cycle["classes_seen"] == len(counts)
        assert cycle["classes_seen_5"] == len([n for n in counts.values() if n >= 5])
        assert cycle["words"] == sum(labelled), "row i has i words"
    assert 0 < run.cycles[0]["classes_seen_5"] < run.cycles[-1]["classes_seen_5"]
    assert np.isnan(simulate(data, plan(), SHORT).cycles[0]["words"]), "nobody told how long the texts are"


def test_the_rarest_class_is_that_of_the_pool_if_the_test_split_has_it():
    y, y_test = np.repeat([0, 1, 2, 3], [30, 5, 5, 50]), np.array([0, 1, 2, 3])
    assert rarest_class(blobs(120, 4, y=y, y_test=y_test)) == 1
    offered = np.ones(90, dtype=bool)
    offered[35] = False
    assert rarest_class(blobs(120, 4, y=y, y_test=y_test, offered=offered)) == 2, "copies of a text do not count"
    assert rarest_class(blobs(120, 4, y=y, y_test=np.array([0, 3]))) == 0
    assert rarest_class(blobs(120, 4, y=np.zeros(90, dtype=np.int64), y_test=np.array([3]))) is None
