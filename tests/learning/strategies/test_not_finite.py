"""NaN and infinity in embeddings: refused by the row's number where they count, and no matter where they do not."""

import numpy as np
import pytest
from strategy_pools import clustered

from ml_backend.learning import Head, Pool, initial, strategies
from ml_backend.learning.cycle import Cycle
from ml_backend.learning.numerics.finite import NotFinite, not_finite

ALL = [(strategies.select, name) for name in strategies.names()] + [(initial.select, name) for name in initial.names()]
every = pytest.mark.parametrize(("select", "name"), ALL)


@pytest.fixture(scope="module")
def whole() -> Pool:
    """So many rows that they are read in several blocks."""
    return clustered(n=5000, d=5, labeled=40)


def spoilt(pool: Pool, row: int, value: float, dtype: type = np.float32, **changes) -> Pool:
    x = pool.embeddings.astype(dtype)
    x[row, 2] = value
    return Pool(x, changes.get("labels", pool.labels), 3, pool.head, changes.get("candidates"))


@every
@pytest.mark.parametrize(("value", "dtype"), [(np.nan, np.float32), (np.inf, np.float16), (-np.inf, np.float64)])
def test_a_row_that_may_be_picked_is_named(select, name, value, dtype, whole):
    with pytest.raises(NotFinite, match=r"row 4321 of the embeddings holds NaN or infinity: .*candidates"):
        select(name, spoilt(whole, 4321, value, dtype), 5, np.random.default_rng(0))


@every
def test_a_labelled_row_is_named(select, name, whole):
    with pytest.raises(NotFinite, match=r"row 7 .* label"):
        select(name, spoilt(whole, 7, np.nan), 5, np.random.default_rng(0))


@every
@pytest.mark.parametrize("out", ["few", "most"])
def test_a_row_that_is_neither_changes_nothing(select, name, out, whole):
    candidates = np.arange(5000) % 100 != 21 if out == "few" else np.arange(5000) % 2 == 0
    expected = select(
        name, Pool(whole.embeddings, whole.labels, 3, whole.head, candidates), 5, np.random.default_rng(0)
    )
    pool = spoilt(whole, 4321, np.nan, candidates=candidates)
    assert select(name, pool, 5, np.random.default_rng(0)).tolist() == expected.tolist()


@pytest.mark.parametrize("row", [7, 4321])
def test_a_cycle_names_the_row_of_the_pool(row, whole):
    order = np.random.default_rng(0).permutation(5000)
    x, labels = whole.embeddings[order], whole.labels[order]
    at = int(np.flatnonzero(order == row)[0])
    x[at] = np.inf
    with pytest.raises(NotFinite, match=f"row {at} of the embeddings holds NaN or infinity"):
        Cycle("margin", "random", 5).propose(x, labels, 3, cycle=1)


def test_probabilities_name_the_row_of_the_pool_whose_numbers_are_too_large(whole):
    pool = spoilt(whole, 4321, 3e38)
    pool.head = Head(C=100).fit(pool.rows(pool.labeled), pool.labels[pool.labeled], 3)
    pool.head.weights *= 100
    with pytest.raises(NotFinite, match="row 4321 of the embeddings has no finite logits"):
        _ = pool.probabilities


def test_what_was_found_good_is_not_looked_at_again(whole, monkeypatch):
    from ml_backend.learning import pool as module

    pool = Pool(whole.embeddings, whole.labels, 3, whole.head)
    pool.check_finite()
    monkeypatch.setattr(module, "not_finite", lambda x: pytest.fail("looked at again"))
    pool.without(pool.unlabeled[:5]).without(pool.unlabeled[5:9]).check_finite()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_numbers_are_finite(dtype):
    x = np.full((4, 9), np.finfo(dtype).max, dtype=dtype)
    assert not_finite(x).tolist() == []
    x[2, 3], x[1, 1], x[1, 2] = np.nan, np.inf, -np.inf
    assert not_finite(x).tolist() == [1, 2]
