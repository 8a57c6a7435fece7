"""Search among vectors agrees with brute force and with scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from ml_backend.learning.numerics.distances import unit
from ml_backend.learning.search import groups
from ml_backend.learning.search.groups import connected_groups, partners
from ml_backend.learning.search.nearest import cosines, cosines_to_mean, cosines_to_nearest, ranked

rng = np.random.default_rng(0)
X = (rng.normal(size=(2500, 12)) * rng.uniform(0.1, 9, size=(2500, 1))).astype(np.float32)


def test_the_nearest_rows_are_those_of_scikit_learn_and_equal_ones_come_in_their_order():
    query = rng.normal(size=12).astype(np.float32)
    similar = cosines(X, query)
    np.testing.assert_allclose(similar, cosine_similarity(X, query[None])[:, 0], atol=1e-6)
    expected = NearestNeighbors(metric="cosine").fit(X).kneighbors(query[None], 30, return_distance=False)[0]
    rows = np.arange(len(X))
    assert ranked(similar, rows, 30).tolist() == expected.tolist()
    assert ranked(np.array([1, 2, 2, 1], np.float32), np.array([7, 9, 3, 1]), 10).tolist() == [2, 1, 3, 0]
    assert ranked(np.empty(0, np.float32), np.empty(0, np.int64), 5).tolist() == []


def test_rows_of_zeros_are_like_nothing():
    x = np.array([[0, 0], [3, 0]], np.float32)
    assert cosines(x, np.array([2, 0], np.float32)).tolist() == [0, 1]
    assert cosines(x, np.zeros(2, np.float32)).tolist() == [0, 0]


def test_the_nearest_of_many_and_the_mean_are_exact():
    rows, others = np.arange(100, 2400), np.r_[0:100, 2400:2500]
    expected = cosine_similarity(X[rows], X[others]).max(axis=1)
    np.testing.assert_allclose(cosines_to_nearest(X, rows, others), expected, atol=1e-6)
    directions = X[rows] / np.linalg.norm(X[rows], axis=1, keepdims=True)
    expected = cosine_similarity(X[rows], directions.mean(axis=0)[None])[:, 0]
    np.testing.assert_allclose(cosines_to_mean(X, rows), expected, atol=1e-5)


@pytest.mark.parametrize("least", [0.85, -1.0])
def test_each_row_has_its_most_similar_partners_however_the_columns_are_cut(
    monkeypatch: pytest.MonkeyPatch, least: float
):
    monkeypatch.setattr(groups, "FIRST_COLUMNS", 16)
    monkeypatch.setattr(groups, "COLUMNS", 100)
    monkeypatch.setattr(groups, "ROWS_OF_A_BLOCK", 64)
    x = unit(X[:400])
    found = partners(x, 100, 300, least, most=5)
    every = x @ x.T
    np.fill_diagonal(every, -2)
    for row in range(100, 300):
        order = np.argsort(-every[row], kind="stable")[:5]
        expected = [j for j in order.tolist() if every[row, j] >= least]
        assert found.second[found.first == row].tolist() == expected
    np.testing.assert_allclose(found.cosine, every[found.first, found.second], atol=1e-6)


def test_groups_are_what_chains_of_pairs_connect():
    assert connected_groups(6, np.array([4, 5, 1]), np.array([1, 3, 4])).tolist() == [0, 1, 2, 3, 1, 3]
    assert connected_groups(3, np.empty(0, np.int64), np.empty(0, np.int64)).tolist() == [0, 1, 2]
