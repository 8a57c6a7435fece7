"""Asks a worker a question, since the server itself has neither vectors nor a model, and waits for the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import Web, web
from ml_backend.web.job_input import parsed

LONGEST_WAIT_SECONDS = 20.0
PLACE_SECONDS = 0.3
"""How long to wait for others: threads that wait are missing elsewhere, and Label Studio gives /health one second."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 0.1


def ask(project_id: int, kind: str, given: dict[str, Any], who: str, wait: float = LONGEST_WAIT_SECONDS) -> Any:
    """The result of a quick job.

    given: its parameters, see `JobKind.parse`; who: the person, for people. Raises BadRequest for parameters that are
    refused, for a job that fails, and with status 503 if no worker answers in time or too many pages wait.
    """
    context = web()
    parameters = parsed(kind, given)
    with place_to_wait():
        job = context.store.add_job(project_id, kind, parameters, who)
        context.queue.wake_jobs()
        ended = _ended(project_id, job.id, wait)
    if ended is None:
        raise BadRequest("The question was dropped, since the project was deleted meanwhile.", 404)
    if ended.state == JobState.WAITING:
        raise BadRequest(f"No worker answered within {wait:.0f} seconds: look whether one runs, and try again.", 503)
    if ended.state == JobState.RUNNING:
        raise BadRequest(f"The worker needs more than {wait:.0f} seconds for this at the moment: try again.", 503)
    if ended.state != JobState.DONE:
        raise BadRequest(ended.error or "The question was not answered.")
    return ended.result


@contextmanager
def place_to_wait() -> Iterator[None]:
    """While a request waits for others, so that threads are left. Raises BadRequest with status 503 for too many."""
    context = web()
    if not _has_place(context):
        raise BadRequest("Too many pages wait for an answer at the moment: try again in a few seconds.", 503)
    try:
        yield
    finally:
        context.waiting.release()


def _has_place(context: Web) -> bool:
    """Take one of the places of those who wait; returns False if none gets free in time, or others wait for one too."""
    if context.waiting.acquire(blocking=False):
        return True
    if not context.entering.acquire(blocking=False):
        return False
    try:
        return context.waiting.acquire(timeout=PLACE_SECONDS)
    finally:
        context.entering.release()


def _ended(project_id: int, job_id: int, wait: float) -> JobRecord | None:
    """The job once it has ended, or as it is after that time; it is then deleted. None if others deleted it."""
    store, deadline, pause = web().store, time.monotonic() + wait, FIRST_PAUSE_SECONDS
    try:
        while True:
            time.sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, 1.3 * pause)
            job = store.job(project_id, job_id)
            if job is None or job.has_ended or time.monotonic() > deadline:
                return job
    finally:
        store.delete_job(job_id)
