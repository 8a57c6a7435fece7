"""Turns texts into vectors: word counts, hashed and multiplied by a fixed matrix of random signs.

Achlioptas: Database-friendly random projections, JCSS 2003.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer

DIMENSIONS = 384
HASHED_WORDS = 2**15


class Encoder:
    """Encodes texts; it needs no file of the folder and has no options."""

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self._vectorizer = HashingVectorizer(n_features=HASHED_WORDS, dtype=np.float32)
        bits = np.random.default_rng(0).integers(0, 2, size=(HASHED_WORDS, DIMENSIONS), dtype=np.int8)
        self._signs = (2 * bits - 1).astype(np.float32)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns vectors (N, 384) float32 of length 1; that of a text without words is zero."""
        vectors = np.asarray(self._vectorizer.transform(texts) @ self._signs, dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        return vectors
