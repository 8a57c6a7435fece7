"""Places further texts in a layout that exists, and maps layouts to the grid that a page draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.distances import squared_norms
from ml_backend.learning.numerics.threads import over_blocks

NEIGHBOURS = 5
MOST_REFERENCES = 20_000
"""Neighbours are sought among at most so many placed texts, so that the time stays linear in the number of new ones."""
ROWS_AT_A_TIME = 512
GRID = 65_535
"""The largest coordinate."""


def references(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Returns (m,) int64: the numbers of the placed rows, of n in all, among which neighbours are sought."""
    if n <= MOST_REFERENCES:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, MOST_REFERENCES, replace=False))


def place(
    new: NDArray[np.float32], placed: NDArray[np.float32], positions: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Returns (m, 2) float64: for each new row the median position of its nearest placed rows.

    new (m, d), placed (n, d) float32, n ≥ 1, see `references`; positions (n, 2): of the placed rows.
    """
    k = min(NEIGHBOURS, len(placed))
    squared = squared_norms(placed)
    found = np.empty((len(new), 2))

    def place_block(block: slice) -> None:
        distances = squared - 2 * (new[block] @ placed.T)
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        found[block] = np.median(positions[nearest], axis=1)

    over_blocks(place_block, len(new), ROWS_AT_A_TIME)
    return found


def to_grid(positions: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Returns (n, 2) uint16: the positions (n, 2) scaled alike in both directions, centred, to 0..65,535."""
    if not len(positions):
        return np.empty((0, 2), dtype=np.uint16)
    low, high = positions.min(axis=0), positions.max(axis=0)
    extent = float((high - low).max())
    scaled = (positions - (low + high) / 2) / (extent or 1.0) + 0.5
    grid: NDArray[np.uint16] = np.rint(np.clip(scaled, 0.0, 1.0) * GRID).astype(np.uint16)
    return grid
