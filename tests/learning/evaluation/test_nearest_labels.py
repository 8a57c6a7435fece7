"""The labelled texts that are nearest to a doubtful one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from ml_backend.learning.evaluation.nearest import nearest_labels


def test_the_nearest_labels_are_those_of_an_independent_search():
    X = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32) * 5
    rows = np.arange(0, 300, 4)
    distance, found = NearestNeighbors(n_neighbors=4, metric="cosine").fit(X).kneighbors(X[rows])
    nearest = nearest_labels(X, rows)
    assert [[n.row for n in of_row] for of_row in nearest] == found[:, 1:].tolist()
    similarity = [[n.similarity for n in of_row] for of_row in nearest]
    assert np.array(similarity) == pytest.approx(1 - distance[:, 1:], abs=1e-5)


def test_a_copy_of_the_text_is_a_neighbour_and_the_label_itself_is_none():
    X = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8]], dtype=np.float32)
    (of_first,) = nearest_labels(X, np.array([0]))
    assert [(n.row, round(n.similarity, 3)) for n in of_first] == [(2, 1.0), (3, 0.6), (1, 0.0)]


def test_few_labels_and_texts_without_direction_are_no_error():
    X = np.array([[0, 0], [1, 0]], dtype=np.float32)
    assert [[n.row for n in of_row] for of_row in nearest_labels(X, np.array([0, 1]))] == [[1], [0]]
    assert nearest_labels(X[:1], np.array([0])) == [[]]
    assert nearest_labels(X, np.empty(0, dtype=np.int64)) == []
