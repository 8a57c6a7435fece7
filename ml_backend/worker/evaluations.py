"""Evaluates heads beside the runs, in one thread of each worker, so that no run waits for an evaluation."""

from __future__ import annotations

import logging
import threading

from ml_backend.learning.evaluation.evaluation import Superseded
from ml_backend.logs import log_context
from ml_backend.pipeline.evaluate_head import evaluate_head
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.store import DATABASE_ERRORS, Store
from ml_backend.worker.supervisor import lower_priority_of_thread

logger = logging.getLogger(__name__)

MOST_WAITING = 4
"""Heads that wait at the same time. Each of them holds vectors of up to 20,000 texts, so this bounds the memory."""


class HeadEvaluations:
    """Keeps the newest head of each project until it is evaluated.

    A newer head of a project replaces one that waits. One whose evaluation goes on is given up for it, but not twice in
    a row: otherwise a team that labels faster than heads are evaluated would never see an evaluation. While
    MOST_WAITING heads wait, that of another project is not kept; the next run of its project puts it again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = threading.Condition()
        self._waiting: dict[int, EvaluationInput] = {}
        self._running: EvaluationInput | None = None
        self._given_up: set[int] = set()
        self._failed: dict[int, str] = {}
        self._stopped = False

    def start(self) -> threading.Thread:
        """Start the thread."""
        thread = threading.Thread(target=self._keep_evaluating, name="evaluations", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End the thread soon; an evaluation that goes on is given up."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def put(self, given: EvaluationInput) -> None:
        """Evaluate this head later, instead of an older one of its project."""
        with self._changed:
            if given.project_id in self._waiting or len(self._waiting) < MOST_WAITING:
                self._waiting[given.project_id] = given
                self._changed.notify_all()

    def has(self, project_id: int, head_version: str) -> bool:
        """Whether this head waits, is being evaluated, or could not be evaluated."""
        with self._changed:
            waiting, running = self._waiting.get(project_id), self._running
            known = [given.head_version for given in (waiting, running) if given and given.project_id == project_id]
            return head_version in known or self._failed.get(project_id) == head_version

    def _keep_evaluating(self) -> None:
        lower_priority_of_thread()
        while (given := self._take()) is not None:
            with log_context(project=given.project_id):
                self._evaluate(given)
            with self._changed:
                self._running = None

    def _take(self) -> EvaluationInput | None:
        """The head that has waited longest, once there is one; None when the thread should end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped)
            if self._stopped:
                return None
            self._running = self._waiting.pop(next(iter(self._waiting)))
            return self._running

    def _evaluate(self, given: EvaluationInput) -> None:
        project_id = given.project_id
        was_given_up = project_id in self._given_up
        self._given_up.discard(project_id)
        try:
            evaluate_head(
                self._store, given, lambda: self._stopped or (project_id in self._waiting and not was_given_up)
            )
        except Superseded:
            self._given_up.add(project_id)
        except DATABASE_ERRORS as problem:
            logger.error(
                "project %s: its evaluation cannot be stored; the next run makes it again: %s", project_id, problem
            )
        except Exception:
            logger.exception("project %s: its head cannot be evaluated; the next head is tried", project_id)
            with self._changed:
                self._failed[project_id] = given.head_version
