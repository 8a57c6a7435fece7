"""The background worker: runs one pipeline at a time per project, repeats failed runs, reconciles every minute."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ml_backend.labelstudio.client import LabelStudioUnavailable, Unauthorized
from ml_backend.labelstudio.texts import text_hash
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.learning.embedding.names import canonical_name
from ml_backend.logs import log_context, new_id
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.embed import embed_each, help_to_embed
from ml_backend.pipeline.missing_projects import is_put_off
from ml_backend.pipeline.run import run_project
from ml_backend.store import DATABASE_ERRORS, Store
from ml_backend.store.leases import LeaseLost
from ml_backend.store.owners import is_stale, owner_name
from ml_backend.store.states import ProjectState, RunReason
from ml_backend.worker.failures import unforeseen_failure
from ml_backend.worker.lease import lease
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.retry import retry_delay

logger = logging.getLogger(__name__)

DATABASE_PAUSE = 5.0
"""Seconds until a worker tries again that could not read or write its database."""


class Worker:
    """Runs pipelines for the messages of the task queue.

    Several workers may share a database; a lease allows only one run at a time per project.
    """

    def __init__(
        self, store: Store, queue: TaskQueue, services: Services, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._queue = queue
        self._services = services
        self._owner = owner_name()
        self._clock = clock
        self._failures: dict[int, int] = {}
        self._retry_at: dict[int, float] = {}
        self._unstored: deque[tuple[int, list[RunReason]]] = deque()
        self._helping = threading.Lock()
        queue.on_run = self.run_next
        queue.on_embed = self.embed

    def run_next(self, named: int) -> None:
        """Run the project that has waited longest, whatever project the message names: so projects take turns.

        While none waits, help with the one that is named, see `help_to_embed`. While the database cannot be used, try
        again after a pause.
        """
        try:
            self._request_unstored()
            self._run_waiting(named)
        except DATABASE_ERRORS as problem:
            logger.error(
                "project %s: the database cannot be used, trying again in %.0f s: %s", named, DATABASE_PAUSE, problem
            )
            self._queue.wake_worker(named, delay=DATABASE_PAUSE)

    def _run_waiting(self, named: int) -> None:
        if not any(self._run_with_lease(project_id) for project_id in self._store.waiting_projects()):
            self._help(named)
            return
        # The messages of those that still wait may have been dropped while their projects were running, or be lost.
        still_waiting = self._store.waiting_projects()
        if still_waiting:
            self._queue.wake_worker(still_waiting[0])

    def run(self, project_id: int) -> None:
        """Run the project's pipeline unless another worker does; requests made during the run lead to one more run."""
        if not self._run_with_lease(project_id):
            self._help(project_id)
            return
        # A thread that got the message of such a request found the lease held and dropped it, so wake a worker again.
        if project_id in self._store.pending_projects() and project_id not in self._failures:
            self._queue.wake_worker(project_id)

    def embed(self, model: str, texts: dict[str, str]) -> None:
        """Embed texts (hash → text) for /predict, and store their vectors. Raises ModelNotAvailable.

        Whoever can write to the queue can send such a message, so only a model that is in use is loaded, and only texts
        with their own hash are embedded.
        """
        if not self._is_in_use(model):
            logger.warning("a message asked for the embedding model %r, which no project uses: it was dropped", model)
            return
        own = [(named, text) for named, text in texts.items() if _has_hash(text, named)]
        if len(own) < len(texts):
            logger.warning("%d texts of a message have another hash than it says: dropped", len(texts) - len(own))
        if own:
            embed_each(self._store, self._services.embedder(model), own)

    def release_stale_leases(self) -> None:
        """Delete leases and claims of workers on this machine that have ended, so that no run waits for them."""
        self._store.delete_leases([owner for owner in self._store.lease_owners() if is_stale(owner)])
        self._store.release_claims([owner for owner in self._store.claim_owners() if is_stale(owner)])

    def reconcile_all(self, reason: RunReason) -> None:
        """Request a run of every project, of missing ones ever more rarely; a run without changes is cheap."""
        for project in self._store.projects():
            if reason == RunReason.EVERY_MINUTE and is_put_off(project):
                continue
            self._store.request_run(project.id, reason)
            self._queue.wake_worker(project.id)

    def _run_with_lease(self, project_id: int) -> bool:
        """Returns False, having done nothing, while another worker runs the project."""
        with lease(self._store, project_id, self._owner) as store:
            if store is None:
                return False
            reasons = store.take_requests(project_id) or [RunReason.UNASKED]
            with self._services.arrays.run(project_id), log_context(project=project_id, run=new_id()):
                left = self._run_and_repeat(store, project_id, reasons)
        self._request(project_id, left)
        return True

    def _run_and_repeat(self, store: Store, project_id: int, reasons: list[RunReason]) -> list[RunReason]:
        """Returns the reasons for which one more run is due. Raises DATABASE_ERRORS, having kept the reasons."""
        try:
            return [RunReason.CONTINUED] if self._attempt(store, project_id, reasons) else []
        except LeaseLost as lost:
            logger.warning("%s; this run stops, and what it was asked for is left to the next one", lost)
            self._failures.pop(project_id, None)
            return reasons
        except DATABASE_ERRORS:
            self._unstored.append((project_id, reasons))
            raise

    def _request(self, project_id: int, reasons: list[RunReason]) -> None:
        """Request a run; if the database cannot store that, it is done before the next run of any project."""
        try:
            for reason in reasons:
                self._store.request_run(project_id, reason)
        except DATABASE_ERRORS:
            self._unstored.append((project_id, reasons))
            raise

    def _request_unstored(self) -> None:
        """Request the runs that could not be requested when the database failed."""
        while self._unstored:
            self._request(*self._unstored.popleft())

    def _is_in_use(self, model: str) -> bool:
        chosen = [project.settings.get("embedding_model") for project in self._store.projects()]
        named = {canonical_name(name) for name in [self._services.default_model, *chosen] if isinstance(name, str)}
        return canonical_name(model) in named | self._store.models_of_heads()

    def _help(self, project_id: int) -> None:
        """Embed texts of a project that another process runs, until another message waits for this thread.

        In one process the embedder takes one thread at a time, so a second one would gain nothing.
        """
        holder = self._store.lease_owner(project_id)
        if holder is None or holder.startswith(self._owner) or not self._helping.acquire(blocking=False):
            return
        try:
            help_to_embed(self._services, project_id, lambda: self._queue.length() > 0)
        except Exception as problem:
            logger.warning("project %s: this worker cannot help to embed: %s", project_id, problem)
        finally:
            self._helping.release()

    def _attempt(self, store: Store, project_id: int, reasons: list[RunReason]) -> bool:
        started = time.monotonic()
        try:
            work_left = run_project(replace(self._services, store=store), project_id, reasons)
        except LeaseLost:
            raise
        except (LabelStudioUnavailable, Unauthorized, ModelNotAvailable) as problem:
            self._schedule_retry(store, project_id, reasons, str(problem), ProjectState.WAITING)
            return False
        except Exception as problem:
            logger.exception("project %s: the run failed; trying again", project_id)
            self._schedule_retry(store, project_id, reasons, unforeseen_failure(problem), ProjectState.FAILED)
            return False
        if self._failures.pop(project_id, 0):
            logger.info("project %s: recovered", project_id)
        logger.debug("project %s: run for %s took %.2f s", project_id, reasons, time.monotonic() - started)
        return work_left

    def _schedule_retry(
        self, store: Store, project_id: int, reasons: list[RunReason], problem: str, state: ProjectState
    ) -> None:
        failures = self._failures[project_id] = self._failures.get(project_id, 0) + 1
        now, due = self._clock(), self._retry_at.get(project_id, 0.0)
        # A message that is still to come is not followed by a second one: other reasons cause runs in between, and if
        # each of them that fails sent its own, there would be ever more.
        is_retry_to_come = due > now
        delay = due - now if is_retry_to_come else retry_delay(failures)
        logger.error("project %s: %s (try %d; next in %.0f s)", project_id, problem, failures, delay)
        store.update_project(
            project_id, state=state, error=problem, phase=f"trying again in {delay:.0f} s (try {failures})"
        )
        store.count_failed_run(project_id)
        for reason in reasons:
            store.request_run(project_id, reason)
        store.put_off_runs(project_id, delay)
        if not is_retry_to_come:
            self._retry_at[project_id] = now + delay
            self._queue.wake_worker(project_id, delay=delay)


def _has_hash(text: str, expected: str) -> bool:
    try:
        return text_hash(text) == expected
    except UnicodeEncodeError:
        return False
