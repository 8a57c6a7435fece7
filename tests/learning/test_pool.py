import numpy as np
import pytest

from ml_backend.learning import strategies
from ml_backend.learning.pool import NeedsHead, Pool


def embeddings(n: int = 6, d: int = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)).astype(np.float32)


def test_unlabelled_rows_are_the_candidates_without_a_label():
    labels = np.array([0, -1, 1, -1, -1, 0])
    candidates = np.array([True, True, True, False, True, True])
    pool = Pool(embeddings(), labels, 2, candidates=candidates)
    assert pool.unlabeled.tolist() == [1, 4]
    assert pool.labeled.tolist() == [0, 2, 5]


def test_multi_label_rows_of_minus_ones_are_unlabelled():
    labels = np.array([[0, 1], [-1, -1], [0, 0], [-1, -1], [1, 1], [-1, -1]])
    pool = Pool(embeddings(), labels, 2)
    assert pool.multi_label
    assert pool.unlabeled.tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("labels", "n_classes", "message"),
    [
        (np.zeros(5, dtype=int), 2, r"got shape \(5,\)"),
        (np.array([0, 1, 2, -1, -1, -1]), 2, r"-1\.\.1; got -1\.\.2"),
        (np.array([0, 1, -2, -1, -1, -1]), 2, r"got -2\.\.1"),
    ],
)
def test_labels_that_do_not_fit_are_refused_with_the_numbers(labels, n_classes, message):
    with pytest.raises(ValueError, match=message):
        Pool(embeddings(), labels, n_classes)


def test_arrays_of_a_pool_are_read_only_views_of_those_that_it_was_given():
    given = embeddings(), np.array([0, -1, 1, -1, -1, 0]), np.ones(6, dtype=bool)
    pool = Pool(given[0], given[1], 2, candidates=given[2])
    seen = pool.embeddings, pool.labels, pool.candidates
    for before, array in zip(given, seen, strict=True):
        assert np.shares_memory(before, array)
        assert (before.flags.writeable, array.flags.writeable) == (True, False)


def test_probabilities_without_a_head_are_refused():
    with pytest.raises(NeedsHead, match="fitted head"):
        _ = Pool(embeddings(), np.full(6, -1), 2).probabilities


def test_random_picks_all_unlabelled_rows_if_the_batch_is_larger():
    pool = Pool(embeddings(), np.array([0, -1, 1, -1, -1, 0]), 2)
    picks = strategies.select("random", pool, 10, np.random.default_rng(0))
    assert sorted(picks.tolist()) == [1, 3, 4]


def test_an_unknown_strategy_is_refused_with_the_names_of_all():
    pool = Pool(embeddings(), np.full(6, -1), 2)
    with pytest.raises(strategies.UnknownStrategy, match=r"known: .*random"):
        strategies.select("magic", pool, 1, np.random.default_rng(0))
