"""The share of a batch that chance chooses, and the estimate that it allows."""

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


def test_a_random_share_takes_its_places_by_chance_and_leaves_the_order_of_the_rest():
    whole = PLAN.propose(X, LABELS, 2, cycle=3, reserve=280)
    mixed = replace(PLAN, random_share=0.3).propose(X, LABELS, 2, cycle=3, reserve=30)
    chosen = [*mixed.rows, *mixed.reserve_rows]
    assert len(chosen) == len(set(chosen)) == 50
    assert 5 < len(mixed.random_rows) < 26
    by_margin = [row for row in chosen if row not in mixed.random_rows]
    ranked = [row for row in (*whole.rows, *whole.reserve_rows) if row not in mixed.random_rows]
    assert by_margin == ranked[: len(by_margin)]


def test_the_drawn_rows_are_uniform_and_their_share_holds_in_the_first_places_too():
    plan = replace(PLAN, random_share=0.25, batch_size=8)
    drawn, first = np.zeros(300), 0
    for cycle in range(400):
        proposal = plan.propose(X, LABELS, 2, cycle)
        drawn[proposal.random_rows] += 1
        first += int(np.isin(proposal.rows[:2], proposal.random_rows).sum())
    assert drawn[:40].sum() == 0, "labelled rows are not drawn"
    assert first / 800 == pytest.approx(0.25, abs=0.06)
    # 800 draws of 260 rows: each about 3 times, whatever its margin.
    order = np.argsort(np.abs(X[40:, 0]))
    near, far = drawn[40:][order[:130]].sum(), drawn[40:][order[130:]].sum()
    assert near / (near + far) == pytest.approx(0.5, abs=0.08)


def test_all_at_random_and_a_pool_that_ends():
    proposal = replace(PLAN, random_share=1.0).propose(X[:50], LABELS[:50], 2, cycle=0, reserve=5)
    assert sorted(proposal.rows) == list(range(40, 50)) == sorted(proposal.random_rows)
    assert len(proposal.reserve_rows) == 0


@pytest.mark.parametrize(("labelled", "stage"), [(59, "typiclust"), (60, "margin")])
def test_tcm_changes_over_after_three_batches_whatever_one_call_asks_for(labelled, stage):
    labels = np.where(np.arange(300) < labelled, (X[:, 0] > 0).astype(np.int64), -1)
    plan = replace(PLAN, random_share=0.4)
    found = replace(plan, strategy="tcm").propose(X, labels, 2, cycle=3, reserve=100)
    expected = replace(plan, strategy=stage).propose(X, labels, 2, cycle=3, reserve=100)
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.reserve_rows.tolist() == expected.reserve_rows.tolist()


def test_subpool_and_balance_are_those_of_the_strategy_and_change_nothing_when_off():
    plain = PLAN.propose(X, LABELS, 2, cycle=3, reserve=10)
    pool = Pool(X, LABELS, 2, plain.head)
    for options in ({"subpool": 60}, {"balance": 4}, {"subpool": 60, "balance": 2}):
        proposal = replace(PLAN, **options).propose(X, LABELS, 2, cycle=3, reserve=10)
        rows = strategies.select("margin", pool, 20, np.random.default_rng([4, 3]), **options)
        assert proposal.rows.tolist() == rows.tolist() != plain.rows.tolist()
        assert len({*proposal.rows, *proposal.reserve_rows}) == 30
    assert plain.rows.tolist() == strategies.select("margin", pool, 20, np.random.default_rng([4, 3])).tolist()


def test_balance_is_off_where_no_class_is_predicted():
    plan = replace(PLAN, balance=4)
    assert len(plan.propose(X, np.full(300, -1), 2, cycle=0).rows) == 20
    several = np.where(LABELS[:, None] < 0, -1, np.stack([LABELS, 1 - LABELS], axis=1))
    expected = PLAN.propose(X, several, 2, cycle=3)
    assert plan.propose(X, several, 2, cycle=3).rows.tolist() == expected.rows.tolist()
