"""Quality of an embedding for a dataset, independent of the strategy: full-data probe, cluster tightness, class margin.

These are the three measures to which the paper relates strategies (Rauch et al. 2025, arXiv 2506.01992). The formulas
are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ml_backend.learning.cycle import Cycle
from simulator.data.embedded_dataset import EmbeddedDataset
from simulator.experiment.metrics import evaluate


@dataclass(frozen=True)
class Quality:
    """Quality of an embedding on one dataset.

    probe_accuracy: accuracy (0..1) on the test split of a head fitted on all labels of the pool, which no strategy
    exceeds by much; tightness: share (0..1) of the embeddings' variance that is between classes;
    class_margin: mean over the pool of (d₂ − d₁) / max(d₁, d₂), −1..1, where d₁ is the
    distance to the mean of the own class and d₂ the distance to the nearest mean of another class.
    """

    probe_accuracy: float
    tightness: float
    class_margin: float


def quality(data: EmbeddedDataset, C: float) -> Quality:
    """Measure an embedding: tightness and class margin on the pool, the probe on the test split. C: of the head."""
    with threadpool_limits(limits=1):
        X = np.asarray(data.X, dtype=np.float32)
        head = Cycle("random", "random", 1, C=C).fit(X, data.y, data.n_classes)
        means, sizes = _class_means(X, data.y, data.n_classes)
        return Quality(
            probe_accuracy=evaluate(head.predict_proba(data.X_test), data.y_test).accuracy,
            tightness=_tightness(X, means, sizes),
            class_margin=_class_margin(X, data.y, means[sizes > 0], np.flatnonzero(sizes)),
        )


def _class_means(
    X: NDArray[np.float32], y: NDArray[np.int64], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    sums = np.zeros((n_classes, X.shape[1]))
    np.add.at(sums, y, X)
    sizes = np.bincount(y, minlength=n_classes)
    return sums / np.maximum(sizes, 1)[:, None], sizes


def _tightness(X: NDArray[np.float32], means: NDArray[np.float64], sizes: NDArray[np.int64]) -> float:
    center = X.mean(axis=0, dtype=np.float64)
    total = float(((X - center) ** 2).sum())
    between = float((sizes * ((means - center) ** 2).sum(axis=1)).sum())
    return between / total if total > 0 else 0.0


def _class_margin(
    X: NDArray[np.float32], y: NDArray[np.int64], means: NDArray[np.float64], classes: NDArray[np.int64]
) -> float:
    squared = (X.astype(np.float64) ** 2).sum(axis=1)[:, None] - 2 * X @ means.T + (means**2).sum(axis=1)
    distances: NDArray[Any] = np.sqrt(np.maximum(squared, 0.0))
    rows, own_class = np.arange(len(X)), np.searchsorted(classes, y)
    inside = distances[rows, own_class].copy()
    distances[rows, own_class] = np.inf
    outside = distances.min(axis=1)
    return float(((outside - inside) / np.maximum(np.maximum(inside, outside), 1e-12)).mean())
