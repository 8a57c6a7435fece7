"""Embedders by the names that --embeddings accepts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.embedder import PACKAGED, Embedder, ModelNotAvailable, encode_layers, load
from ml_backend.learning.embedding.names import TFIDF, EmbeddingName, parse


def load_embedder(name: str) -> Embedder:
    """Load an embedder by name. Raises ModelNotAvailable.

    The environment variable EMBEDDING_TRUST_REMOTE_CODE=1 allows models that bring their own code, as in the service.
    """
    return load(name, trust_remote_code=os.environ.get("EMBEDDING_TRUST_REMOTE_CODE") == "1")


def passes(embeddings: Sequence[str]) -> list[list[str]]:
    """Groups of embeddings that one pass over the texts computes: all layers of the packaged model, each other alone.

    Embeddings of one pass use the same model, so that what makes one of them fail makes the others fail too.
    """
    packaged = [name for name in embeddings if _is_layer_of_packaged_model(parse(name))]
    others = [[name] for name in embeddings if name not in packaged]
    return [packaged, *others] if packaged else others


def embed(
    embeddings: Sequence[str], train: Sequence[str], test: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the name and the vectors (N_train + N_test, D) float32 of each embedding, as soon as it is computed.

    TF-IDF is fitted on the pool only; all layers of the packaged model are computed in one pass over the texts. The
    rows of a matrix file have to be those of the pool, then those of the test split. Raises ModelNotAvailable, and
    ValueError for a matrix file that does not have these rows.
    """
    texts = [*train, *test]
    for names in passes(embeddings):
        if _is_layer_of_packaged_model(parse(names[0])):
            yield from encode_layers(texts, names).items()
            continue
        [name] = names
        embedder = load_embedder(name)
        if embedder.needs_corpus:
            embedder = embedder.fit(train if parse(name).model == TFIDF else texts)
        yield name, embedder.encode(texts)


def embedder_of_classes(embedding: str, train: Sequence[str]) -> Embedder:
    """The embedder that embeds the names of classes as `embed` embeds texts, with this pool.

    Raises ModelNotAvailable, also for a matrix file, which has no vectors of names.
    """
    parsed_name = parse(embedding)
    if parsed_name.is_matrix:
        raise ModelNotAvailable(
            f"{embedding} holds vectors of texts and no model for the names of classes: use the head `plain` with it, "
            "or an embedding that is a model"
        )
    embedder = load_embedder(embedding)
    return embedder.fit(train) if embedder.needs_corpus else embedder


def _is_layer_of_packaged_model(model: EmbeddingName) -> bool:
    return model in (EmbeddingName(PACKAGED), EmbeddingName(PACKAGED, layer=model.layer))
