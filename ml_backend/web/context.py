"""The services that all routes share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import cast

from flask import current_app

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.inbox import Inbox
from ml_backend.web.monitoring.metrics import RequestMetrics
from ml_backend.web.monitoring.readiness import Readiness
from ml_backend.web.monitoring.state_metrics import StateMetrics
from ml_backend.web.serving.admission import MemoryBudget
from ml_backend.web.serving.attempts import Attempts
from ml_backend.worker.queue import TaskQueue

READING_MEMORY = 512 * 2**20
"""Bytes that the large bodies which are parsed at the same time may take in all."""
EXTENSION = "active_learning"
KEY_CHECKS = 2
"""Label Studio keys that are checked at the same time, so that threads are left when Label Studio is slow."""


@dataclass
class Web:
    """Settings, store, task queue and metrics of one application.

    waiting: limits the requests that wait for a worker or for Label Studio, so that /health always finds a free thread;
    entering: limits those that wait for a place among them;
    key_checks: limits the keys that are checked at the same time; attempts: wrong credentials of the last minutes;
    reading: memory for bodies above 1 MB that are parsed at the same time.
    """

    settings: Settings
    store: Store
    queue: TaskQueue
    metrics: RequestMetrics
    waiting: threading.BoundedSemaphore = field(init=False)
    entering: threading.BoundedSemaphore = field(init=False)
    key_checks: threading.BoundedSemaphore = field(init=False)
    reading: MemoryBudget = field(init=False)
    inbox: Inbox = field(init=False)
    readiness: Readiness = field(init=False)
    state_metrics: StateMetrics = field(init=False)
    attempts: Attempts = field(default_factory=Attempts)
    _secret: str | None = None
    _known: set[int] = field(default_factory=set)
    _session_key: str | None = None

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.store, self.queue)
        self.readiness = Readiness(self.settings, self.store, self.queue)
        self.state_metrics = StateMetrics(self.store, self.readiness)
        self.key_checks = threading.BoundedSemaphore(KEY_CHECKS)
        most_waiting = max(1, self.settings.threads // 2)
        self.waiting = threading.BoundedSemaphore(most_waiting)
        self.entering = threading.BoundedSemaphore(max(1, most_waiting // 2))
        self.reading = MemoryBudget(READING_MEMORY, most_waiting)

    @property
    def webhook_secret(self) -> str:
        """The base of the secrets that webhooks carry, see `Store.webhook_secret`."""
        if self._secret is None:
            self._secret = self.store.webhook_secret(self.settings.webhook_secret)
        return self._secret

    def knows(self, project_id: int) -> bool:
        """Whether the project exists, or did when it was asked for last: one query for each that does not."""
        if project_id not in self._known and self.store.project_exists(project_id):
            self._known.add(project_id)
        return project_id in self._known

    @property
    def session_key(self) -> str:
        """The key that signs the cookies of the pages, see `Store.session_key`."""
        if self._session_key is None:
            self._session_key = self.store.session_key(self.settings.secret_key)
        return self._session_key


def web() -> Web:
    """The context of the current request's application. Raises RuntimeError outside of a request."""
    return cast(Web, current_app.extensions[EXTENSION])
