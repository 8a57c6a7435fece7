"""`connect` shows how far a project is until its first batch can be labelled, and says why if none comes."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.console import Console

from ml_backend.commands import first_batch
from ml_backend.commands.failure import CommandFailed
from ml_backend.commands.first_batch import Step, steps_to_first_batch, watch_first_batch
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.records import FirstRead, ProjectCounts, TaskRecord
from ml_backend.store.states import BatchState, ProjectState, RunReason

PAGE = "http://localhost:9090"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_batch, "LOOK_EVERY_SECONDS", 0.0)


@pytest.fixture
def steps(sqlite_store: Store) -> Iterator[Step]:
    """The steps of project 7, which was connected a moment ago."""
    sqlite_store.ensure_project(7)
    sqlite_store.request_run(7, RunReason.SETUP)
    return steps_to_first_batch(sqlite_store, 7)


def publish(store: Store) -> None:
    """The first batch of project 7."""
    batch = store.plan_batch(7, method="typiclust", why="", head_version=None, task_ids=[1], size=1)
    store.mark_batch(7, batch.number, BatchState.PUBLISHED)


def test_reading_embedding_and_publishing_are_shown_until_there_is_a_batch(sqlite_store: Store, steps: Iterator[Step]):
    assert next(steps) == Step("waiting for the worker")
    sqlite_store.update_project(7, first_read=FirstRead(1, None, 1500))
    assert next(steps) == Step("reading tasks", 0, 1500)
    sqlite_store.upsert_tasks(7, [TaskRecord(7, 1, "h", None, "2026")], {"h": "text"})
    assert next(steps) == Step("reading tasks", 1, 1500)
    sqlite_store.update_project(7, counts=ProjectCounts(to_embed=1000))
    assert next(steps) == Step("embedding texts", 0, 256), "the first batch is chosen from so many"
    sqlite_store.update_project(7, counts=ProjectCounts(embedded=256, to_embed=744), phase="publishing batch 1")
    assert next(steps) == Step("publishing batch 1", 256, 256)
    publish(sqlite_store)
    assert list(steps) == []


def test_a_run_that_fails_ends_the_wait_with_its_problem_and_the_remedy(sqlite_store: Store, steps: Iterator[Step]):
    next(steps)
    sqlite_store.update_project(7, state=ProjectState.WAITING, error="Label Studio does not answer.", phase="again")
    sqlite_store.count_failed_run(7)
    with pytest.raises(CommandFailed, match=r"does not come: Label Studio does not answer\. Nothing is lost"):
        list(steps)


def test_a_project_that_cannot_be_learned_ends_the_wait_once_its_run_is_over(
    sqlite_store: Store, steps: Iterator[Step]
):
    sqlite_store.update_project(7, state=ProjectState.UNSUPPORTED, error="There is no choice.")
    next(steps)  # of the time before it was connected again
    sqlite_store.take_requests(7)
    with pytest.raises(CommandFailed, match=r"There is no choice\. Change the labeling interface"):
        list(steps)


def test_a_project_without_tasks_is_not_waited_for(sqlite_store: Store, steps: Iterator[Step]):
    next(steps)
    sqlite_store.update_project(7, state=ProjectState.READY)
    sqlite_store.take_requests(7)
    assert list(steps) == []


def test_without_a_worker_it_is_said_how_to_start_one(
    sqlite_store: Store, steps: Iterator[Step], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(first_batch, "OVERDUE_SECONDS", -1.0)
    with pytest.raises(CommandFailed, match="start one with `python -m ml_backend worker`"):
        list(steps)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_ctrl_c_ends_only_the_display(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, is_terminal: bool):
    sqlite_store.ensure_project(7)
    sqlite_store.request_run(7, RunReason.SETUP)

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(first_batch.time, "sleep", interrupted)
    console = Console(file=StringIO(), force_terminal=is_terminal, width=200, record=True)
    watch_first_batch(console, settings(sqlite_store), 7, PAGE)
    assert f"Only this display was stopped; the backend goes on: {PAGE}/projects/7" in console.export_text()


def test_the_end_says_where_to_label_and_lines_are_plain_where_there_is_no_terminal(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    publish(sqlite_store)
    console = Console(file=StringIO(), width=40, record=True)
    watch_first_batch(console, settings(sqlite_store), 7, PAGE)
    assert console.export_text().splitlines() == [
        "✓ batch 1 is published: 1 task, and more follow",
        "Press Label All Tasks: http://labels.example.org/projects/7/data",
        f"The project's page:    {PAGE}/projects/7",
        "In a terminal, `connect` also prints a link that signs you in there.",
    ]


def test_on_a_terminal_a_link_to_sign_in_is_printed_that_the_database_knows_by_its_hash_only(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    publish(sqlite_store)
    console = Console(file=StringIO(), force_terminal=True, width=200, record=True)
    watch_first_batch(console, settings(sqlite_store), 7, PAGE)
    line = console.export_text().splitlines()[-1]
    link = urlsplit(line.removeprefix("Signed in there, once within 15 minutes: "))
    (token,), (page,) = (parse_qs(link.query)[name] for name in ("link", "next"))
    assert (link.path, page) == ("/sign-in", "/projects/7")
    assert sqlite_store.file is not None
    assert token.encode() not in sqlite_store.file.read_bytes()
    assert [sqlite_store.use_sign_in_link(token) for _ in range(2)] == [True, False]


def settings(store: Store) -> Settings:
    """Those of the command, with the database of the test."""
    return Settings(database_url=f"sqlite:///{store.file}", label_studio_public_url="http://labels.example.org")
