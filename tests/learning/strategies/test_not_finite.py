"""Embeddings with NaN or infinity are refused with the row's number if a strategy uses the row, else ignored."""

import numpy as np
import pytest
from strategy_pools import clustered

from ml_backend.learning import Head, Pool, initial, strategies
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.numerics.finite import NotFinite, not_finite

ALL = [(strategies.select, name) for name in strategies.names()] + [(initial.select, name) for name in initial.names()]
every = pytest.mark.parametrize(("select", "name"), ALL)


@pytest.fixture(scope="module")
def large_pool() -> Pool:
    """A pool of so many rows that they are read in several blocks."""
    return clustered(n=5000, d=5, labeled=40)


def with_value(pool: Pool, row: int, value: float, dtype: type = np.float32, **changes) -> Pool:
    x = pool.embeddings.astype(dtype)
    x[row, 2] = value
    return Pool(x, changes.get("labels", pool.labels), 3, pool.head, changes.get("candidates"))


@every
@pytest.mark.parametrize(("value", "dtype"), [(np.nan, np.float32), (np.inf, np.float16), (-np.inf, np.float64)])
def test_a_candidate_that_is_not_finite_is_refused_with_its_row(select, name, value, dtype, large_pool):
    with pytest.raises(NotFinite, match=r"row 4321 of the embeddings holds NaN or infinity: .*candidates"):
        select(name, with_value(large_pool, 4321, value, dtype), 5, np.random.default_rng(0))


@every
def test_a_labelled_row_that_is_not_finite_is_refused_with_its_row(select, name, large_pool):
    with pytest.raises(NotFinite, match=r"row 7 .* label"):
        select(name, with_value(large_pool, 7, np.nan), 5, np.random.default_rng(0))


@every
@pytest.mark.parametrize("left_out", ["few", "most"])
def test_a_row_that_is_neither_candidate_nor_labelled_may_be_not_finite(select, name, left_out, large_pool):
    candidates = np.arange(5000) % 100 != 21 if left_out == "few" else np.arange(5000) % 2 == 0
    expected = select(
        name,
        Pool(large_pool.embeddings, large_pool.labels, 3, large_pool.head, candidates),
        5,
        np.random.default_rng(0),
    )
    pool = with_value(large_pool, 4321, np.nan, candidates=candidates)
    assert select(name, pool, 5, np.random.default_rng(0)).tolist() == expected.tolist()


@pytest.mark.parametrize("row", [7, 4321])
def test_a_cycle_refuses_a_row_that_is_not_finite_with_its_number_in_the_pool(row, large_pool):
    order = np.random.default_rng(0).permutation(5000)
    x, labels = large_pool.embeddings[order], large_pool.labels[order]
    position = int(np.flatnonzero(order == row)[0])
    x[position] = np.inf
    with pytest.raises(NotFinite, match=f"row {position} of the embeddings holds NaN or infinity"):
        Cycle("margin", "random", 5).propose(x, labels, 3, cycle=1)


def test_a_row_whose_logits_overflow_is_refused_with_its_number_in_the_pool(large_pool):
    pool = with_value(large_pool, 4321, 3e38)
    pool.head = Head(C=100).fit(pool.rows(pool.labeled), pool.labels[pool.labeled], 3)
    pool.head.weights = pool.head.weights * 100
    with pytest.raises(NotFinite, match="row 4321 of the embeddings has no finite logits"):
        _ = pool.probabilities


def test_parts_of_a_checked_pool_are_not_checked_again(large_pool, monkeypatch):
    from ml_backend.learning import pool as module

    pool = Pool(large_pool.embeddings, large_pool.labels, 3, large_pool.head)
    pool.check_finite()
    monkeypatch.setattr(module, "not_finite", lambda x: pytest.fail("checked again"))
    pool.without(pool.unlabeled[:5]).without(pool.unlabeled[5:9]).check_finite()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_numbers_are_finite(dtype):
    x = np.full((4, 9), np.finfo(dtype).max, dtype=dtype)
    assert not_finite(x).tolist() == []
    x[2, 3], x[1, 1], x[1, 2] = np.nan, np.inf, -np.inf
    assert not_finite(x).tolist() == [1, 2]
