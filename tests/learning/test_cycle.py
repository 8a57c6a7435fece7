"""The random share of a batch, and the options of strategies in a cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml_backend.learning import Pool, strategies
from ml_backend.learning.cycle import Cycle

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5)).astype(np.float32)
LABELS = np.where(np.arange(300) < 40, (X[:, 0] > 0).astype(np.int64), -1)
PLAN = Cycle("margin", "random", batch_size=20, seed=4)


def test_a_random_share_takes_random_places_and_keeps_the_order_of_the_other_rows():
    by_strategy = PLAN.propose(X, LABELS, 2, cycle=3, reserve=280)
    mixed = replace(PLAN, random_share=0.3).propose(X, LABELS, 2, cycle=3, reserve=30)
    chosen = [*mixed.rows, *mixed.reserve_rows]
    assert len(chosen) == len(set(chosen)) == 50
    assert 5 < len(mixed.random_rows) < 26
    by_margin = [row for row in chosen if row not in mixed.random_rows]
    ranked = [row for row in (*by_strategy.rows, *by_strategy.reserve_rows) if row not in mixed.random_rows]
    assert by_margin == ranked[: len(by_margin)]


def test_random_rows_are_uniform_and_have_their_share_of_the_first_places_too():
    plan = replace(PLAN, random_share=0.25, batch_size=8)
    drawn, drawn_first = np.zeros(300), 0
    for cycle in range(400):
        proposal = plan.propose(X, LABELS, 2, cycle)
        drawn[proposal.random_rows] += 1
        drawn_first += int(np.isin(proposal.rows[:2], proposal.random_rows).sum())
    assert drawn[:40].sum() == 0, "labelled rows must not be drawn"
    assert drawn_first / 800 == pytest.approx(0.25, abs=0.06)
    # 800 draws of 260 rows: each about 3 times, whatever its margin is.
    order = np.argsort(np.abs(X[40:, 0]))
    near, far = drawn[40:][order[:130]].sum(), drawn[40:][order[130:]].sum()
    assert near / (near + far) == pytest.approx(0.5, abs=0.08)


def test_a_batch_is_the_same_whatever_the_size_of_its_reserve():
    plan = replace(PLAN, random_share=0.3)
    alone, followed = (plan.propose(X, LABELS, 2, cycle=3, reserve=reserve) for reserve in (0, 100))
    assert len(alone.random_rows) > 3
    assert followed.rows.tolist() == alone.rows.tolist()
    assert followed.random_rows[: len(alone.random_rows)].tolist() == alone.random_rows.tolist()
    assert len(followed.random_rows) > len(alone.random_rows)


def test_a_random_share_of_one_takes_all_rows_of_a_small_pool():
    proposal = replace(PLAN, random_share=1.0).propose(X[:50], LABELS[:50], 2, cycle=0, reserve=5)
    assert sorted(proposal.rows) == list(range(40, 50)) == sorted(proposal.random_rows)
    assert len(proposal.reserve_rows) == 0


def test_random_rows_of_strategies_differ_and_those_of_the_initial_method_do_not():
    plan, nothing = replace(PLAN, random_share=0.5, initial="kmeans"), np.full(300, -1)
    margin, entropy = (replace(plan, strategy=name) for name in ("margin", "entropy"))
    assert set(margin.propose(X, LABELS, 2, 3).random_rows) != set(entropy.propose(X, LABELS, 2, 3).random_rows)
    assert margin.propose(X, nothing, 2, 0).rows.tolist() == entropy.propose(X, nothing, 2, 0).rows.tolist()


@pytest.mark.parametrize(
    ("changes", "are_random"),
    [
        ({"strategy": "random"}, True),
        ({"strategy": "random", "subpool": 50}, True),
        ({"strategy": "random", "balance": 4}, False),
        ({"strategy": "margin"}, False),
    ],
)
def test_all_rows_of_the_strategy_random_are_random_rows(changes, are_random):
    proposal = replace(PLAN, **changes).propose(X, LABELS, 2, cycle=3, reserve=10)
    rows = [*proposal.rows, *proposal.reserve_rows]
    assert proposal.random_rows.tolist() == (rows if are_random else [])


def test_all_rows_of_a_random_start_are_random_rows():
    proposal = PLAN.propose(X, np.full(300, -1), 2, cycle=0)
    assert proposal.random_rows.tolist() == proposal.rows.tolist()


@pytest.mark.parametrize(("labelled", "stage"), [(59, "typiclust"), (60, "margin")])
def test_tcm_switches_to_margin_after_three_batches_whatever_the_size_of_a_call(labelled, stage):
    labels = np.where(np.arange(300) < labelled, (X[:, 0] > 0).astype(np.int64), -1)
    plan = replace(PLAN, random_share=0.0)
    batch = replace(plan, strategy="tcm").propose(X, labels, 2, cycle=3, reserve=100)
    expected = replace(plan, strategy=stage).propose(X, labels, 2, cycle=3, reserve=100)
    assert batch.rows.tolist() == expected.rows.tolist()
    assert batch.reserve_rows.tolist() == expected.reserve_rows.tolist()


def test_subpool_and_balance_are_passed_to_the_strategy_and_off_by_default():
    plain = PLAN.propose(X, LABELS, 2, cycle=3, reserve=10)
    pool = Pool(X, LABELS, 2, plain.head)
    for options in ({"subpool": 60}, {"balance": 4}, {"subpool": 60, "balance": 2}):
        proposal = replace(PLAN, **options).propose(X, LABELS, 2, cycle=3, reserve=10)
        rows = strategies.select("margin", pool, 20, np.random.default_rng([4, 3]), **options)
        assert proposal.rows.tolist() == rows.tolist() != plain.rows.tolist()
        assert len({*proposal.rows, *proposal.reserve_rows}) == 30
    assert plain.rows.tolist() == strategies.select("margin", pool, 20, np.random.default_rng([4, 3])).tolist()


def test_balance_is_off_without_a_head_and_for_multi_label():
    plan = replace(PLAN, balance=4)
    assert len(plan.propose(X, np.full(300, -1), 2, cycle=0).rows) == 20
    several = np.where(LABELS[:, None] < 0, -1, np.stack([LABELS, 1 - LABELS], axis=1))
    expected = PLAN.propose(X, several, 2, cycle=3)
    assert plan.propose(X, several, 2, cycle=3).rows.tolist() == expected.rows.tolist()


@pytest.mark.parametrize(
    ("labels", "words"),
    [([-1] * 300, "there are no labels so far"), ([0] * 3 + [-1] * 297, "there are labels of one class only so far")],
)
def test_the_reason_for_the_initial_method_says_what_labels_there_are(labels: list[int], words: str):
    assert PLAN.propose(X, np.array(labels), 2, cycle=0).why.endswith(words)
