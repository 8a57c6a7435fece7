"""How far the head's probabilities can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 5


@dataclass(frozen=True)
class ReliabilityBin:
    """Labels that heads not fitted to them predicted with a similar confidence.

    labels: number of labels; confidence: mean confidence; right: share of right predictions, both in 0..1.
    """

    labels: int
    confidence: float
    right: float


def reliability(confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_]) -> list[ReliabilityBin]:
    """Confidence and correctness in BINS bins with equal numbers of labels, the least confident first.

    confidence: (n,); right: (n,) bool. Of chosen labels, which are harder than the open texts. Guo, Pleiss, Sun,
    Weinberger: On Calibration of Modern Neural Networks, ICML 2017, section 2.
    """
    order = np.argsort(confidence, kind="stable")
    return [
        ReliabilityBin(len(rows), float(confidence[rows].mean()), float(right[rows].mean()))
        for rows in np.array_split(order, BINS)
        if len(rows)
    ]
