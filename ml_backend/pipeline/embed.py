"""Embed the texts of a project that have no vector yet: several workers together, each in chunks that it claims."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ml_backend.labelstudio.unforeseen import unforeseen
from ml_backend.learning import Embedder
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.pipeline.chunks import Chunks
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.failures import NOT_THE_DATA
from ml_backend.store.states import RunReason

TEXTS_PER_CLAIM = 256
"""Texts that a worker claims at once; the first batch is chosen from so many."""
CLAIM_SECONDS = 60.0
"""A worker that dies on another machine blocks its claims for this time; a live one renews after a sixth of it."""
LONGEST_EMBED_SECONDS = 10.0
"""How long a run embeds before it publishes from the texts embedded so far, so that labelling can start early."""
RECOUNT_SECONDS = 5.0
"""How old the number of texts left may become while others embed too."""
LOOK_EVERY_SECONDS = 0.5
"""How often to look for texts while all that are left are claimed by others."""
WORKER_SEEN_SECONDS = 60.0
"""A worker that was seen so long ago may help."""
ORDINARY_TEXT = "An ordinary sentence."
"""Every model that works embeds it."""


ReportMissing = Callable[[int, str], None]
"""Called after each chunk with the number of texts without a vector and a sentence about the progress."""


def embed(run: RunContext, show: Callable[[int], ReportMissing]) -> int:
    """Embed texts of the project for a limited time; returns the number of texts still without a vector.

    The model is loaded only if there are such texts; before that, `show` is called with their number. What it returns
    is called after each chunk. Raises ModelNotAvailable.
    """
    run.store.accept_texts_again(run.id, kept=_refused_by(run.embedding))
    missing = run.services.arrays.missing(run.id, run.embedding)
    if missing:
        report = show(missing)
        embedder = run.services.embedder(run.model)
        run.clear_solved_problem()
        limit = _limit(run)
        work = Work(run.services, run.id, embedder)
        missing = work.as_leader(missing, limit, lambda: _interrupted(run, limit), report)
    run.end_step("embed")
    return missing


@dataclass(frozen=True)
class Limit:
    """How much a run embeds before it publishes: so many texts, and for so many seconds, but at least one chunk."""

    texts: float
    seconds: float


def _limit(run: RunContext) -> Limit:
    if run.store.current_batch(run.id) is not None:
        # What people labelled is learned from after one chunk; the next run embeds on.
        return Limit(math.inf, 0.0 if RunReason.LABELS in run.reasons else LONGEST_EMBED_SECONDS)
    wanted = TEXTS_PER_CLAIM - run.store.count_embedded_texts(run.id, run.embedding)
    return Limit(wanted, LONGEST_EMBED_SECONDS) if wanted > 0 else Limit(math.inf, 0.0)


def _interrupted(run: RunContext, limit: Limit) -> bool:
    """Whether another run is requested, which has to wait only for the texts that the first batch is chosen from."""
    return limit.texts == math.inf and run.id in run.store.pending_projects()


def help_to_embed(services: Services, project_id: int, interrupted: Callable[[], bool]) -> None:
    """Embed texts of a project that another worker runs, until none is left or `interrupted` returns True.

    Does nothing unless another worker embeds with the project's model at this moment. Raises ModelNotAvailable.
    """
    project = services.store.project(project_id)
    if project is None:
        return
    name = ProjectSettings.usable(project.settings).embedding_model or services.default_model
    model = canonical_name(name)
    if not services.store.claim_owners(model) or not services.store.count_missing_embeddings(project_id, model):
        return
    Work(services, project_id, services.embedder(name)).as_helper(interrupted)


@dataclass
class Work:
    """The embedding of one project's texts by one thread of a worker.

    Every chunk is stored as soon as it is computed, so a crash loses at most one chunk, about a second. A text that the
    model cannot embed becomes the problem of its tasks. Methods raise what `Embedder.encode` raises if the model embeds
    no text at all.
    """

    services: Services
    project_id: int
    embedder: Embedder
    renewed_at: float = field(default_factory=time.monotonic)

    @property
    def chunks(self) -> Chunks:
        """The size of chunks is kept from run to run: while people label, a run may have time for one chunk only."""
        return self.services.chunks.setdefault(self.embedder.name, Chunks())

    def as_leader(self, missing: int, limit: Limit, interrupted: Callable[[], bool], report: ReportMissing) -> int:
        """Embed until the limit is reached or `interrupted` returns True, and ask other workers to help.

        missing: number of texts without a vector. Returns the number of texts still without a vector.
        """
        store, model = self.services.store, self.embedder.name
        started = counted_at = time.monotonic()
        total = missing

        def stop() -> bool:
            is_late = time.monotonic() - started > limit.seconds
            return is_late or total - missing >= limit.texts or interrupted()

        while missing > 0:
            texts = self._claim(int(min(TEXTS_PER_CLAIM, limit.texts - (total - missing))))
            if len(texts) < missing:
                self._ask_for_help()
            try:
                for chunk in self.chunks.of(texts):
                    self._embed_chunk(chunk)
                    missing -= len(chunk)
                    report(max(0, missing), _progress(total, missing, time.monotonic() - started))
                    if stop():
                        break
            finally:
                self._release()
            if not texts:
                time.sleep(LOOK_EVERY_SECONDS)  # others embed what is left
            if not texts or time.monotonic() - counted_at > RECOUNT_SECONDS:
                missing = store.count_missing_embeddings(self.project_id, model)
                counted_at = time.monotonic()
            if stop():
                break
        return missing

    def as_helper(self, interrupted: Callable[[], bool]) -> int:
        """Embed until no text is left to claim or `interrupted` returns True; returns the number of texts embedded."""
        done = 0
        while not interrupted() and (texts := self._claim(TEXTS_PER_CLAIM)):
            try:
                for chunk in self.chunks.of(texts):
                    self._embed_chunk(chunk)
                    done += len(chunk)
                    if interrupted():
                        break
            finally:
                self._release()
        return done

    def _claim(self, limit: int) -> list[tuple[str, str]]:
        self.renewed_at = time.monotonic()
        return self.services.store.claim_texts(
            self.project_id, self.embedder.name, self.services.owner_of_thread(), CLAIM_SECONDS, limit
        )

    def _release(self) -> None:
        self.services.store.release_claims([self.services.owner_of_thread()])

    def _embed_chunk(self, chunk: Sequence[tuple[str, str]]) -> None:
        store = self.services.store
        problems = embed_each(store, self.embedder, chunk)
        if problems:
            store.refuse_texts(self.project_id, problems)
        if time.monotonic() - self.renewed_at > CLAIM_SECONDS / 6:
            self.renewed_at = time.monotonic()
            store.renew_claims(self.embedder.name, self.services.owner_of_thread(), CLAIM_SECONDS)

    def _ask_for_help(self) -> None:
        """Wake another worker if fewer embed than there are."""
        store = self.services.store
        if len(store.claim_owners(self.embedder.name)) < store.count_workers(WORKER_SEEN_SECONDS):
            self.services.ask_for_help(self.project_id)


def embed_each(store: Store, embedder: Embedder, texts: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Embed texts, (hash, text), and store their vectors; returns the problems of those that fail, by their hashes.

    Raises what `Embedder.encode` raises if the model embeds no text at all.
    """
    try:
        store.put_embeddings(embedder.name, [h for h, _ in texts], embedder.encode([text for _, text in texts]))
    except ModelNotAvailable:
        raise
    except NOT_THE_DATA:
        raise
    except Exception as error:
        embedder.encode([ORDINARY_TEXT])  # if this fails too, the model is at fault and not one of the texts
        if len(texts) > 1:
            middle = len(texts) // 2
            return embed_each(store, embedder, texts[:middle]) | embed_each(store, embedder, texts[middle:])
        text_hash, text = texts[0]
        work = _refused_by(embedder.name)
        return {text_hash: unforeseen(error, work, f"the text {text[:80]!r}")}
    return {}


def _refused_by(model: str) -> str:
    """How the problem of a text begins that this model cannot embed; with another model it is tried again."""
    return f"the embedding by {model}"


def _progress(total: int, missing: int, elapsed: float) -> str:
    # Counted again, more may be missing than at the start.
    seconds_left = missing * elapsed / max(1, total - missing)
    return f"embedding: {max(0, missing):,} texts left, about {_duration(max(0.0, seconds_left))}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
