"""Selects the rows with the highest scores, with a defined order among equal ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def highest(score: NDArray[np.number[Any]], count: int, rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the positions (count,) int64 of the `count` highest scores, the highest first.

    score: (m,) of any number type; count: from 1 to m; rank: (m,) int64, of equal scores the lower rank comes first.
    """
    threshold = np.partition(score, len(score) - count)[len(score) - count]
    candidates = np.flatnonzero(score >= threshold)
    order: NDArray[np.int64] = candidates[np.lexsort((rank[candidates], -score[candidates]))[:count]]
    return order


def coarse(distances: NDArray[np.floating[Any]], scale: float) -> NDArray[np.int64]:
    """Returns distances rounded to whole steps of 1e-5 × scale, int64, of the same shape, for example (n,).

    Distances that differ only by rounding errors become equal. scale: in the unit of the distances; if it is not
    above 0, all results are 0.
    """
    steps: NDArray[np.int64] = np.rint(distances * (1e5 / scale if scale > 0 else 0)).astype(np.int64)
    return steps


def first_highest(score: NDArray[np.number[Any]], rank: NDArray[np.int64], within: float = 0.0) -> int:
    """Returns the position of the highest score; of scores that count as equal, the one with the lowest rank.

    score: (m,) of any number type; rank: (m,) int64; within: scores at most this far below the highest count as equal
    to it.
    """
    highest_score = score.max()
    best = np.flatnonzero(score >= (highest_score - within if within else highest_score))
    return int(best[rank[best].argmin()])
