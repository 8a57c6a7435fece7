"""The doorbell between web and worker: huey over SQLite or Redis.

What has to be done is kept in the database; a message only says "look now". A lost message costs at
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
from ml_backend.worker.wake_up import DoorbellStorage

logger = logging.getLogger(__name__)

QUEUE_NAME = "active-learning"
EMBED_PRIORITY = 10
RUN_PRIORITY = 1


class TaskQueue:
    """Rings for a run of a project, or for a few texts to be embedded at once for /predict."""

    def __init__(self, settings: Settings) -> None:
        self.huey = _make_huey(settings)
        self.on_run: Callable[[int], None] = _only_rings
        self.on_embed: Callable[[str, dict[str, str]], None] = _only_rings

        # Both sides know a task by this module and name; only the worker sets what it does.
        def run_project(project_id: int) -> None:
            self.on_run(project_id)

        def embed_texts(model: str, texts: dict[str, str]) -> None:
            self.on_embed(model, texts)

        self._run = self.huey.task(name="run_project", priority=RUN_PRIORITY)(run_project)
        self._embed = self.huey.task(name="embed_texts", priority=EMBED_PRIORITY)(embed_texts)

    def request(self, store: Store, project_id: int, reason: str) -> None:
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
        """Have a worker embed texts (hash → text) before anything else and keep the vectors in the store."""
        self._embed(model, texts)


def _only_rings(*_args: object) -> None:
    raise RuntimeError("this process only rings the doorbell; start `python -m ml_backend worker`")


def _make_huey(settings: Settings) -> Huey:
    if settings.redis_url:
        return PriorityRedisHuey(QUEUE_NAME, url=settings.redis_url, blocking=True, results=False)
    folder = Path(settings.model_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return Huey(
        QUEUE_NAME, storage_class=DoorbellStorage, filename=str(folder / "queue.db"), results=False, timeout=10.0
    )
