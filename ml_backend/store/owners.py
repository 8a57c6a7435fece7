"""Names of the processes that hold leases and claims, and whether such a process still runs."""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path


def owner_name() -> str:
    """The name of this process as an owner of leases and claims; unique among all processes."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


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
