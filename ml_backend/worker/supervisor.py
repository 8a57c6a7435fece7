"""The worker as a child process of the server, to run both with one command."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time

logger = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds before a worker that has ended is started again.

The pause is doubled each time, until a worker has run for STEADY_SECONDS.
"""
STEADY_SECONDS = 60.0
SHORT_SECONDS = 5.0
"""After a longer life the pause is at most as long as the worker ran, since a killed worker keeps what it did."""
STOP_SECONDS = 20.0
"""How long a worker may take to finish before it is killed."""
PARENT_POLL_SECONDS = 0.5
NICENESS = 5


class WorkerProcess:
    """Keeps one `worker` running: it is started again, after a growing pause, whenever it ends.

    In its own process it neither slows down the server's responses nor ends the server when it runs out of memory.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="worker supervisor", daemon=True)

    def start(self) -> None:
        """Start the worker in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the worker; it is killed if it takes longer than STOP_SECONDS."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _keep_running(self) -> None:
        pause = 0.0
        command = [sys.executable, "-m", "ml_backend", "worker", "--parent", str(os.getpid())]
        while not self._stopping.is_set():
            started = time.monotonic()
            self._process = subprocess.Popen(command)
            status = self._process.wait()
            if self._stopping.is_set():
                return
            pause = pause_after(time.monotonic() - started, pause)
            logger.error("the worker ended with status %s; starting it again in %.0f s", status, pause)
            self._stopping.wait(pause)


def pause_after(lifetime: float, pause: float) -> float:
    """Seconds until a worker that ran for `lifetime` seconds is started again.

    pause: the seconds before it was started, 0 at first.
    """
    if lifetime > STEADY_SECONDS:
        return FIRST_PAUSE
    longest = LONGEST_PAUSE if lifetime < SHORT_SECONDS else lifetime
    return min(longest, LONGEST_PAUSE, max(FIRST_PAUSE, 2 * pause))


def lower_priority() -> None:
    """Lower the priority of this process, since people wait for the responses of the server."""
    os.nice(NICENESS)


def lower_priority_of_thread() -> None:
    """Lower the priority of this thread, and of those that it starts, below that of other threads of the process.

    Does nothing where a thread has no priority of its own.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


def stop_with_parent(parent: int) -> None:
    """End this process within half a second after its parent ends, so that no worker is left without a server.

    parent: the process id of the server.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_SECONDS)
        logger.warning("the server has ended; the worker stops")
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
