"""huey's queue on Redis, which says in one line a minute why Redis cannot be used, and goes on as soon as it can."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from huey.storage import PriorityRedisStorage
from redis.exceptions import RedisError, ResponseError

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""How long a thread that could not read the queue waits before it reads again."""
REPORT_SECONDS = 60.0
"""The log has one line about the queue in so many seconds, however many threads read it."""


class WrongKey(ResponseError):
    """A key of the queue holds a value that is not the queue's; the message names the key and the remedy."""


class ReportingRedisStorage(PriorityRedisStorage):  # type: ignore[misc]
    """What a worker does by itself is tried again after an error; who sends or counts messages gets a RedisError.

    A message that cannot be put off is lost; the next reconciliation replaces it.
    """

    _report_due = 0.0
    _reporting = threading.Lock()

    def dequeue(self) -> bytes | None:
        """The next message, or None if none came in time or the queue cannot be read."""
        message: bytes | None = None
        try:
            with self._explained(self.queue_key):
                message = super().dequeue()
        except RedisError as problem:
            self._report(problem)
            time.sleep(PAUSE_SECONDS)
        return message

    def read_schedule(self, ts: datetime) -> list[bytes]:
        """The messages that are due; none if the schedule cannot be read."""
        try:
            with self._explained(self.schedule_key):
                return list(super().read_schedule(ts))
        except RedisError as problem:
            self._report(problem)
            return []

    def add_to_schedule(self, data: bytes, ts: datetime) -> None:
        """Put a message off until `ts`."""
        try:
            with self._explained(self.schedule_key):
                super().add_to_schedule(data, ts)
        except RedisError as problem:
            self._report(problem)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Put a message into the queue. Raises RedisError."""
        with self._explained(self.queue_key):
            super().enqueue(data, priority)

    def queue_size(self) -> int:
        """Number of messages that wait. Raises RedisError."""
        with self._explained(self.queue_key):
            return int(super().queue_size())

    def schedule_size(self) -> int:
        """Number of messages that are put off. Raises RedisError."""
        with self._explained(self.schedule_key):
            return int(super().schedule_size())

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except ResponseError as problem:
            if "WRONGTYPE" not in str(problem):
                raise
            database = self.pool.connection_kwargs.get("db") or 0
            raise WrongKey(
                f"the key {key} of Redis holds something that is not the task queue: delete it with "
                f"`redis-cli -n {database} DEL {key}`"
            ) from None

    def _report(self, problem: RedisError) -> None:
        with self._reporting:
            now = time.monotonic()
            if now < self._report_due:
                return
            self._report_due = now + REPORT_SECONDS
        logger.error("the task queue cannot be used, trying again: %s", problem)
