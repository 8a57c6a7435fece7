"""Where webhooks leave their events: those that arrive together are kept by one transaction."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ml_backend.store import Store
from ml_backend.store.records import NewEvent
from ml_backend.worker.queue import TaskQueue


@dataclass
class _Letter:
    event: NewEvent
    kept: bool = False
    problem: Exception | None = None


class Inbox:
    """Keeps events and rings for runs. `put` returns when its event is in the database, or raises what kept it out.

    A transaction costs several times what an event in it does: whoever opens one takes along all that came meanwhile.
    """

    def __init__(self, store: Store, queue: TaskQueue) -> None:
        self._store = store
        self._queue = queue
        self._arriving = threading.Lock()
        self._writing = threading.Lock()
        self._letters: list[_Letter] = []

    def put(self, event: NewEvent) -> None:
        """Keep one event."""
        letter = _Letter(event)
        with self._arriving:
            self._letters.append(letter)
        with self._writing:
            if not letter.kept and letter.problem is None:
                self._keep_all()
        if letter.problem is not None:
            raise letter.problem

    def _keep_all(self) -> None:
        with self._arriving:
            letters, self._letters = self._letters, []
        try:
            to_wake = self._store.add_events([letter.event for letter in letters])
        except Exception as problem:
            for letter in letters:
                letter.problem = problem
            return
        for letter in letters:
            letter.kept = True
        for project_id in to_wake:
            self._queue.wake_worker(project_id)
