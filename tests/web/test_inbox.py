"""Group commit of webhook events, and a repeated /setup, which writes nothing."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy.exc import OperationalError

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.events import AddedEvents
from ml_backend.store.records import NewEvent
from ml_backend.web.app import create_app
from ml_backend.web.inbox import Inbox
from ml_backend.worker.queue import TaskQueue


class RecordingQueue:
    """A queue that only records the projects for which it would wake a worker."""

    def __init__(self) -> None:
        self.woken: list[int] = []

    def wake_worker(self, project_id: int, delay: float = 0.0) -> None:
        self.woken.append(project_id)


def event(n: int, project_id: int = 1) -> NewEvent:
    return NewEvent(project_id, "ANNOTATION_CREATED", {"n": n}, "labels")


def at_once(*calls: Any) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_until_pending(inbox: Inbox, n: int) -> None:
    """Wait until n events have arrived while a transaction is open."""
    deadline = time.monotonic() + 10
    while len(inbox._pending) < n:
        assert time.monotonic() < deadline, f"{len(inbox._pending)} of {n} events arrived"
        time.sleep(0.001)


def test_events_that_arrive_together_share_a_transaction(store: Store, monkeypatch: pytest.MonkeyPatch):
    queue: Any = RecordingQueue()
    store.ensure_project(1)
    inbox = Inbox(store, queue)
    sizes: list[int] = []
    first = threading.Event()

    def slow(self: Store, new: list[NewEvent], keep: Any = Store.add_events) -> AddedEvents:
        sizes.append(len(new))
        if not first.is_set():
            first.set()
            wait_until_pending(inbox, 11)
        return cast(AddedEvents, keep(self, new))

    monkeypatch.setattr(Store, "add_events", slow)

    def later(n: int) -> None:
        assert first.wait(10)
        inbox.put(event(n))

    at_once(lambda: inbox.put(event(0)), *(lambda n=n: later(n) for n in range(1, 12)))
    assert sizes == [1, 11]
    assert sorted(e.body["n"] for e in store.events(1)) == list(range(12))
    assert queue.woken == [1]


def test_an_event_is_in_the_store_when_put_returns(store: Store):
    queue: Any = RecordingQueue()
    store.ensure_project(1)
    inbox = Inbox(store, queue)
    for n in range(3):
        inbox.put(event(n))
        assert [e.body["n"] for e in store.events(1)] == list(range(n + 1))


def test_an_event_of_a_project_that_does_not_exist_is_not_stored_and_those_beside_it_are(store: Store):
    queue: Any = RecordingQueue()
    store.ensure_project(1)
    inbox = Inbox(store, queue)
    assert inbox.put(event(0, project_id=2)) is False
    assert inbox.put(event(1)) is True
    assert (store.events(2), [e.body["n"] for e in store.events(1)]) == ([], [1])
    assert store.add_events([event(2, project_id=2), event(3)]) == AddedEvents(to_wake=set(), unknown={2})
    assert store.pending_projects() == [1]
    assert [project.id for project in store.projects()] == [1]
    assert queue.woken == [1]


def test_every_caller_whose_event_was_not_stored_gets_the_error(store: Store, monkeypatch: pytest.MonkeyPatch):
    queue: Any = RecordingQueue()
    store.ensure_project(1)
    inbox = Inbox(store, queue)
    errors: list[str] = []
    sizes: list[int] = []

    def broken(_: Store, new: list[NewEvent]) -> set[int]:
        sizes.append(len(new))
        if len(sizes) == 1:
            wait_until_pending(inbox, 5 - len(new))
        raise OperationalError("INSERT", {}, Exception("disk full"))

    def attempt(n: int) -> None:
        try:
            inbox.put(event(n))
        except OperationalError as problem:
            errors.append(str(problem.orig))

    monkeypatch.setattr(Store, "add_events", broken)
    at_once(*(lambda n=n: attempt(n) for n in range(5)))
    assert errors == ["disk full"] * 5
    assert sum(sizes) == 5
    assert len(sizes) <= 2, "events that arrived meanwhile must fail together"
    assert queue.woken == []
    monkeypatch.undo()
    inbox.put(event(9))
    assert [e.body["n"] for e in store.events(1)] == [9]


def test_a_repeated_setup_writes_nothing(tmp_path: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    settings = Settings(model_dir=tmp_path)
    client = create_app(settings, sqlite_store, TaskQueue(settings)).test_client()
    config = (
        '<View><Text name="t" value="$x"/><Choices name="c" toName="t"><Choice value="a"/><Choice value="b"/>'
        "</Choices></View>"
    )
    body = {"project": "1.5", "schema": config, "extra_params": {"batch_size": 7}}
    sqlite_store.ensure_project(1)
    first = client.post("/setup", json=body)
    assert first.json == {"model_version": "no-model-yet"}
    assert sqlite_store.take_requests(1) == ["setup"]
    monkeypatch.setattr(type(sqlite_store._database), "writing", lambda *_: pytest.fail("/setup wrote"))
    assert client.post("/setup", json=body).json == first.json
    monkeypatch.undo()
    assert client.post("/setup", json={**body, "extra_params": {"batch_size": 8}}).status_code == 200
    assert sqlite_store.take_requests(1) == ["extra params"]
