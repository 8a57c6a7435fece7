"""Active learning on embeddings: pool, head, query strategies, initial pools, embedders; arrays in, arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_backend.learning import initial, strategies
from ml_backend.learning.head import Head
from ml_backend.learning.pool import NeedsHead, Pool

if TYPE_CHECKING:
    from ml_backend.learning.embedding.embedder import Embedder

__all__ = ["Embedder", "Head", "NeedsHead", "Pool", "initial", "strategies"]


def __getattr__(name: str) -> object:
    # The embedder brings torch with it; whoever only fits and queries never waits for that.
    if name == "Embedder":
        from ml_backend.learning.embedding.embedder import Embedder

        return Embedder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
