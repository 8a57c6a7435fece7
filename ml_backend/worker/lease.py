"""The lease that lets one worker at a time run a project, kept alive for as long as the run takes."""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_backend.store import Store

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30.0
"""A worker that dies on another machine blocks its project for this long; one that lives renews at a third of it."""


def owner_name() -> str:
    """The name of this process as an owner of leases; no other process, before or after it, has the same."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@contextmanager
def lease(store: Store, project_id: int, owner: str) -> Iterator[bool]:
    """Hold the project's lease; yields False, without it, while another owner or thread holds it.

    owner: a name made by `owner_name`; each thread of it is an owner by itself.
    """
    owner = f"{owner}:{threading.get_ident()}"
    if not store.acquire_lease(project_id, owner, LEASE_SECONDS):
        yield False
        return
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(store, project_id, owner, done), daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        done.set()
        renewal.join()
        store.release_lease(project_id, owner)


def is_stale(owner: str) -> bool:
    """Whether the owner was a process of this machine that runs no more."""
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


def _renew(store: Store, project_id: int, owner: str, done: threading.Event) -> None:
    while not done.wait(LEASE_SECONDS / 3):
        try:
            store.renew_lease(project_id, owner, LEASE_SECONDS)
        except Exception:
            logger.exception("project %s: the lease could not be renewed", project_id)
