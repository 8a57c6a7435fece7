"""Embedders by the names that --embeddings accepts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.embedder import PACKAGED, Embedder, ModelNotAvailable, encode_layers, load
from ml_backend.learning.embedding.names import EmbeddingName, parse
from ml_backend.learning.embedding.progress import Report
from simulator.data.progress import Count, uncounted


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
    embeddings: Sequence[str], train: Sequence[str], test: Sequence[str], what: str = "", count: Count = uncounted
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield the name and the vectors (N_train + N_test, D) float32 of each embedding, as soon as it is computed.

    TF-IDF and the like are fitted on the pool only; all layers of the packaged model are computed in one pass. The
    rows of a matrix file have to be those of the pool, then those of the test split. count: shows how many of the
    different texts are done; what: whose texts they are, for its title. Raises ModelNotAvailable, and
    ValueError for a matrix file that does not have these rows.
    """
    texts = [*train, *test]
    for names in passes(embeddings):
        with _counted(names, texts, what, count) as report:
            computed = _vectors(names, train, texts, report)
        yield from computed.items()


def _vectors(
    names: Sequence[str], train: Sequence[str], texts: Sequence[str], report: Report
) -> dict[str, NDArray[np.float32]]:
    """The vectors of the embeddings of one pass."""
    if _is_layer_of_packaged_model(parse(names[0])):
        return encode_layers(texts, names, report)
    [name] = names
    embedder = load_embedder(name)
    if embedder.needs_corpus:
        embedder = embedder.fit(texts if parse(name).is_matrix else train)
    return {name: embedder.encode(texts, report)}


@contextmanager
def _counted(names: Sequence[str], texts: Sequence[str], what: str, count: Count) -> Iterator[Report]:
    """Counts the different texts, since each of them is embedded once."""
    remaining = len(set(texts))
    with count(f"embedding {what}".rstrip() + f" with {', '.join(names)}, texts", remaining) as report:

        def add(n: int) -> None:
            nonlocal remaining
            remaining -= n
            report(n)

        yield add
        # Not every kind of embedding reports while it works.
        if remaining > 0:
            report(remaining)


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
