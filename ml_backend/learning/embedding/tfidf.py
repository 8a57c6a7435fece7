"""TF-IDF with a truncated SVD: a baseline that uses only the words of one list of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.embedding.unit_length import to_unit_length
from ml_backend.learning.numerics.threads import one_thread

DIMENSIONS = 384
"""The same number as MiniLM has, so that differences in results do not come from the number of dimensions."""


class TfidfSvd:
    """Latent semantic analysis: log-scaled TF-IDF of words and word pairs, then its leading singular directions.

    Deerwester et al.: Indexing by Latent Semantic Analysis, JASIS 1990. It is fitted on one list of texts without
    labels, and a text's vector depends on that list. Vectors have length 1. The result does not depend on the number of
    threads.
    """

    def __init__(self, corpus: Sequence[str]) -> None:
        """Fit to the texts of the corpus. Raises ValueError if they contain no words."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer: Any = TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 2), min_df=2 if len(corpus) >= 100 else 1, dtype=np.float32
        )
        counts = self._vectorizer.fit_transform(corpus)
        self.dimensions = max(1, min(DIMENSIONS, min(counts.shape) - 1))
        # Power iterations amplify rounding: in float32, directions of similar strength would differ from run to run.
        with one_thread():
            self._svd: Any = TruncatedSVD(self.dimensions, random_state=0).fit(counts.astype(np.float64))

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """Returns vectors (N, dimensions) float32; a text without known words gets zeros. report is not called."""
        with one_thread():
            reduced = self._svd.transform(self._vectorizer.transform(texts).astype(np.float64))
        return to_unit_length(np.asarray(reduced, dtype=np.float32))
