"""Two baselines that know nothing of language: TF-IDF with a truncated SVD, and a random projection of words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.numerics.threads import one_thread

TFIDF_DIMENSIONS = 384
"""As many as MiniLM has, so that a difference to it is not one of size."""
PROJECTED_DIMENSIONS = 384
HASHED_WORDS = 2**15


class TfidfSvd:
    """Latent semantic analysis: log-scaled TF-IDF of words and word pairs, then its leading singular directions.

    Deerwester et al.: Indexing by Latent Semantic Analysis, JASIS 1990. Fitted on one list of texts without labels;
    a text's vector depends on that list. Rows have length 1. The same on any number of threads.
    """

    def __init__(self, corpus: Sequence[str]) -> None:
        """Raises ValueError when the corpus has no words."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer: Any = TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 2), min_df=2 if len(corpus) >= 100 else 1, dtype=np.float32
        )
        counts = self._vectorizer.fit_transform(corpus)
        self.dimensions = max(1, min(TFIDF_DIMENSIONS, min(counts.shape) - 1))
        # Power iterations blow up rounding: in float32 directions of like strength come out otherwise each time.
        with one_thread():
            self._svd: Any = TruncatedSVD(self.dimensions, random_state=0).fit(counts.astype(np.float64))

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """(N, dimensions) float32; a text without a known word is all zeros."""
        with one_thread():
            reduced = self._svd.transform(self._vectorizer.transform(texts).astype(np.float64))
        return _unit(np.asarray(reduced, dtype=np.float32))


class RandomProjection:
    """Word counts, hashed and projected by a fixed matrix of random signs: a floor, since no text was ever learnt from.

    Achlioptas: Database-friendly random projections, JCSS 2003. Rows have length 1. Needs no corpus.
    """

    dimensions = PROJECTED_DIMENSIONS

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        self._vectorizer: Any = HashingVectorizer(n_features=HASHED_WORDS, dtype=np.float32)

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """(N, dimensions) float32; a text without a word is all zeros."""
        return _unit(np.asarray(self._vectorizer.transform(texts) @ _signs(), dtype=np.float32))


@cache
def _signs() -> NDArray[np.float32]:
    bits = np.random.default_rng(0).integers(0, 2, size=(HASHED_WORDS, PROJECTED_DIMENSIONS), dtype=np.int8)
    return (2 * bits - 1).astype(np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return rows
