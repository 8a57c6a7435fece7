"""A small project whose texts are embedded, and a worker that does jobs, for tests of its map."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from local_backend import WordHashes, services

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning import Head
from ml_backend.learning.head.files import to_bytes
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.job_kinds import KINDS
from ml_backend.pipeline.jobs import RUNS
from ml_backend.pipeline.jobs.job import Job
from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, HeadRecord
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.worker.jobs import Jobs
from ml_backend.worker.queue import TaskQueue

PROJECT = 7
CLASSES = ("bug", "kind_words")
CONFIG = (
    '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="bug"/><Choice value="kind_words"/>'
    "</Choices></View>"
)
HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'


def texts(n: int) -> list[str]:
    """n different texts about two things, in turn."""
    words = ("the app crashes on page", "thanks for the kind help of")
    return [f"{words[i % 2]} {'abcdefgh'[i % 8]}{i}" for i in range(n)]


def add_tasks(store: Store, chosen: Sequence[str], first: int = 1, is_embedded: bool = True) -> None:
    """Store tasks with these texts, numbered from `first`, and their vectors."""
    hashes = [text_hash(text) for text in chosen]
    records = [TaskRecord(PROJECT, first + n, h, None, "") for n, h in enumerate(hashes)]
    store.upsert_tasks(PROJECT, records, dict(zip(hashes, chosen, strict=True)))
    if is_embedded:
        store.put_embeddings(WordHashes.name, hashes, WordHashes().encode(chosen))


def make_project(store: Store, chosen: Sequence[str]) -> None:
    """A project with these texts as its tasks 1, 2, …"""
    store.ensure_project(
        PROJECT,
        label_config=CONFIG,
        settings={"embedding_model": WordHashes.name},
        text_source="text",
        counts=ProjectCounts(embedded=len(chosen)),
    )
    add_tasks(store, chosen)


def label(store: Store, given: dict[int, str | None], annotator: int = 1) -> None:
    """Label tasks: task → class, None for a skip."""
    result = {
        name: [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": [name]}}] for name in CLASSES
    }
    store.replace_annotations(
        PROJECT,
        {
            task: [Annotation(1000 * annotator + task, task, annotator, name is None, result[name] if name else [], "")]
            for task, name in given.items()
        },
    )


def fit(store: Store, chosen: Sequence[str]) -> Head:
    """Store a head that tells the two kinds of `texts` apart, and return it."""
    head = Head(C=100.0).fit(WordHashes().encode(chosen), np.arange(len(chosen)) % 2, 2)
    record = HeadRecord(
        "head 1", PROJECT, list(CLASSES), False, WordHashes.name, 4, to_bytes(head), Agreement(), time.time()
    )
    store.put_head(record)
    return head


@contextmanager
def service(store: Store) -> Iterator[Services]:
    """What jobs work with; no Label Studio."""
    client = LabelStudio("http://127.0.0.1:9", "key")
    yield services(store, client)
    client.close()


def do(using: Services, kind: str, keep: Any = lambda *_: True, **given: Any) -> dict[str, Any]:
    """Do a job in this thread; returns its result."""
    record = using.store.add_job(PROJECT, kind, KINDS[kind].parse(given), "Ann")
    return RUNS[kind](Job(record, using, keep))


@contextmanager
def worker(store: Store, queue: TaskQueue) -> Iterator[None]:
    """A worker that does the jobs of which the queue tells."""
    with service(store) as using:
        jobs = Jobs(using)
        queue.wake_jobs = jobs.look  # type: ignore[method-assign]
        jobs.start()
        yield
        jobs.stop(patience=10)
