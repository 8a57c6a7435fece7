"""Random projection of word counts: a baseline that has not learnt from any text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.embedding.unit_length import to_unit_length

DIMENSIONS = 384
HASHED_WORDS = 2**15


class RandomProjection:
    """Word counts, hashed and multiplied by a fixed matrix of random signs.

    Achlioptas: Database-friendly random projections, JCSS 2003. Rows have length 1. Needs no corpus.
    """

    dimensions = DIMENSIONS

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        self._vectorizer: Any = HashingVectorizer(n_features=HASHED_WORDS, dtype=np.float32)

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """Returns vectors (N, dimensions) float32; the vector of a text without words is zero. report is not called."""
        return to_unit_length(np.asarray(self._vectorizer.transform(texts) @ _signs(), dtype=np.float32))


@cache
def _signs() -> NDArray[np.float32]:
    bits = np.random.default_rng(0).integers(0, 2, size=(HASHED_WORDS, DIMENSIONS), dtype=np.int8)
    return (2 * bits - 1).astype(np.float32)
