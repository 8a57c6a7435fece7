"""A project that was forgotten leaves no row in any table, except for its revision, which must not be used again."""

from __future__ import annotations

import time

import numpy as np
from sqlalchemy import create_engine, func, insert, select

from ml_backend.annotation import Annotation
from ml_backend.store import Store, tables
from ml_backend.store.learning_records import (
    Agreement,
    EvaluationRecord,
    HeadRecord,
    LabelStudioUse,
    RunRecord,
)
from ml_backend.store.records import NewEvent, TaskRecord
from ml_backend.store.states import RunReason

STAYS = {"revisions", "leases"}
"""A lease stays, since it belongs to the run under way, which forgets the project."""


def fill(store: Store, project_id: int) -> None:
    """Store a row of a project in every table."""
    text_hash = f"hash {project_id}"
    store.ensure_project(project_id)
    store.upsert_tasks(project_id, [TaskRecord(project_id, 1, text_hash, None)], {text_hash: "text"})
    store.put_embeddings("minilm", [text_hash], np.ones((1, 4), dtype=np.float32))
    store.put_class_vectors(project_id, ["class"], np.ones((1, 4), dtype=np.float32))
    store.replace_annotations(project_id, {1: [Annotation(project_id, 1, 7, False, [], "2026")]})
    store.add_events([NewEvent(project_id, "TASKS_CREATED", {}, RunReason.TASKS)])
    store.put_head(HeadRecord("v1", project_id, ["a"], False, "minilm", 1, b"", Agreement(), time.time()))
    store.put_evaluation(EvaluationRecord(project_id, "v1", 1.0, 1, None, None, None, None, 0, None, 0.1, {}))
    batch = store.plan_batch(project_id, "random", "why", "v1", [1], size=1)
    use = LabelStudioUse(1, 0.1)
    store.add_run(RunRecord(project_id, 0.0, batch.number, batch.version, "random", "why", 1, [], {}, use, 0, 0, 0, 0))
    store.put_fitted_labels(project_id, {1: ["a"]})
    with store._database.writing() as connection:
        connection.execute(insert(tables.label_snapshots).values(project_id=project_id, body={}))
    store.add_setting_change(project_id, "anna", {"seed": [0, 1]})
    store.add_candidate(project_id)
    store.add_job(project_id, "rest", {}, "anna")
    store.put_file(project_id, "model", b"content")
    store.request_tasks(project_id, [1], "anna", "search")
    with store._database.writing() as connection:
        dismissed = {"project_id": project_id, "kind": "doubt", "task_id": 1, "key": "a", "who": "anna", "at": 0.0}
        connection.execute(insert(tables.dismissals).values(**dismissed))
    assert store.acquire_lease(project_id, "worker", 60.0)


def rows_of_project(database_url: str, project_id: int) -> dict[str, int]:
    """Number of rows of a project by table, for the tables that have a project's id."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        rows = {
            table.name: connection.execute(
                select(func.count()).select_from(table).where(table.c.project_id == project_id)
            ).scalar_one()
            for table in tables.metadata.sorted_tables
            if "project_id" in table.c
        }
    engine.dispose()
    return rows


def stored_texts(database_url: str) -> set[str]:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        hashes = set(connection.execute(select(tables.texts.c.text_hash)).scalars())
    engine.dispose()
    return hashes


def test_forgetting_a_project_deletes_all_its_rows_and_none_of_another(store: Store, database_url: str):
    for project_id in (1, 2):
        fill(store, project_id)
    before = rows_of_project(database_url, 1)
    assert all(before.values()), f"this test must fill every table: {before}"
    store.forget_project(1)
    after = rows_of_project(database_url, 1)
    assert {name for name, n in after.items() if n} == STAYS
    assert store.project(1) is None
    assert rows_of_project(database_url, 2) == before
    assert set(store.embeddings("minilm", ["hash 1", "hash 2"])) == stored_texts(database_url) == {"hash 2"}
    store.remove_tasks(2, [1])
    assert stored_texts(database_url) == set()
