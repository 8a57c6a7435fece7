"""A worker answers nobody: a file's age tells a health check when it last reached its database and its queue."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from pathlib import Path

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

FILE = Path(tempfile.gettempdir()) / "active-learning-worker"
"""A container holds one worker and has its own folder for temporary files."""
EVERY_SECONDS = 15.0
TOO_OLD_SECONDS = 60.0


def keep_beating(settings: Settings) -> None:
    """Look at the database and the queue in the background from now on."""
    store, queue = Store(settings.database_url), TaskQueue(settings)
    FILE.unlink(missing_ok=True)

    def watch() -> None:
        while True:
            beat(store, queue)
            time.sleep(EVERY_SECONDS)

    threading.Thread(target=watch, name="heartbeat", daemon=True).start()


def beat(store: Store, queue: TaskQueue, file: Path = FILE) -> None:
    """Touch the file when database and queue answer; log what does not."""
    try:
        store.ping()
        queue.huey.pending_count()
        file.touch()
    except Exception:
        logger.exception("the worker does not reach its database or its queue")


def problem(file: Path = FILE) -> str | None:
    """What is wrong with the worker of this container, or None when its last look is recent."""
    try:
        age = time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return "no worker has reached its database and its queue here yet; its log says why"
    if age > TOO_OLD_SECONDS:
        return f"the worker has not reached its database and its queue for {age:.0f} s; its log says why"
    return None
