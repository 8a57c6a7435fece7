"""Vectors are kept chunk by chunk, several workers share the texts of a project, and helpers give way."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from local_backend import WordHashes, services

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning import Embedder
from ml_backend.pipeline import embed as embedding
from ml_backend.pipeline.chunks import FIRST_CHUNK_TEXTS, Chunks
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.embed import Limit, Work, help_to_embed
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

MODEL = WordHashes.name
EVERYTHING = Limit(float("inf"), float("inf"))


class Killed(BaseException):
    """Ends everything, as SIGKILL does."""


class Watched(WordHashes):
    """Counts how often each text is embedded, and calls `before` with the texts of every chunk."""

    def __init__(self, before: Callable[[Sequence[str]], None] = lambda _: None) -> None:
        self.embedded: Counter[str] = Counter()
        self._before = before

    def encode(self, texts: Sequence[str]) -> Any:
        self._before(texts)
        self.embedded.update(texts)
        return super().encode(texts)


def put_texts(store: Store, n: int) -> None:
    store.ensure_project(7)
    records = [TaskRecord(7, i, f"h{i:04}", None, "2026") for i in range(1, n + 1)]
    store.upsert_tasks(7, records, {record.text_hash or "": f"text {record.task_id}" for record in records})


def worker(store: Store, embedder: Watched, ask_for_help: Callable[[int], None] = lambda _: None) -> Services:
    """The services of one worker process."""
    return replace(
        services(store, cast(LabelStudio, None)),
        embedder=lambda _: cast(Embedder, embedder),
        ask_for_help=ask_for_help,
    )


def work(of: Services) -> Work:
    return Work(of, 7, of.embedder(MODEL))


def lead(of: Services, missing: int, interrupted: Callable[[], bool] = lambda: False) -> int:
    return work(of).as_leader(missing, EVERYTHING, interrupted, lambda _missing, _said: None)


def test_a_worker_killed_after_every_second_chunk_embeds_everything_in_the_end(sqlite_store: Store):
    put_texts(sqlite_store, 100)
    lives = 0
    while missing := sqlite_store.count_missing_embeddings(7, MODEL):
        calls = 0

        def killed(_texts: Sequence[str]) -> None:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise Killed

        of = worker(sqlite_store, Watched(killed))
        with suppress(Killed):
            lead(of, missing)
        lives += 1
        assert sqlite_store.count_missing_embeddings(7, MODEL) <= missing - min(missing, FIRST_CHUNK_TEXTS)
    assert lives > 1
    assert sqlite_store.count_embedded_texts(7, MODEL) == 100


def test_workers_share_the_texts_and_none_is_embedded_twice(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 10)
    monkeypatch.setattr(embedding, "LOOK_EVERY_SECONDS", 0.01)
    put_texts(store, 60)
    store.report_worker("leader")
    store.report_worker("helper")
    both_embed = threading.Barrier(2)
    helped: list[int] = []
    helper = threading.Thread(
        target=lambda: helped.append(work(worker(store, helper_embedder)).as_helper(lambda: False))
    )
    met = {"leader": False, "helper": False}

    def meet(who: str) -> None:
        if not met[who]:
            met[who] = True
            both_embed.wait(30)  # neither goes on before the other embeds too

    helper_embedder = Watched(lambda _: meet("helper"))
    leader_embedder = Watched(lambda _: meet("leader"))
    of = worker(store, leader_embedder, lambda _: helper.start() if helper.ident is None else None)
    assert lead(of, 60) == 0
    helper.join()
    total = leader_embedder.embedded + helper_embedder.embedded
    assert len(total) == 60
    assert set(total.values()) == {1}
    assert helped[0] >= FIRST_CHUNK_TEXTS
    assert store.claim_owners() == []


def test_help_is_asked_for_only_while_fewer_embed_than_there_are_workers(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 10)
    put_texts(sqlite_store, 30)
    asked: list[int] = []
    sqlite_store.report_worker("the only one")
    assert lead(worker(sqlite_store, Watched(), asked.append), 30) == 0
    assert asked == []
    put_texts(sqlite_store, 60)
    sqlite_store.report_worker("another")
    assert lead(worker(sqlite_store, Watched(), asked.append), 30) == 0
    assert set(asked) == {7}


def test_a_helper_stops_after_a_chunk_when_a_message_waits_and_leaves_its_texts_to_others(sqlite_store: Store):
    put_texts(sqlite_store, 40)
    sqlite_store.claim_texts(7, MODEL, "leader", 60.0, 1)
    messages = iter([False, True, True])
    embedder = Watched()
    help_to_embed(worker(sqlite_store, embedder), 7, lambda: next(messages))
    assert sum(embedder.embedded.values()) == FIRST_CHUNK_TEXTS
    assert sqlite_store.claim_owners() == ["leader"]


def test_a_helper_loads_no_model_unless_another_worker_embeds(sqlite_store: Store):
    put_texts(sqlite_store, 40)
    embedder = Watched()
    help_to_embed(worker(sqlite_store, embedder), 7, lambda: False)
    assert not embedder.embedded
    sqlite_store.claim_texts(7, MODEL, "leader", 60.0, 30)
    help_to_embed(worker(sqlite_store, embedder), 7, lambda: False)
    assert sum(embedder.embedded.values()) == 10


def test_the_leader_waits_for_texts_that_a_dead_worker_claimed_and_embeds_them(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedding, "LOOK_EVERY_SECONDS", 0.01)
    put_texts(sqlite_store, 12)
    assert len(sqlite_store.claim_texts(7, MODEL, "dead", 60.0, 5)) == 5
    looks = 0

    def interrupted() -> bool:
        nonlocal looks
        looks += 1
        if looks == 4:
            sqlite_store.release_claims(["dead"])  # as if the claims had expired
        return False

    assert lead(worker(sqlite_store, Watched()), 12, interrupted) == 0
    assert sqlite_store.count_embedded_texts(7, MODEL) == 12


def test_runs_that_have_time_for_one_chunk_each_do_not_begin_with_a_small_one_again(sqlite_store: Store):
    """While a team labels, a run is requested all the time."""
    put_texts(sqlite_store, 60)
    sizes: list[int] = []
    of = worker(sqlite_store, Watched(lambda texts: sizes.append(len(texts))))
    for missing in (60, 60 - FIRST_CHUNK_TEXTS):
        lead(of, missing, interrupted=lambda: True)
    assert sizes[0] == FIRST_CHUNK_TEXTS < sizes[1]


def test_chunks_grow_and_shrink_with_the_time_that_they_take():
    now = 0.0
    seconds_per_text = 0.01
    chunks = Chunks(lambda: now)
    sizes: list[int] = []
    for chunk in chunks.of([(f"h{i}", "x" * 80) for i in range(600)]):
        sizes.append(len(chunk))
        now += len(chunk) * seconds_per_text
        if len(sizes) == 3:
            seconds_per_text = 0.1
    assert sizes[:6] == [8, 32, 100, 100, 10, 10]
    assert sum(sizes) == 600


def test_a_long_text_after_short_ones_makes_the_chunk_smaller():
    now = 0.0
    chunks = Chunks(lambda: now)
    texts = [(f"short {i}", "x" * 80) for i in range(200)] + [(f"long {i}", "x" * 980) for i in range(20)]
    seconds: list[float] = []
    for chunk in chunks.of(list(reversed(texts))):
        taken = sum(20 + len(text) for _, text in chunk) / 2000
        now += taken
        seconds.append(taken)
    assert max(seconds) <= 1.0
    assert np.count_nonzero(np.array(seconds) > 0.9) > 5
