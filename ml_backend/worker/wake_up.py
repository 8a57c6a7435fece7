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

LONGEST_WAIT = 1.0
"""Seconds after which a waiting thread looks at the queue unasked.

That finds a message whose sender was killed before it could write to the pipe.
"""
POLL_SECONDS = 0.05
"""Seconds between two looks at the queue where the file system has no named pipes."""


class WakingSqliteStorage(SqliteStorage):  # type: ignore[misc]
    """Every message puts one byte into the pipe, and every waiting thread takes one byte for one look at the queue.

    Does not wait for the disk at every message: the next reconciliation replaces one that a power failure lost.
    """

    blocking = True

    def __init__(self, name: str, filename: str, timeout: float) -> None:
        """Open the queue.

        name: of the queue; filename: the database; timeout: seconds to wait for SQLite's lock.
        """
        self._pipe = Path(filename).with_suffix(".wake")
        self._reading_end: int | None = None
        try:
            os.mkfifo(self._pipe)
        except FileExistsError:
            pass
        except OSError as problem:
            logger.warning("no named pipe at %s (%s): the worker looks every 50 ms instead", self._pipe, problem)
        super().__init__(name, filename=filename, timeout=timeout)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Put a message into the queue and wake one waiting thread."""
        super().enqueue(data, priority)
        # The pipe cannot be opened when no worker reads it, and not be written when it is full: nobody has to be woken.
        with suppress(OSError):
            writing_end = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(writing_end, b"\0")
            finally:
                os.close(writing_end)

    def dequeue(self) -> bytes | None:
        """The next message, or None when none came within LONGEST_WAIT seconds."""
        message: bytes | None = super().dequeue()
        if message is None:
            self._wait()
            message = super().dequeue()
        return message

    def _wait(self) -> None:
        if self._reading_end is None:
            try:
                # Open for both, so that the pipe does not end when the last writer closes it.
                self._reading_end = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
            except OSError:
                time.sleep(POLL_SECONDS)
                return
        if select.select([self._reading_end], [], [], LONGEST_WAIT)[0]:
            with suppress(BlockingIOError):
                os.read(self._reading_end, 1)

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection
