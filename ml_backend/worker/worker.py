"""The background worker: listens for rings, runs one pipeline a project at a time, reconciles every minute."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from huey import crontab
from huey.consumer import Consumer

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, Unauthorized
from ml_backend.learning.embedding.embedder import ModelNotAvailable, load
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.run import EVERY_MINUTE, run_project
from ml_backend.pipeline.task_arrays import ArrayCache
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
FIRST_RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 60.0


class Worker:
    """Runs pipelines on rings. Several workers may share a database: a lease keeps one run a project."""

    def __init__(self, settings: Settings, store: Store, queue: TaskQueue, services: Services) -> None:
        self._settings = settings
        self._store = store
        self._queue = queue
        self._services = services
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._failures: dict[int, int] = {}
        queue.on_run = self.run
        queue.on_embed = self.embed

    def run(self, project_id: int) -> None:
        """Run the project's pipeline unless another worker does; what was asked meanwhile leads to one more run."""
        with self._lease(project_id) as held:
            if not held:
                return
            reasons = self._store.take_requests(project_id)
            more = self._attempt(project_id, reasons or ["unasked"])
        if more:
            self._store.request_run(project_id, "continued")
        # Whoever rang during the run found the lease taken: the ring has to come again from here.
        if project_id in self._store.pending_projects() and project_id not in self._failures:
            self._queue.wake_worker(project_id)

    def embed(self, model: str, texts: dict[str, str]) -> None:
        """Embed texts that /predict asked for and keep the vectors."""
        embedder = self._services.embedder(model)
        self._store.put_embeddings(embedder.name, list(texts), embedder.encode(list(texts.values())))

    def release_stale_leases(self) -> None:
        """Break the leases of workers that died on this machine: their runs are ours now."""
        self._store.delete_leases([owner for owner in self._store.lease_owners() if _is_dead(owner)])

    def reconcile_all(self, reason: str) -> None:
        """Ask for a run of every project; cheap where nothing changed."""
        for project in self._store.projects():
            self._store.request_run(project.id, reason)
            self._queue.wake_worker(project.id)

    def _attempt(self, project_id: int, reasons: list[str]) -> bool:
        started = time.monotonic()
        try:
            more = run_project(self._services, project_id, reasons)
        except (LabelStudioUnavailable, Unauthorized, ModelNotAvailable) as problem:
            self._try_again(project_id, reasons, str(problem), "waiting")
            return False
        except Exception as problem:
            logger.exception("project %s: the run failed; trying again", project_id)
            self._try_again(project_id, reasons, f"{type(problem).__name__}: {problem}", "failed")
            return False
        if self._failures.pop(project_id, 0):
            logger.info("project %s: recovered", project_id)
        logger.debug("project %s: run for %s took %.2f s", project_id, reasons, time.monotonic() - started)
        return more

    def _try_again(self, project_id: int, reasons: list[str], problem: str, state: str) -> None:
        failures = self._failures[project_id] = self._failures.get(project_id, 0) + 1
        delay = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (failures - 1))
        logger.error("project %s: %s (try %d; next in %.0f s)", project_id, problem, failures, delay)
        self._store.update_project(
            project_id, state=state, error=problem, phase=f"trying again in {delay:.0f} s (try {failures})"
        )
        for reason in reasons:
            self._store.request_run(project_id, reason)
        self._queue.wake_worker(project_id, delay=delay)

    @contextmanager
    def _lease(self, project_id: int) -> Iterator[bool]:
        owner = f"{self._owner}:{threading.get_ident()}"
        if not self._store.acquire_lease(project_id, owner, LEASE_SECONDS):
            yield False
            return
        done = threading.Event()
        keeper = threading.Thread(target=self._keep_lease, args=(project_id, owner, done), daemon=True)
        keeper.start()
        try:
            yield True
        finally:
            done.set()
            keeper.join()
            self._store.release_lease(project_id, owner)

    def _keep_lease(self, project_id: int, owner: str, done: threading.Event) -> None:
        while not done.wait(LEASE_SECONDS / 3):
            try:
                self._store.renew_lease(project_id, owner, LEASE_SECONDS)
            except Exception:
                logger.exception("project %s: the lease could not be renewed", project_id)


def _is_dead(owner: str) -> bool:
    host, pid, *_ = owner.split(":")
    if host != socket.gethostname():
        return False
    # A restarted container gives its processes the same numbers again: a lease under our own is from before.
    return int(pid) == os.getpid() or not is_running(int(pid))


def is_running(pid: int) -> bool:
    """Whether a process of this machine still runs; one that ended and that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists() and _takes_signals(pid)
    return state not in {"Z", "X"}


def _takes_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def build(settings: Settings) -> tuple[Worker, TaskQueue]:
    """A worker with everything it needs; nothing is loaded or called yet."""
    store = Store(settings.database_url)
    store.create()
    queue = TaskQueue(settings)
    client = LabelStudio(settings.label_studio_url, settings.label_studio_api_key)
    services = Services(
        store=store,
        client=client,
        arrays=ArrayCache(store),
        embedder=partial(load, trust_remote_code=settings.embedding_trust_remote_code),
        default_model=settings.embedding_model,
        webhook_secret=settings.webhook_secret or store.webhook_secret(),
    )
    return Worker(settings, store, queue, services), queue


def run(settings: Settings, threads: int = 2) -> None:
    """Listen until SIGTERM or SIGINT; runs under way are finished first."""
    worker, queue = build(settings)
    worker.release_stale_leases()
    queue.huey.periodic_task(crontab(minute="*"), name="reconcile")(lambda: worker.reconcile_all(EVERY_MINUTE))
    worker.reconcile_all("start")
    Consumer(queue.huey, workers=threads, graceful_signal="TERM").run()
