"""Labels to look at again: those that a head fitted without them finds unlikely."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_OF_CLASS = 3
WORST_SHARE, MOST_SHARE, UNLIKELY = 0.02, 0.05, 0.1


@dataclass(frozen=True)
class DoubtfulLabel:
    """A label that may be wrong.

    row: number of the label; given: its class; likelier: the class that the head finds likeliest; probability,
    likelier_probability: of the two classes, from a head that was not fitted to this label. Multi-label: given and
    likelier are the class in question, `present` says whether the label has it, and the two probabilities are that it
    is right in this and that it is wrong.
    """

    row: int
    given: int
    likelier: int
    probability: float
    present: bool = True
    likelier_probability: float = 0.0


def doubtful_labels(p: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]) -> list[DoubtfulLabel]:
    """The labels to look at again, the most doubtful first.

    p: (n, n_classes), held-out probabilities; y: (n,) classes, or (n, n_classes) of 0 and 1.
    A label is doubtful where another class is likelier than the given one, if that has at least LEAST_OF_CLASS labels;
    listed are the worst WORST_SHARE of all labels, and those below UNLIKELY up to MOST_SHARE. By self-confidence, as in
    Northcutt, Jiang, Chuang: Confident Learning, JAIR 2021, section 3; the joint counts of the paper list too many
    chosen labels.
    """
    if y.ndim == 2:
        return _doubtful_sets(p, y)
    rows = np.arange(len(y))
    counts = np.bincount(y, minlength=p.shape[1])
    likeliest, own = p.argmax(axis=1), p[rows, y]
    doubtful = np.flatnonzero((likeliest != y) & (counts[y] >= LEAST_OF_CLASS))
    listed = _listed(doubtful, own, len(y))
    return [
        DoubtfulLabel(
            int(i),
            int(y[i]),
            int(likeliest[i]),
            float(own[i]),
            likelier_probability=float(p[i, likeliest[i]]),
        )
        for i in listed
    ]


def _doubtful_sets(p: NDArray[np.floating[Any]], y: NDArray[np.integer[Any]]) -> list[DoubtfulLabel]:
    own = np.where(y == 1, p, 1 - p)
    enough = (y.sum(axis=0) >= LEAST_OF_CLASS) & ((1 - y).sum(axis=0) >= LEAST_OF_CLASS)
    own = np.where(enough, own, 1.0)
    worst, least = own.argmin(axis=1), own.min(axis=1)
    listed = _listed(np.flatnonzero(least < 0.5), least, len(y))
    return [
        DoubtfulLabel(
            int(i), int(worst[i]), int(worst[i]), float(least[i]), bool(y[i, worst[i]] == 1), 1 - float(least[i])
        )
        for i in listed
    ]


def _listed(doubtful: NDArray[np.int64], own: NDArray[np.floating[Any]], n: int) -> NDArray[np.int64]:
    worst_first = doubtful[np.argsort(own[doubtful], kind="stable")]
    place = np.arange(len(worst_first))
    return worst_first[
        (place < ceil(WORST_SHARE * n)) | ((own[worst_first] < UNLIKELY) & (place < ceil(MOST_SHARE * n)))
    ]
