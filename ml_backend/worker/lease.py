"""The lease that lets one worker at a time run a project, renewed for as long as the run takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ml_backend.store import Store
from ml_backend.worker.renewal import renewed

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
    try:
        with renewed(
            f"project {project_id}: the lease",
            LEASE_SECONDS,
            lambda: store.renew_lease(project_id, owner, LEASE_SECONDS),
        ):
            yield store.under_lease(project_id, owner)
    finally:
        store.release_lease(project_id, owner)
