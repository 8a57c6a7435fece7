"""A dataset in files that every worker process maps into memory instead of copying it.

This module imports little on purpose: every worker process loads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.data.embedded_dataset import EmbeddedDataset


class CannotRead(OSError):
    """A worker process cannot read the cache; the message says what to do."""


@dataclass(frozen=True)
class CachedDataset:
    """A dataset in one embedding, as the paths of files of the cache: small enough to send to a worker process.

    embeddings: path of an .npy file, pool then test split, (N + M, D) float32; labels: path of an .npz file with y,
    y_test, offered and words of `EmbeddedDataset`; class_vectors: path of an .npy file, (n_classes, D) float32, or
    None.
    """

    embeddings: str
    labels: str
    n_classes: int
    class_vectors: str | None = None

    def open(self) -> EmbeddedDataset:
        """Load the arrays; the embeddings are mapped into memory, not read. Raises CannotRead."""
        return _open(self)


@lru_cache(maxsize=4)
def _open(cached: CachedDataset) -> EmbeddedDataset:
    try:
        with np.load(cached.labels) as arrays:
            y, y_test, offered = arrays["y"], arrays["y_test"], arrays["offered"]
            words = arrays["words"]
        X = np.load(cached.embeddings, mmap_mode="r")
        class_vectors = None if cached.class_vectors is None else np.load(cached.class_vectors)
    except (OSError, ValueError) as problem:
        raise CannotRead(
            f"a worker cannot read {cached.embeddings} ({problem}); with several machines, give "
            "--cache a folder that all of them share"
        ) from problem
    return EmbeddedDataset(X[: len(y)], y, offered, X[len(y) :], y_test, cached.n_classes, class_vectors, words)
