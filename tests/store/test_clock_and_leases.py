"""Clocks that are set back or forward, processes that are frozen, and connections that are cut."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Float, create_engine, literal, text
from sqlalchemy.exc import DBAPIError

from ml_backend.store import Store
from ml_backend.store.database import Database
from ml_backend.store.learning_records import Agreement, HeadRecord
from ml_backend.store.leases import LeaseLost
from ml_backend.store.states import RunReason

HOUR = 3600.0
SetClock = Callable[[float], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Sets the clock that the processes share."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(Database, "now", lambda _self: literal(seconds, Float))

    return set_to


def head(version: str, created_at: float) -> HeadRecord:
    return HeadRecord(version, 7, ["a", "b"], False, "minilm", 4, b"", Agreement(), created_at)


def test_a_lease_from_before_the_clock_was_set_back_keeps_nobody_waiting(store: Store, set_clock: SetClock):
    set_clock(10 * HOUR)
    assert store.acquire_lease(7, "me", 30)
    store.request_run(7, RunReason.LABELS)
    assert store.waiting_projects() == []
    set_clock(9 * HOUR)
    assert store.waiting_projects() == [7]
    assert store.acquire_lease(7, "you", 30), "it would otherwise last for an hour"
    assert not store.acquire_lease(7, "me", 30)


def test_a_request_from_before_the_clock_was_set_back_is_not_passed_by_later_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda real=time.time: real() + HOUR)
        store.request_run(7, RunReason.LABELS)
    store.request_run(8, RunReason.LABELS)
    assert store.waiting_projects() == [7, 8]


def test_a_lease_renewed_after_the_clock_was_set_back_is_kept(store: Store, set_clock: SetClock):
    set_clock(10 * HOUR)
    assert store.acquire_lease(7, "me", 30)
    set_clock(9 * HOUR)
    store.renew_lease(7, "me", 30)
    assert not store.acquire_lease(7, "you", 30)


def test_a_run_writes_nothing_once_another_owner_has_its_lease(store: Store, set_clock: SetClock):
    store.ensure_project(7)
    set_clock(0.0)
    store.acquire_lease(7, "frozen", 30)
    of_run = store.under_lease(7, "frozen")
    batch = of_run.plan_batch(7, method="badge", why="", head_version=None, task_ids=[1], size=1)
    set_clock(31.0)
    of_run.request_run(7, RunReason.LABELS)  # the lease has expired, but nobody has taken it
    assert store.acquire_lease(7, "next", 30)
    for write in (
        lambda: of_run.plan_batch(7, method="badge", why="", head_version=None, task_ids=[2], size=1),
        lambda: of_run.put_head(head("stale", 1.0)),
        lambda: of_run.mark_batch(7, batch.number, "published"),
        lambda: of_run.update_project(7, title="stale"),
        lambda: of_run.take_requests(7),
        of_run.require_lease,
    ):
        with pytest.raises(LeaseLost, match="held by next, not by frozen"):
            write()
    assert [b.state for b in store.batches(7)] == ["planned"]
    assert store.current_head(7) is None
    assert store.take_requests(7) == ["labels"]
    store.require_lease()  # this store writes under no lease


def test_the_newest_head_is_the_one_stored_last_also_when_the_clock_was_set_back(store: Store):
    for number in range(25):
        store.put_head(head(f"before {number}", 10 * HOUR + number))
    store.put_head(head("after", 9 * HOUR))
    current = store.current_head(7)
    assert current is not None
    assert current.version == "after"
    assert store.heads(7)[1].version == "before 24"


def test_workers_seen_before_the_clock_was_set_back_do_not_count_as_running(store: Store, set_clock: SetClock):
    set_clock(10 * HOUR)
    store.report_worker("gone")
    set_clock(9 * HOUR)
    assert store.worker_seen_at() is None
    store.report_worker("running")
    assert store.worker_seen_at() == 9 * HOUR


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[Store]:
    """An empty store on PostgreSQL."""
    opened = Store(postgres_url)
    opened.create()
    yield opened
    opened.close()


def test_the_locks_of_a_frozen_process_end_with_its_transaction(postgres_store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ml_backend.store.database.IDLE_TRANSACTION_SECONDS", 1)
    address = postgres_store._database._engine.url.render_as_string(hide_password=False)
    frozen = Store(address)
    postgres_store.acquire_lease(7, "frozen", -1)
    with pytest.raises(DBAPIError), frozen.under_lease(7, "frozen")._database.writing() as connection:  # noqa: PT012
        # This waits for the lock of the transaction above, which sends nothing more.
        assert postgres_store.acquire_lease(7, "next", 30)
        connection.execute(text("SELECT 1"))
    frozen.close()


def test_connections_that_were_cut_are_opened_again(postgres_store: Store, postgres_url: str):
    postgres_store.ensure_project(7)
    server = create_engine(postgres_url)
    with server.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    server.dispose()
    assert [project.id for project in postgres_store.projects()] == [7]
