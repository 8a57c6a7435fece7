"""Decides when to stop labelling, from the predictions of successive heads; no held-out labels are needed.

Every head predicts the same S rows in the same order: integers, (S,) class numbers, or (S, n_classes) of 0/1 for a
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
"""Number of rows in the stop set, and the defaults of `stabilized`; all as in the paper that `stabilized` names."""
LABELS_BETWEEN = 20
"""At least so many labels are added, changed or removed between two heads that are compared.

The paper compares heads of successive iterations, each trained with one more batch of labels. Heads with the same or
almost the same labels agree however much there is still to learn, so a refit is not an iteration by itself.
"""

Predictions = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class StopDecision:
    """Result of a stopping rule.

    value: the number that decides; None while there are too few heads. reason: a sentence for people.
    """

    stop: bool
    value: float | None
    reason: str


def stop_set(unlabeled: NDArray[np.int64], rng: np.random.Generator, size: int = STOP_SET) -> NDArray[np.int64]:
    """Returns a random sample (S,) int64 of the unlabelled rows, ascending.

    unlabeled: (m,) int64, row numbers; size: largest size of the sample, so S = min(size, m).
    The caller draws it once and keeps it, so that all heads are compared on the same rows.
    """
    return np.sort(rng.choice(unlabeled, size=min(size, len(unlabeled)), replace=False))


def kappa(before: Predictions, now: Predictions) -> float:
    """Returns Cohen's kappa of two heads' predictions: 1 if all agree, 0 if they agree no more than by chance.

    before, now: integers, predictions of the same rows, both (S,) or both (S, n_classes). Multi-label: the result is
    the mean over the classes. If both heads predict the same single class for all rows, kappa is 0 / 0, and the result
    is 1. Raises ValueError if the shapes differ or there are no rows.
    Cohen: A Coefficient of Agreement for Nominal Scales, Educational and Psychological Measurement 1960.
    """
    if before.shape != now.shape or not before.size:
        raise ValueError(f"predictions of the same rows are needed, got shapes {before.shape} and {now.shape}")
    if before.ndim == 2:
        columns = zip(before.T, now.T, strict=True)
        return float(np.mean([kappa(column_before, column_now) for column_before, column_now in columns]))
    if before.min() == before.max() and np.array_equal(before, now):
        return 1.0
    # Imported here, as the import of scikit-learn takes a second.
    from sklearn.metrics import cohen_kappa_score

    return float(cohen_kappa_score(before, now))


def stabilized(kappas: Sequence[float], threshold: float = KAPPA, window: int = WINDOW) -> StopDecision:
    """Decides to stop if successive heads agree: if the mean of the last `window` kappas is at least `threshold`.

    kappas: `kappa` between each head and the head before it on the stop set, the newest last; between the two at least
    LABELS_BETWEEN labels changed.
    A lower threshold stops earlier, with a higher risk that the head would still have improved.
    Bloodgood, Vijay-Shanker: A Method for Stopping Active Learning Based on Stabilizing Predictions and the Need for
    User-Adjustable Stopping, CoNLL 2009; the defaults are those of the paper.
    """
    if len(kappas) < window:
        heads = f"{len(kappas) + 1} of the {window + 1} heads that are needed to compare"
        return StopDecision(False, None, f"{heads}; a head counts after {LABELS_BETWEEN} new or changed labels")
    value = float(np.mean(kappas[-window:]))
    return StopDecision(
        value >= threshold,
        value,
        f"the mean kappa of the last {window} pairs of heads is {value:.3f}; labelling may stop from {threshold} on",
    )
