"""Precision, recall and F1 of each class, and which classes are confused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.evaluation.intervals import ONE_LOOK, wilson

LEAST_LABELS = 20
"""Labels of a class from which on the head's confidence says something about it."""
LEAST_AUDITS = 5
CONFIDENCE_AUDITS = 15
CONFIDENCE_REACH = 0.13
"""Nine of ten figures that the head's confidence alone gives are within so much of the truth, with 20 labels."""
MOST_EXAMPLES = 3
"""Examples of each pair of confused classes."""


@dataclass(frozen=True)
class Share:
    """A share with its bounds, all in 0..1; audits: number of labels of random tasks that support it."""

    value: float
    low: float
    high: float
    audits: int


@dataclass(frozen=True)
class ClassQuality:
    """How well a class is recognised on the open texts.

    number: of the class; labels: number of labels of it; share: of the open texts that are of the class, by the head;
    precision, recall: None where too few labels support them; f1: None where one of them is.
    """

    number: int
    labels: int
    share: float
    precision: Share | None
    recall: Share | None
    f1: float | None


@dataclass(frozen=True)
class Confusion:
    """Two classes that are taken for each other.

    given, predicted: class numbers; labels: number of labels `given` that heads not fitted to them predicted as
    `predicted`; of: number of labels `given`; share: of the open texts that the head predicts as `predicted` and are
    `given`, by its own probabilities; examples: rows of up to MOST_EXAMPLES of these labels, those first of which the
    heads were surest.
    """

    given: int
    predicted: int
    labels: int
    of: int
    share: float
    examples: tuple[int, ...] = ()


def class_qualities(
    open_p: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    audit_p: NDArray[np.floating[Any]],
    audit_y: NDArray[np.integer[Any]],
) -> list[ClassQuality]:
    """Precision, recall and F1 of all classes.

    open_p: (M, n_classes), the head's probabilities of open texts; y: all labels; audit_p: (m, n_classes), of the m
    tasks drawn at random by heads not fitted to them; audit_y: their labels.

    Both are what the head's own probabilities say of the open texts, corrected by how far they are off on the audits.
    (The audits alone say how it was on the texts that were open when they were drawn, which were harder. Held-out
    predictions of chosen labels give figures that are 9 to 23 points too low.)
    """
    multi_label = y.ndim == 2
    open_predicted, audit_predicted = _predicted(open_p, multi_label), _predicted(audit_p, multi_label)
    n_classes = open_p.shape[1]
    labels = _is_of_class(y, n_classes).sum(axis=0).tolist()
    given = _is_of_class(audit_y, n_classes)
    qualities = []
    for k in range(n_classes):
        p, is_k, audit, audit_is_k = open_p[:, k], open_predicted[:, k], audit_p[:, k], audit_predicted[:, k]
        precision = _share(
            _ratio(p, is_k),
            labels[k],
            _ratio(given[:, k], audit_is_k),
            _ratio(audit, audit_is_k),
            int(audit_is_k.sum()),
        )
        recall = _share(
            _ratio(is_k, p),
            labels[k],
            _ratio(audit_is_k, given[:, k]),
            _ratio(audit_is_k, audit),
            int(given[:, k].sum()),
        )
        qualities.append(
            ClassQuality(k, labels[k], float(p.mean()) if len(p) else 0.0, precision, recall, _f1(precision, recall))
        )
    return qualities


def _ratio(values: NDArray[Any], weights: NDArray[Any]) -> float | None:
    """The mean of values (m,) with weights (m,), both of probabilities or of bool; None where the weights are 0."""
    total = float(weights.sum())
    return float(np.dot(values.astype(np.float64), weights.astype(np.float64))) / total if total > 0 else None


def _share(
    by_confidence: float | None, labels: int, right: float | None, expected: float | None, audits: int
) -> Share | None:
    """by_confidence: of the open texts; right, expected: of the audits, the second by the head's probabilities."""
    if by_confidence is None:
        return None
    if audits < LEAST_AUDITS or right is None or expected is None:
        if labels < LEAST_LABELS:
            return None
        low, high = max(0.0, by_confidence - CONFIDENCE_REACH), min(1.0, by_confidence + CONFIDENCE_REACH)
        return Share(by_confidence, low, high, audits)
    believed = CONFIDENCE_AUDITS if labels >= LEAST_LABELS else 0
    weight = believed + audits
    value = min(1.0, max(0.0, by_confidence + audits * (right - expected) / weight))
    return Share(value, *wilson(value, weight, ONE_LOOK), audits)


def _f1(precision: Share | None, recall: Share | None) -> float | None:
    if precision is None or recall is None:
        return None
    both = precision.value + recall.value
    return 2 * precision.value * recall.value / both if both else 0.0


def confusions(
    open_p: NDArray[np.floating[Any]],
    held_out_p: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    most: int = 20,
) -> list[Confusion]:
    """The pairs of classes that are confused most often on the open texts, by the head's probabilities; at most `most`.

    Single-label only: open_p (M, n_classes); held_out_p (n, n_classes), of the labels y (n,). A pair is listed if at
    least one label shows it.
    """
    n_classes = open_p.shape[1]
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    held_out_predicted = held_out_p.argmax(axis=1)
    np.add.at(counts, (y, held_out_predicted), 1)
    np.fill_diagonal(counts, 0)
    expected = np.zeros((n_classes, n_classes))
    predicted = open_p.argmax(axis=1)
    for k in np.unique(predicted):
        expected[:, k] = open_p[predicted == k].sum(axis=0) / len(open_p)
    shown = np.argwhere(counts > 0)
    order = np.argsort(-expected[shown[:, 0], shown[:, 1]], kind="stable")[:most]
    of = np.bincount(y, minlength=n_classes)
    found = []
    for a, b in shown[order].tolist():
        rows = np.flatnonzero((y == a) & (held_out_predicted == b))
        examples = rows[np.argsort(-held_out_p[rows, b], kind="stable")[:MOST_EXAMPLES]]
        found.append(Confusion(a, b, int(counts[a, b]), int(of[a]), float(expected[a, b]), tuple(examples.tolist())))
    return found


def _predicted(p: NDArray[np.floating[Any]], multi_label: bool) -> NDArray[np.bool_]:
    if multi_label:
        return np.asarray(p >= 0.5)
    return _is_of_class(p.argmax(axis=1) if len(p) else np.empty(0, dtype=np.int64), p.shape[1])


def _is_of_class(y: NDArray[np.integer[Any]], n_classes: int) -> NDArray[np.bool_]:
    return np.asarray(y == 1) if y.ndim == 2 else y[:, None] == np.arange(n_classes)
