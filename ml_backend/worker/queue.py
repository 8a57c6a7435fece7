"""The task queue between web and worker: huey over SQLite or Redis.

What has to be done is kept in the database; a message in the queue only wakes a worker. A lost message costs at
most the minute until the next reconciliation, never a label.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from huey import PriorityRedisHuey
from huey.api import Huey

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.states import RunReason
from ml_backend.worker.wake_up import WakingSqliteStorage

logger = logging.getLogger(__name__)

QUEUE_NAME = "active-learning"
EMBED_PRIORITY = 10
RUN_PRIORITY = 1
LOCK_SECONDS = 10.0
"""How long to wait for SQLite's lock on the queue's database."""


class TaskQueue:
    """Wakes a worker to run a project's pipeline, or to embed a few texts at once for /predict.

    on_run: called by the worker with a project's id; on_embed: with the model's name and the texts, hash → text.
    """

    def __init__(self, settings: Settings) -> None:
        self.huey = _make_huey(settings)
        self.on_run: Callable[[int], None] = _no_worker
        self.on_embed: Callable[[str, dict[str, str]], None] = _no_worker

        # Both sides know a task by this module and name; only the worker sets what it does.
        def run_project(project_id: int) -> None:
            self.on_run(project_id)

        def embed_texts(model: str, texts: dict[str, str]) -> None:
            self.on_embed(model, texts)

        self._run = self.huey.task(name="run_project", priority=RUN_PRIORITY)(run_project)
        self._embed = self.huey.task(name="embed_texts", priority=EMBED_PRIORITY)(embed_texts)

    def request(self, store: Store, project_id: int, reason: RunReason) -> None:
        """Ask for a run of the project's pipeline; merged with a run already asked for."""
        if store.request_run(project_id, reason):
            self.wake_worker(project_id)

    def wake_worker(self, project_id: int, delay: float = 0.0) -> None:
        """Wake a worker for the project, after `delay` seconds; logs, never raises, when the queue is broken."""
        try:
            if delay > 0:
                self._run.schedule(args=(project_id,), delay=delay)
            else:
                self._run(project_id)
        except Exception:
            logger.exception(
                "project %s: the queue did not take the message; the next reconciliation runs it", project_id
            )

    def embed_soon(self, model: str, texts: dict[str, str]) -> None:
        """Have a worker embed texts (hash → text) before anything else and keep the vectors in the store.

        Raises sqlite3.OperationalError or redis.exceptions.RedisError when the queue is broken.
        """
        self._embed(model, texts)


def _no_worker(*_args: object) -> None:
    raise RuntimeError("this process puts tasks into the queue only; `python -m ml_backend worker` works on them")


def _make_huey(settings: Settings) -> Huey:
    if settings.redis_url:
        return PriorityRedisHuey(QUEUE_NAME, url=settings.redis_url, blocking=True, results=False)
    folder = Path(settings.model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return Huey(
        QUEUE_NAME,
        storage_class=WakingSqliteStorage,
        filename=str(folder / "queue.db"),
        results=False,
        timeout=LOCK_SECONDS,
    )
