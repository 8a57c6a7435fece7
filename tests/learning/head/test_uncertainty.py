"""Measures of uncertainty against their definitions in float64, and the strategies that rank by them."""

import numpy as np
import pytest
from scipy.special import softmax

from ml_backend.learning import Head, Pool, strategies
from ml_backend.learning.head import uncertainty
from ml_backend.learning.numerics.finite import NotFinite


def probabilities(head: Head, x: np.ndarray, temperature: float | None = None) -> np.ndarray:
    logits = x.astype(np.float64) @ head.weights.T.astype(np.float64) + head.bias
    logits[:, ~head.seen] = -np.inf
    return softmax(logits / (temperature or head.temperature), axis=1)


def least_confidence(p):
    return 1 - p.max(axis=1)


def closeness(p):
    top = np.sort(p, axis=1)
    return 1 - (top[:, -1] - top[:, -2])


def entropy(p):
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)


MEASURES = {"least_confidence": least_confidence, "margin": closeness, "entropy": entropy}


def head_of(n_classes: int, occurring: int, temperature: float = 1.0) -> Head:
    rng = np.random.default_rng(0)
    x = (
        rng.normal(size=(40 * occurring, 12)).astype(np.float32)
        + 2 * np.eye(occurring, 12)[np.arange(40 * occurring) % occurring]
    )
    head = Head(C=30).fit(x, np.arange(len(x)) % occurring, n_classes)
    head.temperature = temperature
    return head


HEADS = [head_of(9, 9), head_of(9, 5), head_of(2, 2), head_of(9, 9, temperature=2.5)]
X = np.random.default_rng(1).normal(size=(3000, 12)).astype(np.float32)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", ["least_confidence", "closeness", "entropy"])
def test_measures_from_logits_are_those_of_the_probabilities(name, head):
    expected = globals()[name](probabilities(head, X))
    np.testing.assert_allclose(getattr(uncertainty, name)(head, X), expected, atol=2e-6)
    assert expected.std() > 0.01


def test_a_temperature_replaces_that_of_the_head():
    head = HEADS[-1]
    expected = closeness(probabilities(head, X, 0.7))
    np.testing.assert_allclose(uncertainty.closeness(head, X, 0.7), expected, atol=2e-6)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("name", MEASURES)
def test_picks_are_those_of_the_probabilities(name, head):
    score = MEASURES[name](probabilities(head, X))
    labels = np.full(len(X), -1)
    labels[::50] = 0
    picks = strategies.select(name, Pool(X, labels, head.n_classes, head), 40, np.random.default_rng(0))
    rest = np.setdiff1d(np.flatnonzero(labels < 0), picks)
    # Rounding may exchange rows whose scores differ by less than float32 can tell.
    assert np.all(np.diff(score[picks]) < 2e-6)
    assert score[picks].min() > score[rest].max() - 2e-6


def test_logits_far_apart_have_finite_measures():
    head = head_of(4, 4)
    head.weights = head.weights * np.float32(1e30)
    for name in ("least_confidence", "closeness", "entropy"):
        assert np.abs(getattr(uncertainty, name)(head, X)).max() < 1e-6


@pytest.mark.parametrize("name", MEASURES)
def test_a_row_without_finite_logits_is_refused_with_its_number_in_the_pool(name):
    x, head = X.copy(), head_of(4, 4)
    x[2100] = 3e38
    head.weights = head.weights * np.float32(100)
    with pytest.raises(NotFinite, match="row 2100 of the embeddings has no finite logits"):
        strategies.select(name, Pool(x, np.full(len(x), -1), 4, head), 5, np.random.default_rng(0))


def test_a_part_of_a_pool_reuses_its_scores():
    pool, computed = Pool(X, np.full(len(X), -1), 9, HEADS[0]), []

    def measure(head, x):
        computed.append(len(x))
        return uncertainty.least_confidence(head, x)

    expected = pool.scores(measure)[5:]
    computed.clear()
    assert np.array_equal(pool.without(pool.unlabeled[:5]).scores(measure), expected)
    assert not computed
