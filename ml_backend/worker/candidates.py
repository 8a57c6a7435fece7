"""Confirms the projects that requests named: a project exists here once Label Studio lists this backend for it.

Anybody who reaches the server can name a project, so naming one causes no run and stores one small row. One thread of
each worker asks Label Studio for these candidates, a few a second, while runs of other projects go on.
"""

from __future__ import annotations

import logging
import threading

from ml_backend.labelstudio.client import LabelStudio, LabelStudioError, LabelStudioUnavailable, Unauthorized
from ml_backend.labelstudio.connection import BackendEntry, probe_backends, same_address, stored_backends
from ml_backend.logs import log_context
from ml_backend.pipeline.versions import NO_MODEL
from ml_backend.store import Store
from ml_backend.store.records import CandidateRecord
from ml_backend.store.states import RunReason
from ml_backend.worker.queue import TaskQueue

logger = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 3.0, 10.0, 60.0)
"""Seconds after each try that found no entry, since Label Studio calls /setup before it stores the entry."""
PROBING_TRY = 2
"""The try at which Label Studio is made to call the project's ML backends, if none is known to be this one by then."""
SECONDS_PER_REQUEST = 0.25
"""Label Studio is asked four times a second at most, however many projects are named."""
POLL_SECONDS = 0.5
OUTAGE_SECONDS = 10.0
"""How long nothing is asked after Label Studio did not respond or refused the key."""


class CandidateConfirmation:
    """Asks Label Studio for candidates, in a thread of its own.

    backend_url: BACKEND_URL. The address that a /setup was sent to proves nothing, since its sender wrote it.
    """

    def __init__(self, store: Store, queue: TaskQueue, client: LabelStudio, backend_url: str | None) -> None:
        self._store = store
        self._queue = queue
        self._client = client
        self._backend_url = backend_url

    def start(self, stopped: threading.Event) -> threading.Thread:
        """Start the thread; it ends soon after `stopped` is set."""
        thread = threading.Thread(target=self._keep_confirming, args=(stopped,), name="candidates", daemon=True)
        thread.start()
        return thread

    def confirm_next(self) -> float:
        """Ask Label Studio for one candidate that is due; returns the seconds to wait before the next one."""
        candidate = self._store.take_due_candidate()
        if candidate is None:
            return POLL_SECONDS
        with log_context(project=candidate.project_id):
            return self._ask(candidate)

    def _ask(self, candidate: CandidateRecord) -> float:
        """Ask Label Studio for the candidate; returns the seconds to wait before the next one."""
        project_id = candidate.project_id
        try:
            entries = stored_backends(self._client, project_id)
            is_ours = any(map(self._is_ours, entries))
            if entries and not is_ours and candidate.tries == PROBING_TRY:
                is_ours = any(map(self._is_ours, probe_backends(self._client, project_id)))
        except (LabelStudioUnavailable, Unauthorized) as problem:
            logger.warning("project %s cannot be confirmed yet: %s", project_id, problem)
            self._store.postpone_candidate(project_id, OUTAGE_SECONDS, counts=False)
            return OUTAGE_SECONDS
        except LabelStudioError as problem:
            # Label Studio names a project again at every event and whenever somebody opens its settings.
            self._drop(project_id, str(problem))
            return SECONDS_PER_REQUEST
        if is_ours:
            self._confirm(candidate)
        elif candidate.tries > len(PAUSES):
            is_another = "none of its ML backends is known to be this one; set BACKEND_URL"
            self._drop(project_id, is_another if entries else "it has no ML backend in Label Studio")
        else:
            self._store.postpone_candidate(project_id, PAUSES[candidate.tries - 1])
        return SECONDS_PER_REQUEST

    def _is_ours(self, entry: BackendEntry) -> bool:
        """Whether an entry leads here: it has our address, or the server there answered /setup as ours does.

        Label Studio stores that answer, so a backend that it reaches under a name unknown here is found too.
        """
        is_at_our_address = self._backend_url is not None and same_address(entry.url, self._backend_url)
        return is_at_our_address or entry.model_version == NO_MODEL

    def _confirm(self, candidate: CandidateRecord) -> None:
        project_id = candidate.project_id
        if candidate.backend_url is None:
            self._store.ensure_project(project_id)
        else:
            self._store.ensure_project(project_id, backend_url=candidate.backend_url)
        self._queue.request(self._store, project_id, RunReason.SETUP)
        self._store.drop_candidate(project_id)
        logger.info("project %s: connected", project_id)

    def _drop(self, project_id: int, problem: str) -> None:
        logger.info("project %s, which a request named, is not taken on: %s", project_id, problem)
        self._store.drop_candidate(project_id)

    def _keep_confirming(self, stopped: threading.Event) -> None:
        pause = 0.0
        while not stopped.wait(pause):
            try:
                pause = self.confirm_next()
            except Exception:
                logger.exception("projects that requests named cannot be confirmed; trying again")
                pause = OUTAGE_SECONDS
