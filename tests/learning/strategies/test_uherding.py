"""The temperature at which uherding reads the head's probabilities."""

import numpy as np
import pytest
import strategy_references as references
from strategy_pools import clustered, multi_label, with_head

from ml_backend.learning import Head, Pool
from ml_backend.learning.strategies import uherding


def temperature(pool: Pool, seed: int = 0) -> float:
    return uherding.held_out_temperature(pool, np.random.default_rng(seed))


@pytest.mark.parametrize("labeled", [10, 20, 30])
def test_the_temperature_from_few_labels_is_moderate_and_hardly_depends_on_the_draw(labeled):
    by_pool = []
    for seed in range(12):
        pool = clustered(n=200, d=8, n_classes=3, labeled=labeled, seed=seed)
        by_pool.append([np.log(temperature(pool, draw)) for draw in range(12)])
    logs = np.array(by_pool)
    assert np.abs(logs).max() < np.log(3)
    assert np.median(logs.std(axis=1)) < 0.25


def test_many_labels_decide_the_temperature():
    x = np.random.default_rng(0).normal(size=(500, 4))
    noise = np.random.default_rng(1).integers(0, 3, 500)
    certain = with_head(x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0), 200, 3)
    noisy = with_head(np.tile(x, 10) * 30, noise, 200, 3)
    assert temperature(certain) < 0.9
    assert temperature(noisy) > 1.5


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ([0] * 9 + [1], "without the fold that holds the only 1 there is one class"),
        ([0, 1, 2, 3, 4, 5], "no class has a second label"),
        ([0, 1], "without a fold there is one label"),
    ],
)
def test_the_temperature_is_one_if_no_fold_can_be_held_out(labels, why):
    x = np.random.default_rng(0).normal(size=(60, 4))
    pool = with_head(x, np.array(labels + [0] * (60 - len(labels))), len(labels), 6)
    assert temperature(pool) == 1, why


@pytest.mark.parametrize("pool", [clustered(), clustered(labeled=100), multi_label()])
def test_the_temperature_is_that_of_the_reference(pool):
    expected = references.held_out_temperature(pool, np.random.default_rng(0))
    assert temperature(pool) == pytest.approx(expected, rel=1e-3)


def test_with_many_labels_only_one_fold_is_held_out(monkeypatch):
    fits, fit = [], Head.fit
    monkeypatch.setattr(Head, "fit", lambda self, X, *arguments: fits.append(len(X)) or fit(self, X, *arguments))
    pool = clustered(n=1200, labeled=1000)
    fits.clear()
    temperature(pool)
    assert fits == [800]
