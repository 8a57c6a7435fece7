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
CONFIDENCE_AUDITS = 6
CONFIDENCE_REACH = 0.13
"""Nine of ten figures that the head's confidence alone gives are within so much of the truth, with 20 labels."""


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
    `given`, by its own probabilities.
    """

    given: int
    predicted: int
    labels: int
    of: int
    share: float


def class_qualities(
    open_p: NDArray[np.floating[Any]],
    y: NDArray[np.integer[Any]],
    audit_p: NDArray[np.floating[Any]],
    audit_y: NDArray[np.integer[Any]],
) -> list[ClassQuality]:
    """Precision, recall and F1 of all classes.

    open_p: (M, n_classes), the head's probabilities of open texts; y: all labels; audit_p: (m, n_classes), of the m
    tasks drawn at random by heads not fitted to them; audit_y: their labels. Precision and recall from held-out
    predictions of chosen labels are 9 to 23 points too low, and so not used.
    """
    open_predicted, audit_predicted = _predicted(open_p, y.ndim == 2), _predicted(audit_p, y.ndim == 2)
    n_classes = open_p.shape[1]
    is_given, audit_given = _is_of_class(y, n_classes), _is_of_class(audit_y, n_classes)
    return [
        _class_quality(
            k, open_p[:, k], open_predicted[:, k], int(is_given[:, k].sum()), audit_predicted[:, k], audit_given[:, k]
        )
        for k in range(n_classes)
    ]


def _class_quality(
    number: int,
    p: NDArray[np.floating[Any]],
    predicted: NDArray[np.bool_],
    labels: int,
    audit_predicted: NDArray[np.bool_],
    audit_given: NDArray[np.bool_],
) -> ClassQuality:
    hits, total = float(p[predicted].sum()), float(p.sum())
    precision = _share(hits / predicted.sum() if predicted.any() else None, labels, audit_given[audit_predicted])
    recall = _share(hits / total if total > 0 else None, labels, audit_predicted[audit_given])
    f1 = None
    if precision is not None and recall is not None:
        both = precision.value + recall.value
        f1 = 2 * precision.value * recall.value / both if both else 0.0
    return ClassQuality(number, labels, float(p.mean()) if len(p) else 0.0, precision, recall, f1)


def _share(by_confidence: float | None, labels: int, audits_right: NDArray[np.bool_]) -> Share | None:
    audits, right = len(audits_right), int(audits_right.sum())
    if labels < LEAST_LABELS or by_confidence is None:
        return (
            Share(right / audits, *wilson(right / audits, audits, ONE_LOOK), audits) if audits >= LEAST_AUDITS else None
        )
    if audits < LEAST_AUDITS:
        low, high = max(0.0, by_confidence - CONFIDENCE_REACH), min(1.0, by_confidence + CONFIDENCE_REACH)
        return Share(by_confidence, low, high, audits)
    weight = CONFIDENCE_AUDITS + audits
    value = (CONFIDENCE_AUDITS * by_confidence + right) / weight
    return Share(value, *wilson(value, weight, ONE_LOOK), audits)


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
    np.add.at(counts, (y, held_out_p.argmax(axis=1)), 1)
    np.fill_diagonal(counts, 0)
    expected = np.zeros((n_classes, n_classes))
    predicted = open_p.argmax(axis=1)
    for k in np.unique(predicted):
        expected[:, k] = open_p[predicted == k].sum(axis=0) / len(open_p)
    shown = np.argwhere(counts > 0)
    order = np.argsort(-expected[shown[:, 0], shown[:, 1]], kind="stable")[:most]
    of = np.bincount(y, minlength=n_classes)
    return [Confusion(int(a), int(b), int(counts[a, b]), int(of[a]), float(expected[a, b])) for a, b in shown[order]]


def _predicted(p: NDArray[np.floating[Any]], multi_label: bool) -> NDArray[np.bool_]:
    if multi_label:
        return np.asarray(p >= 0.5)
    return _is_of_class(p.argmax(axis=1) if len(p) else np.empty(0, dtype=np.int64), p.shape[1])


def _is_of_class(y: NDArray[np.integer[Any]], n_classes: int) -> NDArray[np.bool_]:
    return np.asarray(y == 1) if y.ndim == 2 else y[:, None] == np.arange(n_classes)
