"""Values of a newer version in columns whose schema is the same: one such row must not stop all projects."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import create_engine, text

from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts
from ml_backend.store.states import ProjectState, RunReason


def write(database_url: str, statement: str, **values: object) -> None:
    """Write as another program would, without the types of the store."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


@pytest.fixture
def store_of_two(store: Store) -> Store:
    for project_id in (1, 2):
        store.ensure_project(project_id, state=ProjectState.READY, counts=ProjectCounts(labeled=3))
    return store


def test_an_unknown_state_is_read_as_new(store_of_two: Store, database_url: str):
    write(database_url, "UPDATE projects SET state = 'paused' WHERE id = 1")
    assert [project.state for project in store_of_two.projects()] == ["new", "ready"]
    assert store_of_two.project_and_head(1)[0] == store_of_two.project(1)
    store_of_two.update_project(1, state=ProjectState.READY)
    assert store_of_two.project(1).state is ProjectState.READY


def test_an_unknown_reason_still_leads_to_a_run(store_of_two: Store, database_url: str):
    write(database_url, "INSERT INTO run_requests (project_id, reason) VALUES (1, 'curiosity')")
    assert store_of_two.pending_projects() == [1]
    assert store_of_two.take_requests(1) == [RunReason.UNASKED]
    assert store_of_two.pending_projects() == []


def test_unknown_counts_are_left_out(store_of_two: Store, database_url: str):
    counts = json.dumps({"labeled": 5, "audited": 2})
    write(database_url, "UPDATE projects SET counts = :counts WHERE id = 1", counts=counts)
    assert [project.counts for project in store_of_two.projects()] == [
        ProjectCounts(labeled=5),
        ProjectCounts(labeled=3),
    ]
