"""Each strategy picks what a slow reference picks, on random, real and tied vectors."""

import numpy as np
import pytest
import strategy_references as references
from strategy_pools import clustered, multi_label

from ml_backend.learning import Pool, initial, strategies
from ml_backend.learning.numerics import fisher
from ml_backend.learning.strategies import alfamix


@pytest.mark.parametrize("name", strategies.names())
@pytest.mark.parametrize("count", [1, 7, 25])
def test_picks_are_those_of_the_reference(name, count, pool):
    picks = strategies.select(name, pool, count, np.random.default_rng(5))
    expected = getattr(references, name)(pool, count, np.random.default_rng(5))
    assert picks.tolist() == pool.unlabeled[np.asarray(expected)].tolist()


@pytest.mark.parametrize("name", ["coreset", "kmeans", "max_herding", "typiclust", "random"])
def test_initial_pools_are_those_of_the_reference(name, pool):
    fresh = Pool(pool.embeddings, np.full(len(pool), -1), pool.n_classes)
    picks = initial.select(name, fresh, 12, np.random.default_rng(5))
    assert picks.tolist() == list(getattr(references, name)(fresh, 12, np.random.default_rng(5)))


def test_picks_of_many_classes_and_large_batches_are_those_of_the_reference(monkeypatch):
    monkeypatch.setattr(fisher, "CANDIDATES", 12)
    pool = clustered(n=700, d=12, n_classes=20, labeled=60)
    for name in ("badge", "coreset", "bait"):
        picks = strategies.select(name, pool, 30, np.random.default_rng(1))
        expected = getattr(references, name)(pool, 30, np.random.default_rng(1))
        assert picks.tolist() == pool.unlabeled[np.asarray(expected)].tolist(), name


def test_bait_picks_from_fewer_texts_than_dimensions():
    """The Fisher information of all rows is then singular, and rounding can make it slightly negative."""
    for seed in range(4):
        pool = clustered(n=50, d=96, n_classes=3, labeled=15, seed=seed)
        picks = strategies.select("bait", pool, 10, np.random.default_rng(seed))
        expected = references.bait(pool, 10, np.random.default_rng(seed))
        assert picks.tolist() == pool.unlabeled[np.asarray(expected)].tolist()


def test_badge_samples_in_proportion_to_squared_distance():
    pool = clustered(n=30, d=3, labeled=18)
    g = references.gradients(pool)
    first = int((g**2).sum(axis=1).argmax())
    weight = ((g - g[first]) ** 2).sum(axis=1)
    seconds = [strategies.select("badge", pool, 2, np.random.default_rng(s))[1] for s in range(2000)]
    share = np.bincount(np.searchsorted(pool.unlabeled, seconds), minlength=len(g)) / len(seconds)
    assert np.abs(share - weight / weight.sum()).max() < 4 * np.sqrt(0.25 / len(seconds))


def test_multi_label_uherding_is_that_of_the_reference():
    pool = multi_label(n=120, labeled=40)
    picks = strategies.select("uherding", pool, 12, np.random.default_rng(4))
    expected = references.uherding(pool, 12, np.random.default_rng(4))
    assert picks.tolist() == pool.unlabeled[np.asarray(expected)].tolist()


def test_alfamix_candidates_are_those_of_the_papers_interpolation(pool):
    flips = alfamix.flips(pool, 0.2 / np.sqrt(pool.dimensions))
    assert flips.tolist() == references.alfamix_flips(pool).tolist()
    assert flips.any()
