"""Waits at the start of a server or a worker until its database and its queue answer.

Containers start in any order, and an orchestrator that restarts a process which ends at once makes ever longer pauses.
So a start waits for a minute, with a line in the log each second, and ends with one sentence after that.
"""

from __future__ import annotations

import logging
import time
from contextlib import closing

from redis.exceptions import AuthenticationError, RedisError

from ml_backend.settings import Settings, SettingsError
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 1.0


def wait_for_services(settings: Settings, patience: float | None = None) -> None:
    """Create or upgrade the database, and read the queue once. Raises SettingsError.

    patience: seconds to wait for PostgreSQL and for Redis, PATIENCE_SECONDS if None.
    """
    seconds = PATIENCE_SECONDS if patience is None else patience
    with closing(Store(settings.database_url)) as store:
        store.create(seconds)
    _wait_for_queue(TaskQueue(settings), seconds)


def _wait_for_queue(queue: TaskQueue, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            queue.length()
        except RedisError as problem:
            if isinstance(problem, AuthenticationError) or time.monotonic() >= deadline:
                raise SettingsError(
                    f"Redis, the task queue, cannot be used ({problem}): start it, or correct REDIS_URL"
                ) from None
            logger.warning("waiting for Redis: %s", problem)
            time.sleep(PAUSE_SECONDS)
        else:
            return
