"""The task queue between web and worker: huey over SQLite or Redis.

Requests for runs are stored in the database; a message in the queue only wakes a worker. A lost message delays a run
until the next reconciliation, at most a minute, and never loses a label.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

from huey.api import Huey
from redis import ConnectionPool
from redis.exceptions import RedisError

from ml_backend.settings import Settings, SettingsError
from ml_backend.store import Store
from ml_backend.store.states import ASKED_BY_PEOPLE, ProjectState, RunReason
from ml_backend.worker.messages import DataHuey
from ml_backend.worker.redis_storage import ReportingRedisStorage
from ml_backend.worker.wake_up import WakingSqliteStorage

logger = logging.getLogger(__name__)

QUEUE_NAME = "active-learning-json"
"""Versions up to 0.2.0 pickle their messages, under another name: during an upgrade neither reads the other's."""
EMBED_PRIORITY = 10
RUN_PRIORITY = 1
REDIS_SECONDS = 3.0
"""How long Redis may take to answer, as an annotator waits for the message of a webhook; reading waits for 1 s."""
LOCK_SECONDS = 10.0
"""How long to wait for the lock on the queue's SQLite database."""


class TaskQueue:
    """Wakes a worker to run a project's pipeline, or to embed a few texts at once for /predict.

    on_run: called by the worker with a project's id; on_embed: with the model's name and the texts, hash → text;
    on_jobs: without arguments, when there are jobs in the database.
    """

    def __init__(self, settings: Settings) -> None:
        self.huey = _make_huey(settings)
        self.on_run: Callable[[int], None] = _refuse_work
        self.on_embed: Callable[[str, dict[str, str]], None] = _refuse_work

        self.on_jobs: Callable[[], None] = _refuse_work

        # Server and worker register the same tasks by module and name; only the worker sets what they call.
        def run_project(project_id: int) -> None:
            self.on_run(project_id)

        def embed_texts(model: str, texts: dict[str, str]) -> None:
            self.on_embed(model, texts)

        def look_for_jobs() -> None:
            self.on_jobs()

        self._run = self.huey.task(name="run_project", priority=RUN_PRIORITY)(run_project)
        self._embed = self.huey.task(name="embed_texts", priority=EMBED_PRIORITY)(embed_texts)
        self._jobs = self.huey.task(name="look_for_jobs", priority=EMBED_PRIORITY)(look_for_jobs)

    def request(self, store: Store, project_id: int, reason: RunReason) -> None:
        """Request a run of the project's pipeline; it is merged with a run that is already requested.

        What a person asked for does not wait until a failed run is repeated, since it may be the remedy.
        """
        if store.request_run(project_id, reason) or (reason in ASKED_BY_PEOPLE and _has_failed(store, project_id)):
            self.wake_worker(project_id)

    def wake_worker(self, project_id: int, delay: float = 0.0) -> None:
        """Wake a worker for the project, after `delay` seconds; an error of the queue is logged, not raised."""
        try:
            if delay > 0:
                self._run.schedule(args=(project_id,), delay=delay)
            else:
                self._run(project_id)
        except (RedisError, sqlite3.Error, OSError) as problem:
            logger.error(
                "project %s: the queue did not accept the message (%s); the next reconciliation runs the project",
                project_id,
                problem,
            )
        except Exception:
            logger.exception(
                "project %s: the queue did not accept the message; the next reconciliation runs the project", project_id
            )

    def wake_jobs(self) -> None:
        """Tell a worker that there are jobs; it finds them within a second without that, too."""
        try:
            self._jobs()
        except (RedisError, sqlite3.Error, OSError) as problem:
            logger.warning("the queue did not accept the message about a job (%s); a worker finds the job", problem)

    def length(self) -> int:
        """Number of messages that wait.

        Raises sqlite3.Error or redis.exceptions.RedisError if these, or those that are put off, cannot be read.
        """
        self.huey.scheduled_count()
        return int(self.huey.pending_count())

    def embed_soon(self, model: str, texts: dict[str, str]) -> None:
        """Ask a worker to embed texts (hash → text) with priority and to store their vectors.

        Raises sqlite3.OperationalError or redis.exceptions.RedisError if the queue cannot be written to.
        """
        self._embed(model, texts)


def folders_written_to(settings: Settings, database_file: Path | None) -> list[Path]:
    """The folders that database and queue are written to. database_file: see `Store.file`."""
    queue = [] if settings.redis_url else [settings.model_dir.expanduser().resolve()]
    return queue + ([] if database_file is None else [database_file.expanduser().resolve().parent])


def _has_failed(store: Store, project_id: int) -> bool:
    project = store.project(project_id)
    return project is not None and project.state in {ProjectState.WAITING, ProjectState.FAILED}


def _refuse_work(*_args: object) -> None:
    raise RuntimeError("this process only adds tasks to the queue; `python -m ml_backend worker` runs them")


def _make_huey(settings: Settings) -> Huey:
    if settings.redis_url:
        try:
            connections = ConnectionPool.from_url(
                settings.redis_url, socket_connect_timeout=REDIS_SECONDS, socket_timeout=REDIS_SECONDS
            )
        except ValueError as problem:
            raise SettingsError(
                f"REDIS_URL cannot be read as an address ({problem}); write for example redis://host:6379/0"
            ) from None
        return DataHuey(QUEUE_NAME, storage_class=ReportingRedisStorage, connection_pool=connections, blocking=True)
    folder = Path(settings.model_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return DataHuey(
            QUEUE_NAME, storage_class=WakingSqliteStorage, filename=str(folder / "queue.db"), timeout=LOCK_SECONDS
        )
    except (OSError, sqlite3.Error) as problem:
        cause = problem.strerror if isinstance(problem, OSError) else problem
        raise SettingsError(
            f"MODEL_DIR {folder.absolute()} cannot be written to ({cause}): make it writable for this user, or set "
            "MODEL_DIR to another folder"
        ) from None
