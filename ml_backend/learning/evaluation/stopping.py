"""Advice on when to stop labelling, from what successive heads predict; none of it needs a held-out label.

Predictions are of the same rows in the same order for every head: (S,) class numbers, or (S, n_classes) of 0/1 for a
multi-label head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

STOP_SET = 2000
"""Rows of the stop set, as in the paper."""
KAPPA = 0.99
WINDOW = 3
UNCERTAINTY = 0.01

Predictions = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Advice:
    """Whether to stop, and the number behind it; None while there are too few heads to tell."""

    stop: bool
    value: float | None
    reason: str


def stop_set(unlabeled: NDArray[np.int64], rng: np.random.Generator, size: int = STOP_SET) -> NDArray[np.int64]:
    """A random sample of the unlabelled rows, sorted; drawn once and kept, so that heads are compared on the same."""
    return np.sort(rng.choice(unlabeled, size=min(size, len(unlabeled)), replace=False))


def kappa(before: Predictions, now: Predictions) -> float:
    """Cohen's kappa of two heads' predictions: 1 where all agree, 0 where no more than by chance.

    Multi-label: the mean over the classes. Two heads that predict one and the same class everywhere agree: 1.
    Raises ValueError when the predictions are of different rows, or of none.
    """
    if before.shape != now.shape or not before.size:
        raise ValueError(f"predictions of the same rows are needed, got shapes {before.shape} and {now.shape}")
    if before.ndim == 2:
        return float(np.mean([kappa(one, other) for one, other in zip(before.T, now.T, strict=True)]))
    n_classes = int(max(before.max(), now.max())) + 1
    shares = [np.bincount(some, minlength=n_classes) / len(some) for some in (before, now)]
    by_chance = float(shares[0] @ shares[1])
    if by_chance == 1.0:
        return 1.0
    return float((np.mean(before == now) - by_chance) / (1 - by_chance))


def stabilizing_predictions(history: Sequence[Predictions], threshold: float = KAPPA, window: int = WINDOW) -> Advice:
    """Stop when successive heads agree on the stop set: the mean of the last `window` kappas is at least `threshold`.

    history: predictions of each head so far on the stop set, the newest last.
    Bloodgood, Vijay-Shanker: A Method for Stopping Active Learning Based on Stabilizing Predictions and the Need for
    User-Adjustable Stopping, CoNLL 2009; defaults as there. A lower threshold stops earlier and risks more.
    """
    recent = list(history[-window - 1 :])
    return stabilized([kappa(before, now) for before, now in pairwise(recent)], threshold, window)


def stabilized(kappas: Sequence[float], threshold: float = KAPPA, window: int = WINDOW) -> Advice:
    """`stabilizing_predictions` for whoever kept the kappas of successive heads, the newest last."""
    if len(kappas) < window:
        return Advice(False, None, f"{len(kappas) + 1} of the {window + 1} heads that are needed to compare")
    value = float(np.mean(kappas[-window:]))
    return Advice(
        value >= threshold, value, f"mean kappa of the last {window} pairs of heads {value:.3f}, {threshold} asked"
    )


def classification_change(before: Predictions, now: Predictions) -> Advice:
    """Stop when no unlabelled row's predicted label changed since the head before; the value is the share that did.

    Zhu, Wang, Hovy: Multi-Criteria-based Strategy to Stop Active Learning for Data Annotation, COLING 2008, as a
    criterion of its own. Rows labelled in between are left out by the caller.
    """
    if before.shape != now.shape:
        raise ValueError(f"predictions of the same rows are needed, got shapes {before.shape} and {now.shape}")
    changed = before != now
    changed = changed.any(axis=1) if changed.ndim == 2 else changed
    value = float(changed.mean()) if len(changed) else 0.0
    return Advice(not changed.any(), value, f"{int(changed.sum())} of {len(changed)} predictions changed")


def overall_uncertainty(
    probabilities: NDArray[np.floating[Any]], multi_label: bool = False, threshold: float = UNCERTAINTY
) -> Advice:
    """Stop when the mean entropy, in nats, of the unlabelled rows' predictions is below `threshold`.

    probabilities: (N, n_classes) of the unlabelled rows; multi-label: the mean of the classes' binary entropies.
    Zhu, Wang, Hovy: Learning a Stopping Criterion for Active Learning for Word Sense Disambiguation and Text
    Classification, IJCNLP 2008; Zhu et al.: Confidence-based stopping criteria, ACM TSLP 2010. What is low depends on
    the data and on the head's C: take the threshold as a dial, and compare on calibrated probabilities.
    """
    P = np.asarray(probabilities, dtype=np.float64)
    if P.ndim != 2:
        raise ValueError(f"probabilities must be (N, n_classes), got shape {P.shape}")
    if not len(P):
        return Advice(True, 0.0, "no unlabelled row is left")
    value = float((_plogp(P) + _plogp(1 - P)).mean() if multi_label else _plogp(P).sum(axis=1).mean())
    return Advice(value < threshold, value, f"mean entropy {value:.4f}, below {threshold} asked")


def _plogp(P: NDArray[np.float64]) -> NDArray[np.float64]:
    products: NDArray[np.float64] = -P * np.log(np.where(P > 0, P, 1.0))
    return products
