"""Does the jobs that people start from the pages, beside the runs: one thread for each pace."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from ml_backend.labelstudio.errors import LabelStudioError
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.logs import log_context
from ml_backend.pipeline.context import Services
from ml_backend.pipeline.job_kinds import KINDS, Pace
from ml_backend.pipeline.jobs import RUNS, Run
from ml_backend.pipeline.jobs.job import Job, JobFailed, JobStopped
from ml_backend.store import DATABASE_ERRORS
from ml_backend.store.job_records import JobRecord
from ml_backend.store.jobs import JOB_SECONDS
from ml_backend.store.owners import is_stale
from ml_backend.store.states import JobState
from ml_backend.worker.failures import unforeseen_failure
from ml_backend.worker.renewal import renewed
from ml_backend.worker.supervisor import lower_priority_of_thread

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
"""How often to look for jobs of which no message told: the message may be lost, or all threads that read it be busy."""
ANSWERS_KEPT_SECONDS = 3600.0
"""How long a quick job stays whose page no longer waits for it."""
TIDY_SECONDS = 600.0
MOST_TRIES = 3
"""A job is given up after so many workers ended in the middle of it without coming to a checkpoint."""


class Jobs:
    """Does jobs until it is stopped.

    runs: for each pace the name of a kind → what does it; all kinds there are if None.
    """

    def __init__(self, services: Services, runs: Mapping[Pace, Mapping[str, Run]] | None = None) -> None:
        self._services = services
        self._runs = runs_by_pace() if runs is None else runs
        self._stopped = threading.Event()
        self._news = {pace: threading.Event() for pace in self._runs}
        self._threads: list[threading.Thread] = []

    def start(self) -> list[threading.Thread]:
        """Start the threads."""
        self._take_over()
        self._threads = [
            threading.Thread(target=self._keep_working, args=(pace,), name=f"{pace} jobs", daemon=True)
            for pace in self._runs
        ]
        for thread in self._threads:
            thread.start()
        return self._threads

    def look(self) -> None:
        """Look for jobs now."""
        for news in self._news.values():
            news.set()

    def stop(self, patience: float = 0.0) -> None:
        """End the threads soon; a long job goes on in the next worker, from its checkpoint.

        patience: seconds to wait for them at most.
        """
        self._stopped.set()
        self.look()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _take_over(self) -> None:
        """Go on with the jobs of workers on this machine that have ended."""
        store = self._services.store
        try:
            store.release_jobs([owner for owner in store.job_owners() if is_stale(owner)])
        except DATABASE_ERRORS as problem:
            logger.error("jobs of workers that ended cannot be taken over now: %s", problem)

    def _tidy(self) -> None:
        """Forget old answers, and what was left of deleted projects."""
        store = self._services.store
        store.delete_jobs_before(time.time() - ANSWERS_KEPT_SECONDS, list(self._runs[Pace.QUICK]))
        store.delete_work_of_deleted_projects()

    def _keep_working(self, pace: Pace) -> None:
        is_quick = pace == Pace.QUICK
        if not is_quick:
            lower_priority_of_thread()
        runs = self._runs[pace]
        owner = self._services.owner_of_thread()
        tidied = -TIDY_SECONDS
        while not self._stopped.is_set():
            self._news[pace].wait(LOOK_EVERY_SECONDS)
            self._news[pace].clear()
            try:
                if is_quick and time.monotonic() > tidied + TIDY_SECONDS:
                    self._tidy()
                    tidied = time.monotonic()
                while not self._stopped.is_set() and (record := self._services.store.take_job(list(runs), owner)):
                    with log_context(project=record.project_id):
                        self._do(record, runs[record.kind], owner)
            except DATABASE_ERRORS as problem:
                logger.error("jobs cannot be done, since the database cannot be used: %s", problem)
                self._stopped.wait(LOOK_EVERY_SECONDS)
            except Exception:
                logger.exception("jobs cannot be done now; trying again")
                self._stopped.wait(LOOK_EVERY_SECONDS)

    def _do(self, record: JobRecord, run: Run, owner: str) -> None:
        store = self._services.store
        if record.tries > MOST_TRIES:
            store.end_job(record.id, owner, JobState.FAILED, error=_given_up())
            return
        try:
            with renewed(f"the job {record.id}", JOB_SECONDS, lambda: store.renew_job(record.id, owner)):
                result = run(Job(record, self._services, self._keeper(record, owner)))
            store.end_job(record.id, owner, JobState.DONE, result)
        except JobStopped:
            return
        except (JobFailed, LabelStudioError, ModelNotAvailable) as problem:
            store.end_job(record.id, owner, JobState.FAILED, error=str(problem))
        except DATABASE_ERRORS:
            # Once the worker's claim has run out, the job is taken again, and goes on from its checkpoint.
            raise
        except Exception as problem:
            logger.exception("the job %s (%d) failed", record.kind, record.id)
            store.end_job(record.id, owner, JobState.FAILED, error=unforeseen_failure(problem))

    def _keeper(self, record: JobRecord, owner: str) -> Any:
        def keep(done: int, total: int, phase: str, checkpoint: dict[str, Any] | None) -> bool:
            if self._stopped.is_set():
                if checkpoint is not None:
                    self._services.store.report_job(record.id, owner, done, total, phase, checkpoint)
                self._services.store.put_back_job(record.id, owner)
                return False
            return self._services.store.report_job(record.id, owner, done, total, phase, checkpoint)

        return keep


def runs_by_pace() -> dict[Pace, dict[str, Run]]:
    """What does the jobs of each pace, by the name of their kind."""
    return {pace: {name: run for name, run in RUNS.items() if KINDS[name].pace == pace} for pace in Pace}


def _given_up() -> str:
    return (
        f"Given up: {MOST_TRIES} workers ended in the middle of it, or could not write to the database. Their logs say "
        "why; often the memory was used up. Start it again once that is solved."
    )
