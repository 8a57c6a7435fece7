"""An upgrade moves what version 0.1.0 stored in `meta` and in the bodies of runs into columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from ml_backend.store import Store, schema
from ml_backend.store.database import Database
from ml_backend.store.learning_records import LabelStudioUse
from ml_backend.store.records import FirstRead, ProjectCounts, ProjectRecord, Unmatched

COUNTS = {
    "labels": {"b": 2, "a": 0},
    "labeled": 2,
    "skipped": 1,
    "ties": 1,
    "without_answer": 3,
    "unknown_choices": {"gone": 2},
    "duplicates": 4,
    "open": 30,
    "tasks": 40,
    "embedded": 39,
    "to_embed": 1,
    "queue_remaining": 7,
    "annotators": 2,
}
LOOKED = {"attached": True, "address": "http://ours", "extra_params_seen": ['{"a": 1}'], "seen_by": "ann at http://ls"}
READING = {"next_page": 3, "first_newest": "2026-01", "text_source": "Text:text"}
LEARNED = {"settings_used": {"strategy": "badge"}, "newest_task": 40, "random_tasks": [[5], [3, 8]], "why": "labels"}
META: dict[int, dict[str, Any]] = {
    1: {},
    2: {**COUNTS, **LOOKED, **LEARNED, "next_page": 1, "text_source": "Text:text", "unmatched": [[1, 2, 3, 4], 2]},
    3: {**LOOKED, **READING, "address": None, "unmatched": None},
    4: {"attached": False, "address": "http://ours"},
    5: {"attached": True},
    6: {"attached": False},
}
BATCHES = {1: [5, 6], 2: [3, 4, 8], 3: [3, 8]}
"""Batches of project 2; the third is planned and was never served."""
KAPPAS = [None, 0.5, 0.99, 1.0, 0.992]


def run_body(number: int, kappa: float | None) -> dict[str, Any]:
    numbers = {"right": 1, "asked": 2, "random_right": 3, "random_asked": 4}
    return {
        "at": 1.5,
        "batch": number,
        "version": f"batch {number}",
        "method": "badge",
        "why": "few left",
        "labels": 9,
        "reasons": ["labels", "every minute"],
        "seconds": {"fit": 0.25},
        "label_studio": {"requests": 5, "seconds": 0.5},
        **numbers,
        "kappa": kappa,
    }


def write(database: Database) -> None:
    with database.writing() as connection:
        schema._upgrade(connection, schema.FIRST_REVISION)
        for project_id, meta in META.items():
            connection.execute(
                text(
                    "INSERT INTO projects (id, title, label_config, settings, state, phase, cycle, meta) "
                    "VALUES (:id, 'Mail', '<View/>', '{}', 'ready', '', 1, :meta)"
                ),
                {"id": project_id, "meta": json.dumps(meta)},
            )
        for number, task_ids in BATCHES.items():
            connection.execute(
                text(
                    "INSERT INTO batches (project_id, number, version, method, why, task_ids, size, state, created_at, "
                    "published_at) VALUES (2, :number, 'v', 'badge', '', :task_ids, 2, :state, 0.0, :published_at)"
                ),
                {
                    "number": number,
                    "task_ids": json.dumps(task_ids),
                    "state": "planned" if number == 3 else "published",
                    "published_at": None if number == 3 else float(number),
                },
            )
        bodies = [run_body(max(1, number - 2), kappa) for number, kappa in enumerate(KAPPAS)]
        for project_id, body in [*((2, body) for body in bodies), (3, {"labels": 1, "batch": None})]:
            connection.execute(
                text("INSERT INTO runs (project_id, body) VALUES (:project_id, :body)"),
                {"project_id": project_id, "body": json.dumps(body)},
            )


@pytest.fixture
def upgraded(database_url: str) -> Iterator[Store]:
    database = Database(database_url)
    write(database)
    database.close()
    store = Store(database_url)
    store.create()
    yield store
    store.close()


def test_keys_of_meta_become_columns(upgraded: Store):
    empty, full, reading, left, unsure, never = upgraded.projects()
    assert empty == ProjectRecord(id=1, title="Mail", label_config="<View/>", state=empty.state, cycle=1)
    assert full.counts == ProjectCounts(**COUNTS)
    assert list(full.counts.labels) == ["b", "a"]
    assert (full.attached, full.entry_url, full.seen_by) == (True, "http://ours", "ann at http://ls")
    assert full.extra_params_seen == ['{"a": 1}']
    assert (full.first_read, full.text_source, full.unmatched) == (None, "Text:text", Unmatched([1, 2, 3, 4], 2))
    assert (full.settings_used, full.newest_task) == ({"strategy": "badge"}, 40)
    assert (reading.first_read, reading.unmatched) == (FirstRead(3, "2026-01"), None)
    assert (reading.attached, reading.entry_url) == (True, None), "several entries, and none is known to be ours"
    assert (left.attached, left.entry_url) == (False, "http://ours")
    assert (unsure.attached, never.attached) == (None, False), "without an address its entries are checked again"


def test_random_tasks_become_a_column_of_their_batch(upgraded: Store):
    assert [batch.random_task_ids for batch in upgraded.batches(2)] == [[], [3, 8], [5]]


def test_bodies_of_runs_become_columns(upgraded: Store):
    runs = upgraded.runs(2)
    run = runs[-1]
    assert (run.at, run.batch, run.version, run.method, run.why, run.labels) == (
        1.5,
        2,
        "batch 2",
        "badge",
        "few left",
        9,
    )
    assert (run.reasons, run.seconds) == (["labels", "every minute"], {"fit": 0.25})
    assert run.label_studio == LabelStudioUse(5, 0.5)
    (sparse,) = upgraded.runs(3)
    assert (sparse.batch, sparse.labels, sparse.asked, sparse.label_studio) == (None, 1, 0, LabelStudioUse(0, 0.0))


def test_what_earlier_versions_measured_otherwise_is_dropped(upgraded: Store):
    for run in upgraded.runs(2):
        assert (run.right, run.asked, run.random_right, run.random_asked) == (0, 0, 0, 0)
