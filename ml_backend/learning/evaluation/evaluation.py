"""Everything that can be said of a head from its own labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.evaluation.accuracy import Accuracy, Scored, estimate_accuracy
from ml_backend.learning.evaluation.classes import ClassQuality, Confusion, class_qualities, confusions
from ml_backend.learning.evaluation.forecast import Forecast, labels_to_gain
from ml_backend.learning.evaluation.look_again import DoubtfulLabel, doubtful_labels
from ml_backend.learning.evaluation.nearest import Neighbour, nearest_labels
from ml_backend.learning.evaluation.reliability import ReliabilityBin, reliability
from ml_backend.learning.evaluation.stopping import LEAST_LABELS, MOST_CHANGED, ROWS_COMPARED, STEP, StopAdvice
from ml_backend.learning.head import Head
from ml_backend.learning.head.held_out import HeldOut, logits_of

OPEN_ROWS = 20_000
"""Open texts on which a head is evaluated: a random sample of more changes the mean confidence by .002 at most."""
ONE_POINT = 0.01
TEMPERATURE_PRIOR = 1.0
"""Standard deviation of the prior on the logarithm of the temperature: wide, since a head that learned nothing has to
be told."""
MOST_WITH_NEIGHBOURS = 200
"""Labels to look at again that have neighbours: each is compared with all labels."""
LEARNED_LITTLE = 2.5
"""The temperature above which there is no forecast, since labels may bring nothing."""


class Superseded(Exception):
    """An evaluation was given up, since a newer head waits for its own."""


@dataclass(frozen=True)
class Predicted:
    """Predictions for n texts: y (n,) classes, or (n, n_classes) of 0 and 1; confidence (n,): their probabilities."""

    y: NDArray[np.int64]
    confidence: NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """What can be said of a head. Labels and classes are numbers; see each part.

    labels: number of labels; open: number of open texts; temperature: by which the head's logits should be divided;
    accuracy: None while nothing can be said; forecast: further labels for one more point; seconds: of the evaluation;
    neighbours: the nearest labels of each of the first MOST_WITH_NEIGHBOURS of `look_again`; held_out: what heads that
    were not fitted to them predict for all labels, None where none could be made.
    """

    labels: int
    open: int
    temperature: float
    accuracy: Accuracy | None
    classes: list[ClassQuality]
    confusions: list[Confusion]
    reliability: list[ReliabilityBin]
    forecast: Forecast | None
    stop: StopAdvice
    look_again: list[DoubtfulLabel] = field(default_factory=list)
    seconds: float = 0.0
    neighbours: list[list[Neighbour]] = field(default_factory=list)
    held_out: Predicted | None = None


def evaluate(
    head: Head,
    held_out: HeldOut,
    given_at: NDArray[np.float64],
    drawn_at: NDArray[np.float64],
    X_open: NDArray[np.float32],
    n_open: int,
    is_superseded: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Evaluate a head from the labels that it was fitted to.

    held_out: these n labels; given_at: (n,), when each was given, in any unit; drawn_at: (n,), when the task was drawn
    at random, on the same clock, and NaN for tasks that a strategy chose. A task counts as drawn at random only if it
    was labelled because of that.
    X_open: (M, D) float32, the open texts or a random sample of them; n_open: how many there are.
    is_superseded: asked before each fold is fitted, and between the parts. Raises Superseded when it returns True.
    """
    started = time.perf_counter()

    def go_on() -> None:
        if is_superseded():
            raise Superseded

    y, n = held_out.y, len(held_out.y)
    for number in range(held_out.n_folds):
        go_on()
        held_out.head_without(number)
    temperature, logits = held_out.temperature(prior=TEMPERATURE_PRIOR), held_out.logits()
    open_p = probabilities(logits_of(head, X_open), temperature, head.multi_label)
    go_on()
    audit_rows = np.flatnonzero(~np.isnan(drawn_at))
    audit_logits = held_out.logits_of(audit_rows)
    audit_p: NDArray[np.float64] = np.empty((0, head.n_classes))
    audit_y = y[:0]
    if audit_logits is not None:
        audit_p, audit_y = probabilities(audit_logits, temperature, head.multi_label), y[audit_rows]
    accuracy = None
    labels = Scored(np.empty(0, dtype=bool), np.empty(0))
    confused, doubtful, predicted_labels = [], [], None
    if logits is not None:
        p = probabilities(logits, temperature, head.multi_label)
        labels = scored(p, y)
        doubtful = doubtful_labels(p, y)
        predicted_labels = predicted(p, head.multi_label)
        if len(open_p):
            accuracy = estimate_accuracy(
                confidence(open_p, head.multi_label),
                n_open,
                labels,
                given_at,
                scored(audit_p, audit_y),
                drawn_at[audit_rows][: len(audit_p)],
                head.n_classes,
                temperature,
                0.5**head.n_classes if head.multi_label else 1 / head.n_classes,
            )
            confused = [] if head.multi_label else confusions(open_p, p, y)
    go_on()
    stop = stop_advice(head, held_out, given_at, X_open)
    return Evaluation(
        labels=n,
        open=n_open,
        temperature=temperature,
        accuracy=accuracy,
        classes=class_qualities(open_p, y, audit_p, audit_y),
        confusions=confused,
        reliability=reliability(labels.confidence, labels.right),
        forecast=_forecast(accuracy, temperature, n, stop),
        stop=stop,
        look_again=doubtful,
        neighbours=_neighbours(held_out.X, doubtful[:MOST_WITH_NEIGHBOURS]),
        held_out=predicted_labels,
        seconds=time.perf_counter() - started,
    )


def _neighbours(X: NDArray[np.float32], labels: list[DoubtfulLabel]) -> list[list[Neighbour]]:
    return nearest_labels(X, np.array([label.row for label in labels], dtype=np.int64))


def _forecast(accuracy: Accuracy | None, temperature: float, n: int, stop: StopAdvice) -> Forecast | None:
    if accuracy is None or stop.changed is None or temperature > LEARNED_LITTLE or accuracy.value > 1 - ONE_POINT:
        return None
    return labels_to_gain(ONE_POINT, n, stop.changed, stop.labels)


def stop_advice(
    head: Head, held_out: HeldOut, given_at: NDArray[np.float64], X_open: NDArray[np.float32]
) -> StopAdvice:
    """Advice to stop, by the share of open texts X_open (M, D) whose predicted class the last STEP labels changed.

    The share bounds how much they changed the accuracy, whatever the settings are. See `evaluate` for the arguments.
    """
    n = len(held_out.y)
    if n < LEAST_LABELS or not len(X_open):
        return StopAdvice(False, None)
    last = np.zeros(n, dtype=bool)
    last[np.argsort(given_at, kind="stable")[-STEP:]] = True
    before = held_out.fit_without(last)
    if before is None:
        return StopAdvice(False, None)
    compared = X_open[:ROWS_COMPARED]
    differs = _predicted(head, compared) != _predicted(before, compared)
    changed = float((differs.any(axis=1) if head.multi_label else differs).mean())
    return StopAdvice(changed <= MOST_CHANGED, changed)


def probabilities(logits: NDArray[np.float32], temperature: float, multi_label: bool) -> NDArray[np.float64]:
    """Probabilities (m, n_classes) of logits that are divided by a temperature; rows sum to 1 unless multi-label."""
    scaled = logits.astype(np.float64) / temperature
    if multi_label:
        return np.asarray(0.5 * (1 + np.tanh(0.5 * scaled)))
    scaled -= scaled.max(axis=1, keepdims=True)
    np.exp(scaled, out=scaled)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def confidence(p: NDArray[np.float64], multi_label: bool) -> NDArray[np.float64]:
    """The probability of the prediction, (m,); multi-label: of all its columns together, as if independent."""
    return np.asarray(np.maximum(p, 1 - p).prod(axis=1) if multi_label else p.max(axis=1, initial=0.0))


def predicted(p: NDArray[np.float64], multi_label: bool) -> Predicted:
    """The predictions with the probabilities p (m, n_classes)."""
    y = (p >= 0.5).astype(np.int64) if multi_label else p.argmax(axis=1)
    return Predicted(y, confidence(p, multi_label))


def scored(p: NDArray[np.float64], y: NDArray[np.integer[Any]]) -> Scored:
    """Whether predictions with the probabilities p (m, n_classes) are the labels y, and how sure they were."""
    right = ((p >= 0.5) == (y == 1)).all(axis=1) if y.ndim == 2 else p.argmax(axis=1) == y
    return Scored(np.asarray(right), confidence(p, y.ndim == 2))


def _predicted(head: Head, X: NDArray[np.float32]) -> NDArray[np.integer[Any]]:
    logits = logits_of(head, X)
    return np.asarray((logits >= 0).astype(np.int64) if head.multi_label else logits.argmax(axis=1))
