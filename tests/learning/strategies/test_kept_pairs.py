"""Pairs of rows that are kept between queries: they save time and change no picks, whatever happened in between."""

from collections.abc import Callable

import numpy as np
import pytest
from strategy_pools import clustered, tied

from ml_backend.learning import Pool, strategies
from ml_backend.learning.numerics import coverage, kept_pairs
from ml_backend.learning.numerics.distances import squared_distances, unit
from ml_backend.learning.numerics.kept_pairs import KeptPairs
from ml_backend.learning.numerics.near_pairs import near_pairs
from ml_backend.learning.strategies.probcover import pure_radius

COVERING = ("uherding", "max_herding", "probcover")


def changed(pool: Pool, **changes) -> Pool:
    arrays = {"embeddings": pool.embeddings, "labels": pool.labels, "candidates": pool.candidates} | changes
    return Pool(arrays["embeddings"], arrays["labels"], 3, pool.head, arrays["candidates"])


def picks(name: str, pool: Pool, kept: KeptPairs | None, **options) -> list[int]:
    pool = changed(pool)
    pool.kept_pairs = kept
    return strategies.select(name, pool, 6, np.random.default_rng(3), **options).tolist()


def labelled(pool: Pool, rows: slice | list[int], label: int) -> Pool:
    labels = pool.labels.copy()
    labels[rows] = label
    return changed(pool, labels=labels)


def with_embedding(pool: Pool, row: int, value: float) -> Pool:
    x = pool.embeddings.copy()
    x[row] = value
    return changed(pool, embeddings=x)


AFTERWARDS: dict[str, Callable[[Pool], Pool]] = {
    "labels came": lambda pool: labelled(pool, slice(18, 30), 1),
    "a label was taken away": lambda pool: labelled(pool, [3], -1),
    "labels were taken away and their texts too": lambda pool: changed(
        labelled(pool, slice(0, 9), -1), candidates=np.arange(len(pool)) >= 9
    ),
    "labels came and one was taken away": lambda pool: labelled(labelled(pool, slice(18, 30), 1), [3], -1),
    "a label changed": lambda pool: labelled(pool, [3], 2),
    "candidates left": lambda pool: changed(pool, candidates=np.arange(len(pool)) % 3 > 0),
    "an embedding changed": lambda pool: with_embedding(pool, 60, 0.3),
    "the embedding of a label changed": lambda pool: with_embedding(pool, 5, 0.3),
    "texts came": lambda pool: clustered(n=150),
    "texts left": lambda pool: changed(pool, embeddings=pool.embeddings[:80], labels=pool.labels[:80]),
    "half precision": lambda pool: changed(pool, embeddings=pool.embeddings.astype(np.float16)),
}


@pytest.mark.parametrize("name", COVERING)
@pytest.mark.parametrize("event", AFTERWARDS)
def test_kept_pairs_change_no_picks_whatever_happened_in_between(name, event):
    kept, before = KeptPairs(), clustered()
    assert picks(name, before, kept) == picks(name, before, None)
    after = AFTERWARDS[event](before)
    assert picks(name, after, kept) == picks(name, after, None)
    assert picks(name, before, kept) == picks(name, before, None), "back to what it was"


@pytest.mark.parametrize("name", COVERING)
def test_kept_pairs_serve_samples_of_the_pool_other_strategies_and_ties(name):
    kept, pool = KeptPairs(), clustered()
    for size in (40, 70):
        assert picks(name, pool, kept, subpool=size) == picks(name, pool, None, subpool=size)
    other = COVERING[COVERING.index(name) - 1]
    assert picks(other, pool, kept) == picks(other, pool, None)
    assert picks(name, tied(), kept) == picks(name, tied(), None)


def test_kept_pairs_are_computed_once_while_labels_come(monkeypatch):
    computed = []
    count = lambda x, *rest: computed.append(len(x)) or near_pairs(x, *rest)  # noqa: E731
    monkeypatch.setattr(kept_pairs, "near_pairs", count)
    monkeypatch.setattr(coverage, "near_pairs", count)
    kept, pool = KeptPairs(), clustered()
    for labels in (18, 40, 60):
        picks("max_herding", labelled(pool, slice(18, labels), 1), kept)
    assert computed == [102]


@pytest.mark.parametrize(
    ("owner", "limit"),
    [(kept_pairs, {"MOST_ROWS": 50}), (kept_pairs, {"HELD_BYTES": 50}), (coverage, {"DENSE": 10**6})],
)
def test_beyond_the_limits_the_picks_are_the_same(owner, limit, monkeypatch):
    pool = clustered()
    expected = picks("uherding", pool, None)
    for constant, value in limit.items():
        monkeypatch.setattr(owner, constant, value)
    assert picks("uherding", pool, KeptPairs()) == expected
    assert picks("uherding", pool, None) == expected


def test_near_pairs_are_those_closer_than_the_nearest_centre():
    pool = clustered(n=3000, d=6, labeled=60)
    x, centres = unit(pool.embeddings[60:]), unit(pool.embeddings[:60])
    to_centre = squared_distances(x, centres).min(axis=1)
    exact = ((x[:, None].astype(np.float64) - x) ** 2).sum(axis=2)
    found = near_pairs(x, to_centre)
    near = np.zeros(exact.shape, dtype=bool)
    near[np.repeat(np.arange(len(x)), np.diff(found.starts)), found.by] = True
    assert near[exact < to_centre[:, None] - 1e-5].all()
    assert not near[exact > to_centre[:, None] + 1e-4].any()
    np.testing.assert_allclose(found.squared, exact[near], atol=1e-5)
    assert near_pairs(x, to_centre, most=near.sum() // 2) is None


@pytest.mark.parametrize("n_centres", [5, 60, 600])
def test_near_pairs_do_not_change_the_radius_of_pure_balls(n_centres):
    pool = clustered(n=2000, d=6, labeled=n_centres)
    x, centres = pool.embeddings[n_centres:], pool.embeddings[:n_centres]
    pairs = near_pairs(x, squared_distances(x, centres).min(axis=1))
    without, with_pairs = (pure_radius(x, 8, 0.9, 1000, np.random.default_rng(0), pairs=kept) for kept in (None, pairs))
    assert with_pairs == pytest.approx(without, rel=1e-4)
