"""The lease that lets one worker at a time run a project, renewed for as long as the run takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ml_backend.store import Store

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
"""A worker that dies on another machine blocks its project for this time; a live one renews after a third of it."""


@contextmanager
def lease(store: Store, project_id: int, owner: str) -> Iterator[Store | None]:
    """Hold the project's lease; yields None, without it, while another owner or thread holds it.

    Yields the store for the run: once the lease is lost, since this process was frozen for too long, it writes nothing
    and raises LeaseLost.

    owner: a name made by `owner_name`; each thread of a process counts as a different owner.
    """
    owner = f"{owner}:{threading.get_ident()}"
    if not store.acquire_lease(project_id, owner, LEASE_SECONDS):
        yield None
        return
    stopped = threading.Event()
    renewal = threading.Thread(target=_renew, args=(store, project_id, owner, stopped), daemon=True)
    renewal.start()
    try:
        yield store.under_lease(project_id, owner)
    finally:
        stopped.set()
        renewal.join()
        store.release_lease(project_id, owner)


def _renew(store: Store, project_id: int, owner: str, stopped: threading.Event) -> None:
    while not stopped.wait(LEASE_SECONDS / 3):
        try:
            store.renew_lease(project_id, owner, LEASE_SECONDS)
        except Exception:
            logger.exception("project %s: the lease could not be renewed", project_id)
