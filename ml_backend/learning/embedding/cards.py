"""What is known of an embedding besides its vectors: its model, licence, dimensions and training data."""

from __future__ import annotations

from dataclasses import dataclass

from ml_backend.learning.embedding.names import NANO_E5, PACKAGED, RANDOM_PROJECTION, TFIDF, EmbeddingName
from ml_backend.learning.embedding.registry import SBERT_DATA, SBERT_NOTE, registered

UNKNOWN = "The registry does not have this model."
OWN_LICENCE = "apache-2.0"
MODEL_OF_NANO_E5 = "intfloat/multilingual-e5-small"


@dataclass(frozen=True)
class EmbeddingCard:
    """What is known of an embedding.

    model: the hub id, or what it is; licence: as the hub writes it, "" if it is unknown; dimensions: None if it is
    unknown or the model offers several; trained_on: the benchmark's datasets whose training data its model was trained
    on, None if that is unknown; training_note: from where that is known.
    """

    model: str
    licence: str
    dimensions: int | None
    trained_on: tuple[str, ...] | None
    training_note: str


CARDS = {
    PACKAGED: EmbeddingCard(PACKAGED, "apache-2.0", 384, SBERT_DATA, SBERT_NOTE),
    TFIDF: EmbeddingCard("TF-IDF and SVD", OWN_LICENCE, 384, (), "Fitted on the texts of the pool, without labels."),
    RANDOM_PROJECTION: EmbeddingCard("hashed words, random signs", OWN_LICENCE, 384, (), "It learns nothing."),
}
"""Embeddings that come with the package."""


def card_of(name: EmbeddingName) -> EmbeddingCard:
    """What is known of the embedding of that name; a file, a folder or another model of the hub has an empty card."""
    if name.model in CARDS:
        return CARDS[name.model]
    model = registered(MODEL_OF_NANO_E5) if name.model == NANO_E5 else name.registered
    if model is None:
        return EmbeddingCard(name.model, "", None, None, UNKNOWN)
    return EmbeddingCard(model.hub_id, model.licence, model.dimensions, model.trained_on, model.training_note)
