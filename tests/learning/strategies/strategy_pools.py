"""Pools that the tests of strategies share."""

from __future__ import annotations

import numpy as np

from ml_backend.learning import Head, Pool


def clustered(n: int = 120, d: int = 8, n_classes: int = 3, labeled: int = 18, seed: int = 0) -> Pool:
    """Overlapping Gaussian classes, every class labelled, with a head."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    x = (rng.normal(size=(n_classes, d))[y] + rng.normal(size=(n, d))).astype(np.float32)
    return with_head(x, y, labeled, n_classes)


def tied(seed: int = 0) -> Pool:
    """Small whole numbers in few dimensions: many equal rows and equal distances, all of them exact in float32."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, size=(90, 2)).astype(np.float32)
    y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 1)
    return with_head(x, y, 12, 3)


def with_head(x: np.ndarray, y: np.ndarray, labeled: int, n_classes: int) -> Pool:
    labels = np.full(len(x), -1)
    labels[:labeled] = y[:labeled]
    head = Head().fit(x[:labeled].astype(np.float32), labels[:labeled], n_classes)
    return Pool(x, labels, n_classes, head)


def multi_label(n: int = 80, d: int = 6, n_classes: int = 4, labeled: int = 20, seed: int = 0) -> Pool:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = (x @ rng.normal(size=(d, n_classes)) + rng.normal(size=(n, n_classes)) > 0).astype(int)
    labels = np.full((n, n_classes), -1)
    labels[:labeled] = y[:labeled]
    return Pool(x, labels, n_classes, Head().fit(x[:labeled], labels[:labeled], n_classes))
