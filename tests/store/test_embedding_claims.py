"""A text is claimed by one worker at a time, until its vector is stored or the claim expires."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sqlalchemy import Float, literal

from ml_backend.store import Store
from ml_backend.store.database import Database
from ml_backend.store.records import TaskRecord

MODEL = "m"


def put_texts(store: Store, n: int) -> None:
    records = [TaskRecord(1, i, f"h{i:03}", None, "2026") for i in range(1, n + 1)]
    store.upsert_tasks(1, records, {record.text_hash or "": f"text {record.task_id}" for record in records})


def claimed(store: Store, owner: str, limit: int = 4, seconds: float = 60.0) -> list[str]:
    return [text_hash for text_hash, _ in store.claim_texts(1, MODEL, owner, seconds, limit)]


def put_vectors(store: Store, hashes: list[str]) -> None:
    store.put_embeddings(MODEL, hashes, np.ones((len(hashes), 3), dtype=np.float32))


def test_workers_get_different_texts_and_together_all(store: Store):
    put_texts(store, 6)
    assert claimed(store, "a") == ["h001", "h002", "h003", "h004"]
    assert claimed(store, "b") == ["h005", "h006"]
    assert claimed(store, "a") == claimed(store, "b") == []
    put_vectors(store, ["h001", "h005"])
    store.release_claims(["a"])
    assert claimed(store, "b") == ["h002", "h003", "h004"]
    assert sorted(store.claim_owners(MODEL)) == ["b"]


def test_texts_of_a_worker_that_is_silent_are_taken_over_and_those_of_one_that_renews_are_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    now = 1000.0
    monkeypatch.setattr(Database, "now", lambda _: literal(now, Float))
    put_texts(store, 4)
    assert claimed(store, "silent", limit=2) == ["h001", "h002"]
    assert claimed(store, "alive", limit=2) == ["h003", "h004"]
    now = 1050.0
    store.renew_claims(MODEL, "alive", 60.0)
    assert claimed(store, "third") == []
    now = 1061.0
    assert claimed(store, "third") == ["h001", "h002"]
    assert claimed(store, "silent") == []


def test_a_claim_ends_with_its_vector_though_another_worker_stored_it(store: Store):
    put_texts(store, 2)
    assert claimed(store, "a") == ["h001", "h002"]
    put_vectors(store, ["h001", "h002"])
    assert store.claim_owners() == []
    assert store.count_missing_embeddings(1, MODEL) == 0
    assert store.count_embedded_texts(1, MODEL) == 2


def test_threads_that_claim_at_once_never_share_a_text(store: Store):
    put_texts(store, 120)
    got: dict[str, list[str]] = {f"worker {i}": [] for i in range(4)}

    def work(owner: str) -> None:
        while hashes := claimed(store, owner, limit=5):
            got[owner] += hashes
            put_vectors(store, hashes)

    threads = [threading.Thread(target=work, args=(owner,)) for owner in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [text_hash for hashes in got.values() for text_hash in hashes]
    assert len(everything) == len(set(everything)) == 120
