"""Whether this server can do its work: database, queue, disk, worker, and whether it is being stopped.

Label Studio is checked too but does not count. Without it this server still stores events and answers predictions and
pages; if it called itself unready, whoever routes requests would take it away and every label of that time would come
late.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

import httpx

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.web.monitoring.timed import TimedReading
from ml_backend.worker.queue import TaskQueue, folders_written_to

FRESH_SECONDS = 3.0
"""How long a result is used, so that callers without credentials cannot load the database with checks."""
LABEL_STUDIO_FRESH_SECONDS = 15.0
WAIT_SECONDS = 3.0
"""How long to wait for all checks together; one that takes longer has failed."""
WORKER_SECONDS = 60.0
"""Workers report every 15 s."""
MEGABYTE = 2**20
LONGEST_DETAIL = 300


class Subject(StrEnum):
    """What is checked."""

    DATABASE = "database"
    QUEUE = "queue"
    DISK = "disk"
    WORKER = "worker"
    RUNNING = "running"
    LABEL_STUDIO = "label_studio"


NOT_COUNTED = frozenset({Subject.LABEL_STUDIO})


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    detail: what was observed; value: messages in the queue, free bytes, or seconds since a worker was seen.
    """

    passed: bool
    detail: str
    value: float | None = None


Findings = dict[Subject, Finding]


class Readiness:
    """Checks what one server needs; the results are up to 3 s old.

    stopping: set when this server is told to stop.
    """

    def __init__(self, settings: Settings, store: Store, queue: TaskQueue) -> None:
        self.stopping = threading.Event()
        self._settings, self._store, self._queue = settings, store, queue
        checks: dict[Subject, tuple[Callable[[], Finding], float]] = {
            Subject.DATABASE: (self._database, FRESH_SECONDS),
            Subject.QUEUE: (self._queue_length, FRESH_SECONDS),
            Subject.DISK: (self._disk, FRESH_SECONDS),
            Subject.WORKER: (self._worker, FRESH_SECONDS),
            Subject.RUNNING: (self._running, 0.0),
            Subject.LABEL_STUDIO: (self._label_studio, LABEL_STUDIO_FRESH_SECONDS),
        }
        self._readings = {
            subject: TimedReading(_never_raising(check), lifetime) for subject, (check, lifetime) in checks.items()
        }

    def findings(self, subjects: Collection[Subject] = tuple(Subject)) -> Findings:
        """The results of these checks, which run at the same time."""
        deadline = time.monotonic() + WAIT_SECONDS
        for subject in subjects:
            self._readings[subject].start()
        return {subject: self._finding(subject, deadline) for subject in subjects}

    def database_problem(self) -> str | None:
        """Why the database cannot be written to; None if it can be."""
        finding = self.findings([Subject.DATABASE])[Subject.DATABASE]
        return None if finding.passed else finding.detail

    def _finding(self, subject: Subject, deadline: float) -> Finding:
        reading = self._readings[subject]
        return reading.value(deadline) or Finding(False, f"no answer for {reading.waited:.0f} s")

    def _database(self) -> Finding:
        self._store.probe_write()
        return Finding(True, "written to")

    def _queue_length(self) -> Finding:
        length = self._queue.length()
        return Finding(True, f"{length:,} messages", float(length))

    def _disk(self) -> Finding:
        folders = folders_written_to(self._settings, self._store.file)
        if not folders:
            return Finding(True, "no folder is written to: database and queue are on other servers")
        free, folder = min((shutil.disk_usage(folder).free, folder) for folder in folders)
        least = self._settings.min_free_disk_mb
        detail = f"{free // MEGABYTE:,} MB free in {folder}, MIN_FREE_DISK_MB is {least:,}"
        return Finding(free >= least * MEGABYTE, detail, float(free))

    def _worker(self) -> Finding:
        seen_at = self._store.worker_seen_at()
        if seen_at is None:
            return Finding(False, "none has run with this database")
        age = max(0.0, time.time() - seen_at)
        return Finding(age <= WORKER_SECONDS, f"seen {age:.0f} s ago", age)

    def _running(self) -> Finding:
        is_stopping = self.stopping.is_set()
        return Finding(not is_stopping, "stopping" if is_stopping else "yes")

    def _label_studio(self) -> Finding:
        url, authorization = self._settings.label_studio_url, self._settings.label_studio_proxy_authorization
        headers = {"Authorization": authorization} if authorization else {}
        httpx.get(f"{url}/health", headers=headers, timeout=WAIT_SECONDS).raise_for_status()
        return Finding(True, f"answers at {url}")


def is_ready(findings: Findings, excluded: Collection[str] = ()) -> bool:
    """Whether all checks passed, apart from Label Studio's and those whose names are excluded."""
    return all(finding.passed for name, finding in findings.items() if name not in NOT_COUNTED and name not in excluded)


def _never_raising(check: Callable[[], Finding]) -> Callable[[], Finding]:
    def checked() -> Finding:
        try:
            return check()
        except Exception as problem:
            # The database's own sentence, without the statement that SQLAlchemy quotes.
            cause = getattr(problem, "orig", None) or problem
            return Finding(False, " ".join(str(cause).split())[:LONGEST_DETAIL] or type(cause).__name__)

    return checked
