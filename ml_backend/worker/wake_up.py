"""huey's queue on SQLite, with a named pipe beside it that wakes a worker at once: SQLite itself can only be polled."""

from __future__ import annotations

import logging
import os
import select
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from huey.storage import SqliteStorage

logger = logging.getLogger(__name__)

LONGEST_SLEEP = 1.0
"""A ring that was lost, as when its process was killed between message and ring, is made good after this long."""
POLL_SECONDS = 0.05
"""How often to look where the file system has no named pipes."""


class DoorbellStorage(SqliteStorage):  # type: ignore[misc]
    """Every message puts one byte into the pipe, and every waiting thread takes one byte for one look at the queue.

    Does not wait for the disk at every message: one lost with the power is made good by the next reconciliation.
    """

    blocking = True

    def __init__(self, name: str, filename: str, timeout: float) -> None:
        self._pipe = Path(filename).with_suffix(".bell")
        self._listening: int | None = None
        try:
            os.mkfifo(self._pipe)
        except FileExistsError:
            pass
        except OSError as problem:
            logger.warning("no named pipe at %s (%s): the worker looks every 50 ms instead", self._pipe, problem)
        super().__init__(name, filename=filename, timeout=timeout)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Put a message into the queue and ring."""
        super().enqueue(data, priority)
        # Without a listener, or with a pipe that is full of rings, there is nobody more to wake.
        with suppress(OSError):
            bell = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(bell, b"\0")
            finally:
                os.close(bell)

    def dequeue(self) -> bytes | None:
        """The next message; waits up to LONGEST_SLEEP for one."""
        message: bytes | None = super().dequeue()
        if message is None:
            self._wait()
            message = super().dequeue()
        return message

    def _wait(self) -> None:
        if self._listening is None:
            try:
                # Open for both, so that the pipe does not end when the last ringer closes it.
                self._listening = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
            except OSError:
                time.sleep(POLL_SECONDS)
                return
        if select.select([self._listening], [], [], LONGEST_SLEEP)[0]:
            with suppress(BlockingIOError):
                os.read(self._listening, 1)

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection
