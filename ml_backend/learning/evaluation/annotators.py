"""How much annotators who labelled the same texts agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_TASKS = 5
"""Texts that several people labelled, from which on their agreement is shown, of all and of a pair."""
MOST_PAIRS = 20


@dataclass(frozen=True)
class PairAgreement:
    """Cohen's kappa of two annotators: 1 if they always agree, 0 if no more than by chance.

    first, second: ids; tasks: number of texts that both labelled; kappa: None where both give all texts one class.
    """

    first: int
    second: int
    tasks: int
    kappa: float | None


@dataclass(frozen=True)
class AnnotatorAgreement:
    """Agreement of all annotators.

    alpha: Krippendorff's, 1 if all always agree, 0 if no more than by chance; None where all texts have one class, and
    with fewer than LEAST_TASKS texts;
    tasks: number of texts with labels of two or more people; pairs: those with the most texts in common first.
    """

    alpha: float | None
    tasks: int
    pairs: list[PairAgreement]


@dataclass(frozen=True)
class AnnotatorShare:
    """How often one annotator chose what somebody else did. tasks: number of texts; same: the mean share, in 0..1."""

    annotator: int
    tasks: int
    same: float


def agreement_with_others(
    tasks: NDArray[np.int64], annotators: NDArray[np.int64], y: NDArray[np.integer[Any]]
) -> list[AnnotatorShare]:
    """For each annotator, over the texts that others labelled too: the mean share of the others who chose the same.

    See `annotator_agreement` for the arguments. With several classes for a text, exactly the same classes count as the
    same. Ordered by the annotators' ids; those without a text in common with others are left out.
    """
    task = np.unique(tasks, return_inverse=True)[1]
    choice = np.unique(y, axis=0, return_inverse=True)[1].reshape(-1)
    chosen = np.unique(np.column_stack([task, choice]), axis=0, return_inverse=True)[1].reshape(-1)
    others = np.bincount(task)[task] - 1 if len(task) else task
    same = np.bincount(chosen)[chosen] - 1 if len(task) else task
    shared = others > 0
    return _shares(annotators[shared], same[shared] / others[shared])


def agreement_with_predictions(
    annotators: NDArray[np.int64], y: NDArray[np.integer[Any]], predicted: NDArray[np.integer[Any]]
) -> list[AnnotatorShare]:
    """For each annotator, the share of their labels y that are what was predicted, both (n,) or (n, n_classes)."""
    is_same = y == predicted
    return _shares(annotators, is_same.all(axis=1) if y.ndim == 2 else is_same)


def _shares(annotators: NDArray[np.int64], same: NDArray[Any]) -> list[AnnotatorShare]:
    """The mean of `same` (n,) for each of the annotators (n,)."""
    who, rows = np.unique(annotators, return_inverse=True)
    counts, sums = np.bincount(rows, minlength=len(who)), np.bincount(rows, same, minlength=len(who))
    return [AnnotatorShare(a, n, s / n) for a, n, s in zip(who.tolist(), counts.tolist(), sums.tolist(), strict=True)]


def annotator_agreement(
    tasks: NDArray[np.int64], annotators: NDArray[np.int64], y: NDArray[np.integer[Any]], n_classes: int
) -> AnnotatorAgreement | None:
    """Agreement on the texts that two or more people labelled; None without such a text.

    tasks, annotators: (n,), ids of text and annotator of each label, no two with the same of both; y: (n,) classes, or
    (n, n_classes) of 0 and 1, where all figures are means over the classes that some labels have and others lack.
    Krippendorff: Content Analysis, chapter 12, nominal. Cohen: A Coefficient of Agreement for Nominal Scales, 1960.
    """
    _, numbers, times = np.unique(tasks, return_inverse=True, return_counts=True)
    shared = times[numbers] > 1
    if not shared.any():
        return None
    tasks, annotators, y = tasks[shared], annotators[shared], y[shared]
    n_shared = int((times > 1).sum())
    alpha = _alpha(tasks, y, n_classes) if n_shared >= LEAST_TASKS else None
    return AnnotatorAgreement(alpha, n_shared, _pairs(tasks, annotators, y))


def _alpha(tasks: NDArray[np.int64], y: NDArray[np.integer[Any]], n_classes: int) -> float | None:
    """Multi-label: the mean over the classes. Single-label: their mean weighted by the disagreement by chance.

    That is the alpha of all classes, as each nominal disagreement is one about two classes. The library's own takes
    memory for tasks × classes².
    """
    # Imported here, as the server has no use for it.
    import krippendorff

    numbers, n = np.unique(tasks, return_inverse=True)[1], len(y)
    labels_of_task = np.bincount(numbers)
    alphas, by_chance = [], []
    for column in y.T if y.ndim == 2 else (y == k for k in range(n_classes)):
        of_class = int(column.sum())
        if 0 < of_class < n:
            given = np.bincount(numbers[column > 0], minlength=len(labels_of_task))
            counts = np.column_stack([labels_of_task - given, given])
            alphas.append(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))
            by_chance.append(1 if y.ndim == 2 else of_class * (n - of_class))
    return float(np.average(alphas, weights=by_chance)) if alphas else None


def _pairs(tasks: NDArray[np.int64], annotators: NDArray[np.int64], y: NDArray[np.integer[Any]]) -> list[PairAgreement]:
    order = np.argsort(tasks, kind="stable")
    rows_of = {who: order[annotators[order] == who] for who in np.unique(annotators).tolist()}
    common = []
    for first, second in combinations(rows_of, 2):
        one, other = rows_of[first], rows_of[second]
        _, at_one, at_other = np.intersect1d(tasks[one], tasks[other], assume_unique=True, return_indices=True)
        if len(at_one) >= LEAST_TASKS:
            common.append((first, second, one[at_one], other[at_other]))
    common.sort(key=lambda pair: -len(pair[2]))
    return [PairAgreement(a, b, len(one), _kappa(y[one], y[other])) for a, b, one, other in common[:MOST_PAIRS]]


def _kappa(one: NDArray[np.integer[Any]], other: NDArray[np.integer[Any]]) -> float | None:
    # Imported here, as the import of scikit-learn takes a second.
    from sklearn.metrics import cohen_kappa_score

    pairs = zip(_columns(one), _columns(other), strict=True)
    kappas = [cohen_kappa_score(a, b) for a, b in pairs if len(np.unique([a, b])) > 1]
    return float(np.mean(kappas)) if kappas else None


def _columns(y: NDArray[np.integer[Any]]) -> Iterator[NDArray[np.integer[Any]]]:
    yield from y.T if y.ndim == 2 else [y]
