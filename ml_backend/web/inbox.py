"""Where webhooks put their events. Group commit: events that arrive together are kept by one transaction."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ml_backend.store import Store
from ml_backend.store.records import NewEvent
from ml_backend.worker.queue import TaskQueue


@dataclass
class _PendingEvent:
    event: NewEvent
    kept: bool = False
    problem: Exception | None = None


class Inbox:
    """Keeps events and wakes a worker for the projects that need a run.

    A transaction costs several times what an event in it does, so the thread that opens one writes all events that
    have arrived until then, those of other threads included.
    """

    def __init__(self, store: Store, queue: TaskQueue) -> None:
        self._store = store
        self._queue = queue
        self._arriving = threading.Lock()
        self._writing = threading.Lock()
        self._pending: list[_PendingEvent] = []

    def put(self, event: NewEvent) -> None:
        """Keep one event; it is in the database when this returns. Raises what the store raised when it is not."""
        pending = _PendingEvent(event)
        with self._arriving:
            self._pending.append(pending)
        with self._writing:
            if not pending.kept and pending.problem is None:
                self._commit_group()
        if pending.problem is not None:
            raise pending.problem

    def _commit_group(self) -> None:
        with self._arriving:
            group, self._pending = self._pending, []
        try:
            to_wake = self._store.add_events([pending.event for pending in group])
        except Exception as problem:
            for pending in group:
                pending.problem = problem
            return
        for pending in group:
            pending.kept = True
        for project_id in to_wake:
            self._queue.wake_worker(project_id)
