"""Stores webhook events with group commit: events that arrive together are stored by one transaction."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ml_backend.store import Store
from ml_backend.store.records import NewEvent
from ml_backend.worker.queue import TaskQueue


@dataclass
class _PendingEvent:
    event: NewEvent
    done: bool = False
    is_stored: bool = False
    problem: Exception | None = None


class Inbox:
    """Stores events, and wakes a worker for projects that need a run.

    A transaction takes several times as long as inserting one event, so the thread that opens one writes all events
    that have arrived until then, including those of other threads.
    """

    def __init__(self, store: Store, queue: TaskQueue) -> None:
        self._store = store
        self._queue = queue
        self._arriving = threading.Lock()
        self._writing = threading.Lock()
        self._pending: list[_PendingEvent] = []

    def put(self, event: NewEvent) -> bool:
        """Store one event; it is in the database when this returns True, and not if its project does not exist.

        Raises the exception of the store.
        """
        pending = _PendingEvent(event)
        with self._arriving:
            self._pending.append(pending)
        with self._writing:
            if not pending.done:
                self._commit_group()
        if pending.problem is not None:
            raise pending.problem
        return pending.is_stored

    def _commit_group(self) -> None:
        with self._arriving:
            group, self._pending = self._pending, []
        try:
            added = self._store.add_events([pending.event for pending in group])
        except Exception as problem:
            for pending in group:
                pending.problem, pending.done = problem, True
            return
        for pending in group:
            pending.is_stored, pending.done = pending.event.project_id not in added.unknown, True
        for project_id in added.to_wake:
            self._queue.wake_worker(project_id)
