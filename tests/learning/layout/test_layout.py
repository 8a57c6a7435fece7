"""Layouts of vectors in two dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from ml_backend.learning.layout import placing, principal
from ml_backend.learning.layout.neighbour_embedding import STEPS, neighbour_embedding
from ml_backend.learning.layout.placing import GRID, place, references, to_grid
from ml_backend.learning.layout.principal import principal_components


def clusters(n: int = 120, dimensions: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """(vectors, cluster of each): four clusters far from each other."""
    rng = np.random.default_rng(1)
    which = rng.integers(0, 4, n)
    vectors = 10 * np.eye(4, dimensions)[which] + rng.normal(size=(n, dimensions))
    return vectors.astype(np.float32), which


@pytest.mark.parametrize(("n", "dimensions"), [(40_000, 6), (50, 384), (3, 5)])
def test_components_are_those_of_scikit_learn_up_to_their_sign(n: int, dimensions: int):
    rng = np.random.default_rng(0)
    scales = np.linspace(3, 1, dimensions)
    vectors = (100 + rng.normal(size=(n, dimensions)) * scales).astype(np.float32)
    rows = np.sort(rng.choice(n, n - 1, replace=False))
    ours = principal_components(vectors, rows, 2)
    theirs = PCA(2, svd_solver="full").fit_transform(vectors[rows].astype(np.float64))
    signs = np.sign((ours * theirs).sum(axis=0))
    np.testing.assert_allclose(ours * signs, theirs, atol=2e-3)


def test_too_few_rows_or_dimensions_give_zeros():
    one = principal_components(np.ones((1, 3), dtype=np.float32), np.array([0]), 2)
    assert one.tolist() == [[0.0, 0.0]]
    flat = principal_components(np.array([[0.0], [2.0]], dtype=np.float32), np.array([0, 1]), 2)
    assert flat.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert principal_components(np.ones((0, 3), dtype=np.float32), np.empty(0, dtype=np.int64), 2).shape == (0, 2)


def test_wide_vectors_keep_their_distances(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(principal, "MOST_DIMENSIONS", 100)
    which = np.arange(60) % 4
    vectors = 100 * np.eye(4, 300)[which] + np.random.default_rng(0).normal(size=(60, 300))
    found = principal_components(vectors.astype(np.float32), np.arange(60), 3)
    centres = np.stack([found[which == c].mean(axis=0) for c in range(4)])
    own = np.linalg.norm(found[:, None] - centres, axis=2).argmin(axis=1)
    assert (own == which).all()


def test_neighbours_stay_neighbours_and_a_seed_gives_one_layout():
    vectors, which = clusters()
    components = principal_components(vectors, np.arange(len(vectors)), 5)
    seen: list[tuple[int, int]] = []
    layout = neighbour_embedding(components, lambda done, steps: seen.append((done, steps)))
    assert seen[-1] == (STEPS, STEPS)
    distances = np.linalg.norm(layout[:, None] - layout, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (which[distances.argmin(axis=1)] == which).mean() > 0.98
    assert (layout == neighbour_embedding(components, lambda *_: None)).all()


def test_a_layout_ends_when_its_report_raises():
    vectors, _ = clusters(40)

    def stop(done: int, _steps: int) -> None:
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbour_embedding(vectors, stop)


def test_new_rows_are_placed_among_their_neighbours():
    vectors, which = clusters()
    positions = np.array([[0, 0], [0, 9], [9, 0], [9, 9]])[which].astype(float)
    assert (place(vectors[:7], vectors[7:], positions[7:]) == positions[:7]).all()
    assert place(vectors[:1], vectors[1:2], positions[1:2]).tolist() == positions[1:2].tolist()


def test_neighbours_are_sought_among_a_limited_number_of_rows(monkeypatch: pytest.MonkeyPatch):
    assert references(3).tolist() == [0, 1, 2]
    monkeypatch.setattr(placing, "MOST_REFERENCES", 50)
    drawn = references(1000)
    assert len(set(drawn.tolist())) == 50
    assert (drawn == references(1000)).all()
    assert drawn.max() > 500


def test_the_grid_keeps_proportions():
    grid = to_grid(np.array([[-2.0, 0.0], [2.0, 1.0]]))
    assert grid.dtype == np.uint16
    assert grid[:, 0].tolist() == [0, GRID]
    assert grid[1, 1] - grid[0, 1] == pytest.approx(GRID / 4, abs=1)
    assert to_grid(np.array([[5.0, 5.0]])).tolist() == [[GRID // 2 + 1] * 2]
