"""Embed the texts of a project that have no vector yet, in chunks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import OperationalError

from ml_backend.labelstudio.unforeseen import unforeseen
from ml_backend.learning import Embedder
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.pipeline.context import RunContext
from ml_backend.store import Store

TEXTS_PER_CHUNK = 256
"""Texts embedded before the clock and new requests are checked again: about 1.5 s on two cores."""
LONGEST_EMBED_SECONDS = 10.0
"""How long a run embeds before it publishes from the texts embedded so far, so that labelling can start early."""
ORDINARY_TEXT = "An ordinary sentence."
"""Every model that works embeds it."""


def embed(run: RunContext, embedder: Embedder) -> int:
    """Embed texts of the project for a limited time; returns the number of texts still without a vector."""
    # While no batch is published, one chunk is enough to choose the first one.
    time_limit = LONGEST_EMBED_SECONDS if run.store.current_batch(run.id) else 0.0
    run.store.accept_texts_again(run.id, kept=_refused_by(embedder))
    missing = run.services.arrays.arrays(run.id, embedder.name).missing()
    if missing:
        missing = embed_missing(
            run.store, run.id, embedder, time_limit, lambda: run.id in run.store.pending_projects(), run.report_phase
        )
    run.end_step("embed")
    return missing


def embed_missing(
    store: Store,
    project_id: int,
    embedder: Embedder,
    seconds: float,
    interrupted: Callable[[], bool],
    report_phase: Callable[[str], None],
) -> int:
    """Embed until all texts have vectors, `seconds` have passed, or `interrupted` returns True.

    report_phase: called with a sentence about the progress. Returns the number of texts still without a vector. Every
    chunk is stored as soon as it is computed, so a crash loses at most one chunk. A text that the model cannot embed
    becomes the problem of its tasks. Raises what `Embedder.encode` raises if the model embeds no text at all.
    """
    missing = store.count_missing_embeddings(project_id, embedder.name)
    started, total = time.monotonic(), missing
    while missing:
        texts = store.missing_embeddings(project_id, embedder.name, limit=TEXTS_PER_CHUNK)
        if not texts:
            return 0
        store.refuse_texts(project_id, embed_each(store, embedder, texts))
        missing -= len(texts)
        elapsed = time.monotonic() - started
        seconds_left = missing * elapsed / (total - missing)
        report_phase(f"embedding: {missing:,} texts left, about {_duration(seconds_left)}")
        if elapsed > seconds or interrupted():
            break
    return max(0, missing)


def embed_each(store: Store, embedder: Embedder, texts: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Embed texts, (hash, text), and store their vectors; returns the problems of those that fail, by their hashes.

    Raises what `Embedder.encode` raises if the model embeds no text at all.
    """
    try:
        store.put_embeddings(embedder.name, [h for h, _ in texts], embedder.encode([text for _, text in texts]))
    except (ModelNotAvailable, OperationalError):
        raise
    except Exception as error:
        embedder.encode([ORDINARY_TEXT])  # if this fails too, the model is at fault and not one of the texts
        if len(texts) > 1:
            middle = len(texts) // 2
            return embed_each(store, embedder, texts[:middle]) | embed_each(store, embedder, texts[middle:])
        text_hash, text = texts[0]
        work = _refused_by(embedder)
        return {text_hash: unforeseen(error, work, f"the text {text[:80]!r}")}
    return {}


def _refused_by(embedder: Embedder) -> str:
    """How the problem of a text begins that this model cannot embed; with another model it is tried again."""
    return f"the embedding by {embedder.name}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
