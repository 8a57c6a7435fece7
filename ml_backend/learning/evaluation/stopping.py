"""When to stop labelling: when the last labels hardly changed what the head predicts."""

from __future__ import annotations

from dataclasses import dataclass

STEP = 100
"""The number of last labels whose effect is measured."""
LEAST_LABELS = 120
MOST_CHANGED = 0.02
ROWS_COMPARED = 2000
"""Number of open texts on which the two heads are compared."""


@dataclass(frozen=True)
class StopAdvice:
    """Advice to stop labelling.

    stop: whether the last labels hardly changed the head; changed: share of the open texts whose predicted class they
    changed, None with fewer than LEAST_LABELS labels; labels: number of these last labels.
    """

    stop: bool
    changed: float | None
    labels: int = STEP
