"""Embed the texts of a project that have no vector yet, a slice at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

from ml_backend.learning import Embedder
from ml_backend.pipeline.context import RunContext
from ml_backend.store import Store

CHUNK = 256
"""Texts embedded between two looks at the clock and at new requests: about 1.5 s on two cores."""
EMBED_SECONDS = 10.0
"""How long a run embeds before it publishes from what it has, so that a large project can be labelled soon."""


def embed(run: RunContext, embedder: Embedder) -> int:
    """Embed texts of the project, for a bounded time; returns how many are still without a vector."""
    # Without a batch in front of the annotators the first chunk is enough to begin with.
    patience = EMBED_SECONDS if run.store.current_batch(run.id) else 0.0
    missing = run.services.arrays.arrays(run.id, embedder.name).missing()
    if missing:
        missing = embed_missing(
            run.store, run.id, embedder, patience, lambda: run.id in run.store.pending_projects(), run.say
        )
    run.done("embed")
    return missing


def embed_missing(
    store: Store,
    project_id: int,
    embedder: Embedder,
    seconds: float,
    interrupted: Callable[[], bool],
    say: Callable[[str], None],
) -> int:
    """Embed until all texts have vectors, `seconds` are over, or `interrupted` says so; returns how many are missing.

    Every chunk is kept as soon as it is computed: a crash costs one chunk.
    """
    missing = store.count_missing_embeddings(project_id, embedder.name)
    started, total = time.monotonic(), missing
    while missing:
        texts = store.missing_embeddings(project_id, embedder.name, limit=CHUNK)
        if not texts:
            return 0
        store.put_embeddings(
            embedder.name, [text_hash for text_hash, _ in texts], embedder.encode([text for _, text in texts])
        )
        missing -= len(texts)
        passed = time.monotonic() - started
        left = missing * passed / (total - missing)
        say(f"embedding: {missing:,} texts to go, about {_duration(left)}")
        if passed > seconds or interrupted():
            break
    return max(0, missing)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
