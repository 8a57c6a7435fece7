"""Properties of every strategy and initial method on any pool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_pools import clustered, multi_label, tied

from ml_backend.learning import Head, NeedsHead, Pool, initial, strategies

ALL = [("strategy", name) for name in strategies.names()] + [("initial", name) for name in initial.names()]
every = pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])


def pick(kind: str, name: str, pool: Pool, count: int, seed: int = 0) -> np.ndarray:
    """The picks; none if the strategy needs a head and the pool has none."""
    select = strategies.select if kind == "strategy" else initial.select
    try:
        return select(name, pool, count, np.random.default_rng(seed))
    except NeedsHead:
        assert pool.head is None
        return pool.unlabeled[:count]


def check(picks: np.ndarray, pool: Pool, count: int) -> None:
    assert picks.dtype == np.int64
    assert len(picks) == min(count, len(pool.unlabeled))
    assert len(np.unique(picks)) == len(picks)
    assert np.isin(picks, pool.unlabeled).all()


def pool_of(n: int, d: int, labeled: int, values: str, classes: int, seed: int) -> Pool:
    rng = np.random.default_rng(seed)
    if values == "equal":
        x = np.ones((n, d))
    elif values == "zero":
        x = np.zeros((n, d))
    elif values == "whole":
        x = rng.integers(0, 2, size=(n, d))
    else:
        x = rng.normal(size=(n, d)) * {"huge": 1e4, "tiny": 1e-4}.get(values, 1.0)
    labels = np.full(n, -1)
    labels[rng.permutation(n)[:labeled]] = rng.integers(0, classes, size=min(labeled, n))
    x = x.astype(np.float32)
    is_labeled = labels >= 0
    head = Head().fit(x[is_labeled], labels[is_labeled], 3) if is_labeled.any() else None
    return Pool(x, labels, 3, head)


@every
@settings(max_examples=12, deadline=None)
@given(
    n=st.integers(1, 40),
    d=st.integers(1, 5),
    labeled=st.integers(0, 45),
    values=st.sampled_from(["normal", "equal", "zero", "whole", "huge", "tiny"]),
    classes=st.integers(1, 3),
    count=st.integers(0, 50),
    seed=st.integers(0, 5),
)
def test_picks_are_unlabelled_distinct_as_many_as_requested_and_repeatable(
    kind, name, n, d, labeled, values, classes, count, seed
):
    pool = pool_of(n, d, labeled, values, classes, seed)
    x, labels = pool.embeddings.copy(), pool.labels.copy()
    pool.embeddings.flags.writeable = pool.labels.flags.writeable = False
    picks = pick(kind, name, pool, count, seed)
    check(picks, pool, count)
    again = pick(kind, name, Pool(x, labels, 3, pool.head), count, seed)
    assert picks.tolist() == again.tolist()
    assert np.array_equal(x, pool.embeddings)
    assert np.array_equal(labels, pool.labels)


@every
@pytest.mark.parametrize(
    "pool",
    [
        Pool(np.zeros((0, 3), np.float32), np.zeros(0, int), 2),
        Pool(np.ones((3, 3), np.float32), np.array([0, 1, 1]), 2),
    ],
    ids=["no rows", "all labelled"],
)
def test_a_pool_without_unlabelled_rows_gives_no_picks(kind, name, pool):
    assert pick(kind, name, pool, 5).tolist() == []


@every
def test_only_candidates_are_picked(kind, name):
    unrestricted = clustered()
    candidates = np.arange(len(unrestricted)) % 3 == 0
    pool = Pool(unrestricted.embeddings, unrestricted.labels, 3, unrestricted.head, candidates)
    check(pick(kind, name, pool, 20), pool, 20)


@every
def test_a_memory_map_in_half_precision_gives_the_same_picks(kind, name, tmp_path):
    half = clustered().embeddings.astype(np.float16)
    np.save(tmp_path / "x.npy", half)
    pool = clustered()
    held = Pool(half.astype(np.float32), pool.labels, 3, pool.head)
    mapped = Pool(np.load(tmp_path / "x.npy", mmap_mode="r"), pool.labels, 3, pool.head)
    assert pick(kind, name, mapped, 9).tolist() == pick(kind, name, held, 9).tolist()


@pytest.mark.parametrize("name", ["least_confidence", "margin", "entropy", "coreset", "bait"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_picks_do_not_depend_on_the_order_of_the_pool(name, seed):
    pool = clustered()
    order = np.random.default_rng(seed).permutation(len(pool))
    mixed = Pool(pool.embeddings[order], pool.labels[order], 3, pool.head)
    picks = strategies.select(name, pool, 12, np.random.default_rng(0))
    assert order[strategies.select(name, mixed, 12, np.random.default_rng(1))].tolist() == picks.tolist()


@pytest.mark.parametrize("name", ["least_confidence", "margin", "entropy", "coreset", "probcover", "max_herding"])
def test_ties_are_broken_by_the_generator(name):
    pool = tied()
    if not strategies.get(name).INFO.needs_head:
        pool = Pool(pool.embeddings, np.full(len(pool), -1), 3)
    firsts = {int(strategies.select(name, pool, 1, np.random.default_rng(seed))[0]) for seed in range(30)}
    assert len(firsts) > 1
    if name != "coreset":  # without labels its first pick may be any row
        assert len(np.unique(pool.embeddings[list(firsts)], axis=0)) <= 3


@pytest.mark.parametrize("name", [n for n in strategies.names() if strategies.get(n).INFO.multi_label])
def test_strategies_with_a_multi_label_form_pick_by_a_multi_label_head(name):
    pool = multi_label()
    check(strategies.select(name, pool, 15, np.random.default_rng(0)), pool, 15)


def test_a_strategy_without_a_multi_label_form_names_those_that_have_one(monkeypatch):
    margin = strategies.get("margin")
    monkeypatch.setattr(margin, "INFO", replace(margin.INFO, multi_label=False))
    with pytest.raises(ValueError, match=r"'margin' has no multi-label form; use one of: .*badge"):
        strategies.select("margin", multi_label(), 5, np.random.default_rng(0))


@pytest.mark.parametrize("name", [n for n in strategies.names() if strategies.get(n).INFO.needs_head])
def test_a_strategy_that_needs_a_head_says_so(name):
    pool = Pool(np.ones((4, 2), np.float32), np.array([0, -1, -1, -1]), 2)
    with pytest.raises(NeedsHead, match=f"'{name}' needs a fitted head"):
        strategies.select(name, pool, 2, np.random.default_rng(0))
