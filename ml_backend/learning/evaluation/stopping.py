"""When to stop labelling, decided from what successive heads predict; none of it needs a held-out label.

Predictions are of the same rows in the same order for every head: (S,) class numbers, or (S, n_classes) of 0/1 for a
multi-label head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STOP_SET = 2000
KAPPA = 0.99
WINDOW = 3
"""Rows of the stop set, and the defaults of `stabilized`, as in the paper."""

Predictions = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class StopDecision:
    """Whether to stop, and the number behind it; None while there are too few heads to tell."""

    stop: bool
    value: float | None
    reason: str


def stop_set(unlabeled: NDArray[np.int64], rng: np.random.Generator, size: int = STOP_SET) -> NDArray[np.int64]:
    """A random sample of the unlabelled rows, sorted; drawn once and kept, so that heads are compared on the same."""
    return np.sort(rng.choice(unlabeled, size=min(size, len(unlabeled)), replace=False))


def kappa(before: Predictions, now: Predictions) -> float:
    """Cohen's kappa of two heads' predictions: 1 where all agree, 0 where no more than by chance.

    before, now: predictions of the same rows, both (S,) or both (S, n_classes). Multi-label: the mean over the
    classes. Two heads that predict one and the same class everywhere agree: 1, where kappa as such is 0 / 0.
    Raises ValueError when the predictions are of different rows, or of none.
    """
    if before.shape != now.shape or not before.size:
        raise ValueError(f"predictions of the same rows are needed, got shapes {before.shape} and {now.shape}")
    if before.ndim == 2:
        columns = zip(before.T, now.T, strict=True)
        return float(np.mean([kappa(column_before, column_now) for column_before, column_now in columns]))
    if before.min() == before.max() and np.array_equal(before, now):
        return 1.0
    # Loaded here, as scikit-learn takes a second to import.
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(before, now))


def stabilized(kappas: Sequence[float], threshold: float = KAPPA, window: int = WINDOW) -> StopDecision:
    """Stop when successive heads agree on the stop set: the mean of the last `window` kappas is at least `threshold`.

    kappas: `kappa` of each head and the one before on the stop set, the newest last.
    Bloodgood, Vijay-Shanker: A Method for Stopping Active Learning Based on Stabilizing Predictions and the Need for
    User-Adjustable Stopping, CoNLL 2009; defaults as there. A lower threshold stops earlier and risks more.
    """
    if len(kappas) < window:
        return StopDecision(False, None, f"{len(kappas) + 1} of the {window + 1} heads that are needed to compare")
    value = float(np.mean(kappas[-window:]))
    return StopDecision(
        value >= threshold, value, f"mean kappa of the last {window} pairs of heads {value:.3f}, {threshold} asked"
    )
