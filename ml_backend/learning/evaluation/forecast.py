"""How much more labelling would bring."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

GAIN_PER_CHANGE = 0.2
"""What a changed prediction brings in accuracy, on average: some get right, some wrong, many stay wrong."""
FACTOR = 3.0
"""The true number of labels is within this factor of a forecast in about two of three cases."""
MOST_LABELS = 100
"""No forecast goes beyond so many times the present number of labels."""


@dataclass(frozen=True)
class Forecast:
    """Number of further labels for a gain in accuracy: labels is the middle; low, high: within the factor of error."""

    labels: int
    low: int
    high: int


def labels_to_gain(gain: float, n: int, changed: float, step: int) -> Forecast | None:
    """Further labels until the accuracy has risen by `gain`, in 0..1.

    n: number of labels; changed: share of the predictions that the last `step` of them changed. The accuracy is taken
    to rise with the logarithm of the number of labels, as steeply as over the last `step` labels, and the changed
    predictions say how steeply that was. Laws for the error, fitted to a project's own past or fixed, are further off.
    Returns None where nothing changed, and for a gain that is further away than MOST_LABELS times n.
    """
    if changed <= 0 or n <= step:
        return None
    doublings = gain / (GAIN_PER_CHANGE * changed) * log2(n / (n - step))
    if doublings > log2(MOST_LABELS):
        return None
    more = n * (2**doublings - 1)
    return Forecast(ceil(more), ceil(more / FACTOR), ceil(more * FACTOR))
