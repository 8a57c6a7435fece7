"""The lease that lets one worker at a time run a project, renewed for as long as the run takes."""

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
"""A worker that dies on another machine blocks its project for this time; a live one renews after a third of it."""


def owner_name() -> str:
    """The name of this process as an owner of leases; unique among all processes."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@contextmanager
def lease(store: Store, project_id: int, owner: str) -> Iterator[bool]:
    """Hold the project's lease; yields False, without it, while another owner or thread holds it.

    owner: a name made by `owner_name`; each thread of a process counts as a different owner.
    """
    owner = f"{owner}:{threading.get_ident()}"
    if not store.acquire_lease(project_id, owner, LEASE_SECONDS):
        yield False
        return
    stopped = threading.Event()
    renewal = threading.Thread(target=_renew, args=(store, project_id, owner, stopped), daemon=True)
    renewal.start()
    try:
        yield True
    finally:
        stopped.set()
        renewal.join()
        store.release_lease(project_id, owner)


def is_stale(owner: str) -> bool:
    """Whether the owner was a process of this machine that has ended.

    Raises ValueError for a name that `owner_name` did not make.
    """
    host, pid, *_ = owner.split(":")
    if host != socket.gethostname():
        return False
    # A restarted container gives its processes the same ids, so a lease under our own id is an old one.
    return int(pid) == os.getpid() or not is_running(int(pid))


def is_running(pid: int) -> bool:
    """Whether a process of this machine is still running; a zombie is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self").exists() and _can_be_signalled(pid)
    return state not in {"Z", "X"}


def _can_be_signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _renew(store: Store, project_id: int, owner: str, stopped: threading.Event) -> None:
    while not stopped.wait(LEASE_SECONDS / 3):
        try:
            store.renew_lease(project_id, owner, LEASE_SECONDS)
        except Exception:
            logger.exception("project %s: the lease could not be renewed", project_id)
