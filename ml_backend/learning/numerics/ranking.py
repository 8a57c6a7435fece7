"""Rows in the order of a score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def highest(score: NDArray[np.number[Any]], count: int, rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the `count` highest of score (m,), highest first, (count,) int64; equal ones by rank (m,)."""
    least = np.partition(score, len(score) - count)[len(score) - count]
    enough = np.flatnonzero(score >= least)
    order: NDArray[np.int64] = enough[np.lexsort((rank[enough], -score[enough]))[:count]]
    return order


def coarse(distances: NDArray[np.floating[Any]], scale: float) -> NDArray[np.int64]:
    """Distances in steps of 1e-5 of a scale, so that those that only rounding tells apart are equal."""
    steps: NDArray[np.int64] = np.rint(distances * (1e5 / scale if scale > 0 else 0)).astype(np.int64)
    return steps


def first_highest(score: NDArray[np.number[Any]], rank: NDArray[np.int64], within: float = 0.0) -> int:
    """Position of the highest score (m,), of those equal `within` so much the one with the lowest rank (m,)."""
    highest_score = score.max()
    best = np.flatnonzero(score >= (highest_score - within if within else highest_score))
    return int(best[rank[best].argmin()])
