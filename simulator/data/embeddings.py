"""Embeddings by the names that --embeddings takes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.embedder import PACKAGED, Embedder, ModelNotAvailable, encode_layers, load
from ml_backend.learning.embedding.names import PACKAGED_LAYERS, RANDOM_PROJECTION, TFIDF, EmbeddingName, parse
from ml_backend.learning.embedding.registry import known_words, registered

WORDS_ONLY = (TFIDF, RANDOM_PROJECTION)


def check_names(embeddings: Sequence[str]) -> None:
    """Raise ModelNotAvailable for names that no embedding can have, listing those that exist.

    Whether a hub model exists shows when it is loaded.
    """
    for name in embeddings:
        model = parse(name)
        exists = model.model in (PACKAGED, *WORDS_ONLY) or model.is_matrix or registered(model.model) is not None
        if not exists and "/" not in model.model and not Path(model.model).is_dir():
            words = f", {known_words()}" if known_words() else ""
            raise ModelNotAvailable(
                f"unknown embedding {name!r}; known: minilm, minilm:layer1 … minilm:layer{PACKAGED_LAYERS}, {TFIDF}, "
                f"{RANDOM_PROJECTION}{words}, a hub model as owner/name, a folder, or a matrix file"
            )


def load_embedder(name: str) -> Embedder:
    """The embedder of that name; EMBEDDING_TRUST_REMOTE_CODE=1 allows models that bring their own code, as in the
    service. Raises ModelNotAvailable."""
    return load(name, trust_remote_code=os.environ.get("EMBEDDING_TRUST_REMOTE_CODE") == "1")


def separator(embedding: str) -> str:
    """What stands between the two texts of a pair, as in the live service."""
    return parse(embedding).field_separator


def embed(
    embeddings: Sequence[str], train: Sequence[str], test: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each embedding, as soon as computed, with its vectors of pool and test split, (N_train + N_test, D) float32.

    TF-IDF is fitted on the pool; all layers of the packaged model come from one pass over the texts. Rows of a matrix
    file are those of the pool, then of the test split. Raises ModelNotAvailable, and ValueError for what does not fit.
    """
    texts = [*train, *test]
    ladder = [name for name in embeddings if _is_rung(parse(name))]
    if ladder:
        yield from encode_layers(texts, ladder).items()
    for name in embeddings:
        if name in ladder:
            continue
        embedder = load_embedder(name)
        if embedder.needs_corpus:
            embedder = embedder.fit(train if parse(name).model == TFIDF else texts)
        yield name, embedder.encode(texts)


def _is_rung(model: EmbeddingName) -> bool:
    return model in (EmbeddingName(PACKAGED), EmbeddingName(PACKAGED, layer=model.layer))
