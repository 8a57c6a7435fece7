"""The packaged MiniLM with the options of a name: layer, normalisation, precision and treatment of long texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.long_texts import mean_of_chunks, text_tokens, without_truncation
from ml_backend.learning.embedding.minilm import DIMENSIONS, MAX_LENGTH, shared
from ml_backend.learning.embedding.names import PACKAGED_LAYERS, EmbeddingName
from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.embedding.unit_length import to_unit_length

Vectors = NDArray[np.float32]


class MiniLMEncoder:
    """Encodes texts with the packaged model, with the options of an embedding name."""

    dimensions = DIMENSIONS

    def __init__(self, name: EmbeddingName) -> None:
        """Load the model. Raises ModelNotAvailable as in `minilm.shared`, for example if the package is missing."""
        self._parsed_name = name
        self._model = shared(name.max_length or MAX_LENGTH, name.precision)

    def encode(self, texts: Sequence[str], report: Report) -> Vectors:
        """Returns vectors (N, 384) float32; report is called with the number of texts done since the last call."""
        if self._parsed_name.long_texts == "cut":
            return self.encode_several(texts, [self._parsed_name], report)[0]

        def encode_pieces(pieces: list[str]) -> Vectors:
            return self.encode_several(pieces, [self._parsed_name], silent)[0]

        size = text_tokens(self._tokenizer, self._model.max_length)
        vectors = mean_of_chunks(texts, self._tokenizer, size, encode_pieces, unit=_is_unit(self._parsed_name))
        report(len(texts))
        return vectors

    @cached_property
    def _tokenizer(self) -> Any:
        return without_truncation(self._model.tokenizer)

    def encode_several(self, texts: Sequence[str], names: Sequence[EmbeddingName], report: Report) -> list[Vectors]:
        """Returns the vectors for several names, each (N, 384) float32, from one pass.

        names: names that may differ only in layer and normalisation. report: as in `encode`.
        """
        pooled = self._model.encode(texts, [name.layer or PACKAGED_LAYERS for name in names], report)
        for name, vectors in zip(names, pooled, strict=True):
            if _is_unit(name):
                to_unit_length(vectors)
        return pooled


def _is_unit(name: EmbeddingName) -> bool:
    return bool(name.normalize) if name.layer else True
