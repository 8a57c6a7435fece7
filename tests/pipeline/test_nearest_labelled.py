"""What is remembered of the nearest labelled text is what a new computation finds, whatever changed meanwhile."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_backend.learning.search import nearest
from ml_backend.pipeline import nearest_labelled
from ml_backend.pipeline.nearest_labelled import NearestLabelled
from ml_backend.pipeline.project_pool import ProjectPool

rng = np.random.default_rng(1)
N = 200
MATRIX = rng.normal(size=(N + 50, 8)).astype(np.float32)


def pool_of(matrix: NDArray[np.float32], texts: NDArray[np.int64]) -> ProjectPool:
    no, yes = np.zeros(len(texts), dtype=bool), np.ones(len(texts), dtype=bool)
    labels = np.full(len(texts), -1)
    return ProjectPool(np.arange(1, len(texts) + 1), texts, matrix[: len(texts)], yes, labels, yes, no, yes)


def test_only_new_labels_and_new_rows_are_compared_and_the_result_is_exact(monkeypatch: pytest.MonkeyPatch):
    compared: list[int] = []

    def counted(
        embeddings: NDArray[np.float32], rows: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        compared.append(len(rows) * len(others))
        return nearest.cosines_to_nearest(embeddings, rows, others)

    monkeypatch.setattr(nearest_labelled, "cosines_to_nearest", counted)
    memory, matrix = NearestLabelled(), MATRIX.copy()
    texts = np.arange(N)

    def check(rows: NDArray[np.int64], labelled: list[int], of: NDArray[np.float32], cost: int) -> None:
        compared.clear()
        pool, others = pool_of(of, texts), np.array(labelled)
        expected = nearest.cosines_to_nearest(pool.embeddings, rows, others)
        np.testing.assert_allclose(memory.cosines(1, pool, rows, others), expected, atol=1e-6)
        assert sum(compared) == cost

    rows = np.arange(20, N)
    check(rows, [0, 1, 2], matrix, 3 * 180)
    check(rows, [0, 1, 2], matrix, 0)
    check(rows, [0, 1, 2, 3, 4], matrix, 2 * 180)
    check(np.arange(10, N), [0, 1, 2, 3, 4], matrix, 5 * 10)
    check(rows, [0, 2, 3, 4], matrix, 4 * 180)  # a label was taken back
    matrix[30] = rng.normal(size=8)
    texts = np.where(texts == 30, 999, texts)
    check(rows, [0, 2, 3, 4], matrix, 4 * 1)
    texts = np.concatenate([texts, np.arange(1000, 1020)])  # 20 new tasks in the same memory
    check(np.arange(20, N + 20), [0, 2, 3, 4], matrix, 4 * 20)
    check(rows, [0, 2, 3, 4], MATRIX.copy(), 4 * 180)  # read anew
