"""Margin: 1 − (p₁ − p₂), the closer the two top classes the sooner."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.numerics.ranking import highest
from ml_backend.learning.pool import Pool

NEEDS_HEAD = True
MULTI_LABEL = True
PAPER = "Scheffer et al. 2001, Active Hidden Markov Models for Information Extraction"
SUMMARY = "Takes the texts whose two top classes are closest. Sharpens the borders between classes that get confused."
WHEN = "From a few labels a class on; strong with many classes."
COST = "one scoring of the pool"


def select(pool: Pool, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The rows of highest `closeness`."""
    score = closeness(pool.probabilities, pool.multi_label)
    picks: NDArray[np.int64] = pool.unlabeled[highest(score, batch_size, rng.permutation(len(score)))]
    return picks


def closeness(p: NDArray[np.float32], multi_label: bool) -> NDArray[np.float32]:
    """1 − (p₁ − p₂) of each row of p (m, n_classes); multi-label: the mean over classes of 1 − |p − (1 − p)|."""
    if multi_label:
        mean: NDArray[np.float32] = (1 - np.abs(2 * p - 1)).mean(axis=1)
        return mean
    return one_minus_gap(p)


def one_minus_gap(p: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 − (p₁ − p₂) of each row of p (m, n_classes)."""
    every, top = np.arange(len(p)), p.argmax(axis=1)
    others = p.copy()
    others[every, top] = 0
    gap: NDArray[np.float32] = 1 - (p[every, top] - others.max(axis=1))
    return gap
