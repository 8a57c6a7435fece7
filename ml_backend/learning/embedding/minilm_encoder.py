"""The packaged MiniLM behind a name: its layer, its normalisation, its precision and what becomes of long texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.long_texts import mean_of_chunks, room
from ml_backend.learning.embedding.minilm import DIMENSIONS, MAX_LENGTH, packaged_folder, shared
from ml_backend.learning.embedding.names import PACKAGED_LAYERS, EmbeddingName
from ml_backend.learning.embedding.progress import Report, silent

Vectors = NDArray[np.float32]


class MiniLMEncoder:
    """One packaged model, asked as a name says."""

    dimensions = DIMENSIONS

    def __init__(self, wanted: EmbeddingName) -> None:
        """Raises ModelNotAvailable when the packaged model is not installed."""
        self._wanted = wanted
        self._model = shared(wanted.max_length or MAX_LENGTH, wanted.precision)

    def encode(self, texts: Sequence[str], report: Report) -> Vectors:
        """(N, 384) float32."""
        if self._wanted.long_texts == "cut":
            return self.encode_several(texts, [self._wanted], report)[0]

        def pieces(some: list[str]) -> Vectors:
            return self.encode_several(some, [self._wanted], silent)[0]

        tokenizer = _whole_tokenizer()
        size = room(tokenizer, self._model.max_length)
        vectors = mean_of_chunks(texts, tokenizer, size, pieces, unit=_is_unit(self._wanted))
        report(len(texts))
        return vectors

    def encode_several(self, texts: Sequence[str], wanted: Sequence[EmbeddingName], report: Report) -> list[Vectors]:
        """The vectors of several names that differ in layer and normalisation, in one pass; each (N, 384) float32."""
        pooled = self._model.encode(texts, [name.layer or PACKAGED_LAYERS for name in wanted], report)
        return [_unit(vectors) if _is_unit(name) else vectors for name, vectors in zip(wanted, pooled, strict=True)]


@cache
def _whole_tokenizer() -> Any:
    """The packaged tokenizer as it reads a text of any length."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _is_unit(name: EmbeddingName) -> bool:
    return bool(name.normalize) if name.layer else True


def _unit(vectors: Vectors) -> Vectors:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors
