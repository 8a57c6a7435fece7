"""How much more labelling would bring."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log

SHRINK = 0.82
"""What a doubling of the labels leaves of the error; see `error_after`."""
FACTOR = 2.0
"""The true number of labels is within this factor of a forecast in most cases."""
MOST_LABELS = 10_000_000


@dataclass(frozen=True)
class Forecast:
    """Number of further labels for one more point of accuracy, None where it is hardly reachable.

    labels: the middle; low, high: within the factor of error.
    """

    labels: int
    low: int
    high: int


def error_after(error: float, n: float, labels: float) -> float:
    """The error of a head with `labels` labels when n labels gave `error`: each doubling leaves SHRINK of it.

    Laws fitted to a project's own past were measured and rejected: they are further off than this fixed one.
    """
    return float(error * SHRINK ** (log(labels / n) / log(2)))


def labels_until(accuracy: float, target: float, n: int) -> Forecast | None:
    """Further labels until the accuracy reaches a target, both in 0..1, when n labels gave `accuracy`.

    Returns None without labels, for a target that is reached, and for one that would take over MOST_LABELS.
    """
    error, wanted = 1 - accuracy, 1 - target
    if n < 1 or wanted >= error or wanted <= 0:
        return None
    doublings = log(wanted / error) / log(SHRINK)
    more = n * (2**doublings - 1) if doublings < 40 else inf
    if more > MOST_LABELS:
        return None
    return Forecast(ceil(more), ceil(more / FACTOR), ceil(more * FACTOR))
