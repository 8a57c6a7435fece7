"""What the labels of a run hold so far: how many classes, and how many words somebody read for them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.data.embedded_dataset import EmbeddedDataset

OFTEN = 5
"""Number of labels from which on a class counts as seen often."""


def labels_seen(data: EmbeddedDataset, labels: NDArray[np.int64]) -> dict[str, float]:
    """The columns classes_seen, classes_seen_5 and words of a cycle, by name.

    labels: (N,) int64, -1 for rows without a label. classes_seen, classes_seen_5: numbers of classes with at least one
    and at least five labels; words: number of words in all texts that have a label, NaN if the data does not know it.
    """
    has_label = labels >= 0
    counts = np.bincount(labels[has_label], minlength=data.n_classes)
    return {
        "classes_seen": float((counts >= 1).sum()),
        "classes_seen_5": float((counts >= OFTEN).sum()),
        "words": float("nan") if data.words is None else float(data.words[has_label].sum()),
    }


def rarest_class(data: EmbeddedDataset) -> int | None:
    """The class with the fewest rows that may be queried, of those that the test split has too; the first of equals.

    None if the pool and the test split have no class in common.
    """
    counts = np.bincount(data.y[data.offered], minlength=data.n_classes)
    tested = np.bincount(data.y_test, minlength=data.n_classes)
    in_both = np.flatnonzero((counts > 0) & (tested > 0))
    return int(in_both[counts[in_both].argmin()]) if len(in_both) else None
