"""The accuracy of the present head on the open texts, with an interval that holds however often somebody looks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.evaluation.intervals import ONE_LOOK, repeated_looks, wilson

LEAST_LABELS, LEAST_LABELS_PER_CLASS = 100, 5
"""From max(LEAST_LABELS, LEAST_LABELS_PER_CLASS × classes) labels on, the head's confidence counts as evidence."""
LEAST_AUDITS = 10
"""Without the head's confidence, an accuracy is shown from so many random tasks on."""
CONFIDENCE_AUDITS = 40
"""The head's mean confidence counts as much as this number of random tasks."""
TOO_SURE = 2.0
"""Where logits have to be divided by more than this, the head has learned little.

Its confidence counts less then, and the interval includes the accuracy of guessing. Audits are too often right where
there is nothing to learn, by 10 points on qnli: an audit draws the labels that a strategy asks for next to where a head
without it would be wrong."""
CONFIDENCE_ONLY = 60
"""The number of random tasks that the head's mean confidence is taken for where there are none."""
RATIO_PRIOR, LEAST_RATIO = 10, 0.25
"""How fast the measured gain of the control variate is believed, and the most of it that is."""


class Basis(StrEnum):
    """What an accuracy is estimated from."""

    AUDITS = "audits"
    CONFIDENCE = "confidence"


@dataclass(frozen=True)
class Accuracy:
    """The share of open texts that the present head classifies correctly; multi-label: exactly the right classes.

    value, low, high: in 0..1; basis: what it is estimated from; audits: number of labels of tasks drawn at random.
    With Basis.AUDITS the interval covers the truth in 95 % of projects, at all looks together; with Basis.CONFIDENCE it
    is the head's own opinion, without a guarantee.
    """

    value: float
    low: float
    high: float
    basis: Basis
    audits: int


@dataclass(frozen=True)
class Scored:
    """Labels and what heads that were not fitted to them predicted.

    right: (n,) bool; confidence: (n,) float64, the probability that these heads gave to being right.
    """

    right: NDArray[np.bool_]
    confidence: NDArray[np.float64]

    @property
    def surprise(self) -> NDArray[np.float64]:
        """right − confidence, (n,)."""
        return self.right - self.confidence


def labels_until_believed(n_classes: int) -> int:
    """The number of labels from which on the confidence of a head counts as evidence."""
    return max(LEAST_LABELS, LEAST_LABELS_PER_CLASS * n_classes)


def estimate_accuracy(
    open_confidence: NDArray[np.float64],
    n_open: int,
    labels: Scored,
    given_at: NDArray[np.float64],
    audits: Scored,
    drawn_at: NDArray[np.float64],
    n_classes: int,
    temperature: float,
    guessing: float,
) -> Accuracy | None:
    """The accuracy of a head on the open texts, None while nothing can be said.

    open_confidence: (M,), of the head on open texts or a random sample of them; n_open: number of open texts;
    labels: all n labels; given_at: (n,), when each was given; audits: the m labels of tasks drawn at random, by heads
    fitted to all but a fifth of these; drawn_at: (m,), when each of these tasks was drawn, on the clock of given_at;
    temperature: by which the head's logits were divided; guessing: the accuracy of a uniform guess.

    The surprise of the audits corrects the mean confidence (prediction-powered inference, Angelopoulos et al. 2023,
    arXiv 2301.09633). An audit was drawn from the texts that were open then; what is known of those that were labelled
    since is taken away, which leaves the texts that are open now. The result is shrunk to the mean confidence.
    """
    n, m, mean_confidence = len(labels.right), len(audits.right), float(open_confidence.mean())
    is_believed = n >= labels_until_believed(n_classes)
    # The accuracy of guessing varies a little with the open texts.
    most_low = wilson(guessing, n_open, ONE_LOOK)[0] if temperature > TOO_SURE else 1.0
    if not m and is_believed:
        low, high = wilson(mean_confidence, CONFIDENCE_ONLY, ONE_LOOK)
        return Accuracy(mean_confidence, min(low, most_low), high, Basis.CONFIDENCE, 0)
    if not is_believed and m < LEAST_AUDITS:
        return None
    corrections = _corrections(n_open, labels, given_at, audits, drawn_at)
    debiased = mean_confidence + float(corrections.mean())
    size = _effective_audits(debiased, corrections)
    value, weight = debiased, size
    if is_believed:
        believed = CONFIDENCE_AUDITS * min(1.0, (TOO_SURE / temperature) ** 2)
        weight = size + believed
        value = (believed * mean_confidence + size * debiased) / weight
    value = float(np.clip(value, 0.0, 1.0))
    low, high = wilson(value, weight, repeated_looks(m))
    return Accuracy(value, min(low, most_low), high, Basis.AUDITS, m)


def _corrections(
    n_open: int,
    labels: Scored,
    given_at: NDArray[np.float64],
    audits: Scored,
    drawn_at: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What each audit says the mean confidence is off by, (m,)."""
    # Sums over sorted labels, since a table of all labels for each audit takes gigabytes where every label is an audit.
    order = np.argsort(given_at, kind="stable")
    surprise_from = np.append(np.cumsum(labels.surprise[order][::-1])[::-1], 0.0)
    first_since = np.searchsorted(given_at[order], drawn_at, side="right")
    n_then = n_open + len(given_at) - first_since
    return np.asarray((n_then * audits.surprise - surprise_from[first_since]) / n_open)


def _effective_audits(value: float, corrections: NDArray[np.float64]) -> float:
    """As how many audits they count that are drawn from the texts open now and used without the confidence."""
    m, p = len(corrections), float(np.clip(value, 0.02, 0.98))
    ratio = 1.0 if m < 2 else (m * float(np.var(corrections)) / (p * (1 - p)) + RATIO_PRIOR) / (m + RATIO_PRIOR)
    return m / max(ratio, LEAST_RATIO)
