"""The signs of life of a worker: a row in the database, for the status pages, and a file, for a health check.

A worker touches the file while it reaches its database and its queue, since it has no port; `worker --check`, the
health check of the worker's container, reads the file's age.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from pathlib import Path

from redis.exceptions import RedisError

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

LIVENESS_FILE = Path(tempfile.gettempdir()) / "active-learning-worker"
"""One file is enough: a container runs one worker and has its own folder for temporary files."""
EVERY_SECONDS = 15.0
TOO_OLD_SECONDS = 60.0


def start_heartbeat(settings: Settings, owner: str, with_file: bool) -> None:
    """Report in the background, every 15 s from now on, that this worker runs.

    owner: its name; with_file: whether to maintain the liveness file too.
    """
    store, queue = Store(settings.database_url), TaskQueue(settings)
    if with_file:
        LIVENESS_FILE.unlink(missing_ok=True)

    def watch() -> None:
        while True:
            report_worker(store, owner)
            if with_file:
                touch_liveness_file(store, queue)
            time.sleep(EVERY_SECONDS)

    threading.Thread(target=watch, name="heartbeat", daemon=True).start()


def report_worker(store: Store, owner: str) -> None:
    """Store that the worker runs; a problem of the database is logged."""
    try:
        store.report_worker(owner)
    except Exception:
        logger.exception("the worker cannot write to its database")


def touch_liveness_file(store: Store, queue: TaskQueue, file: Path = LIVENESS_FILE) -> None:
    """Touch the liveness file if database and queue can be reached; otherwise log the problem."""
    try:
        store.ping()
        queue.length()
        file.touch()
    except RedisError as problem:
        logger.error("the worker cannot use its queue: %s", problem)
    except Exception:
        logger.exception("the worker cannot reach its database or its queue")


def liveness_problem(file: Path = LIVENESS_FILE) -> str | None:
    """What is wrong with the worker of this container, or None when its liveness file is younger than a minute."""
    try:
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return "no worker of this container has reached its database and its queue yet; see its log"
    if age > TOO_OLD_SECONDS:
        return f"the worker has not reached its database and its queue for {age:.0f} s; see its log"
    return None
