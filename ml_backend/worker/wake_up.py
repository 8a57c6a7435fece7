"""huey's queue on SQLite, with a named pipe that wakes a worker at once, since SQLite can only be polled."""

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

LONGEST_WAIT_SECONDS = 1.0
"""A waiting thread reads the queue after so many seconds even if nothing woke it.

This finds a message whose sender was killed before it wrote to the pipe.
"""
POLL_SECONDS = 0.05
"""Seconds between two reads of the queue if the file system has no named pipes."""


class WakingSqliteStorage(SqliteStorage):  # type: ignore[misc]
    """Every message writes one byte into the pipe; a waiting thread reads one byte, then reads the queue once.

    Messages are not synced to disk: after a power failure the next reconciliation replaces lost ones.
    """

    blocking = True

    def __init__(self, name: str, filename: str, timeout: float) -> None:
        """Open the queue.

        name: name of the queue; filename: its database; timeout: seconds to wait for SQLite's lock.
        """
        self._pipe = Path(filename).with_suffix(".wake")
        self._reading_end: int | None = None
        try:
            os.mkfifo(self._pipe)
        except FileExistsError:
            pass
        except OSError as problem:
            logger.warning(
                "no named pipe at %s (%s): the worker polls the queue every 50 ms instead", self._pipe, problem
            )
        super().__init__(name, filename=filename, timeout=timeout)

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Put a message into the queue and wake one waiting thread."""
        super().enqueue(data, priority)
        # Opening fails if no worker reads the pipe, and writing fails if it is full; then nobody has to be woken.
        with suppress(OSError):
            writing_end = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(writing_end, b"\0")
            finally:
                os.close(writing_end)

    def dequeue(self) -> bytes | None:
        """The next message, or None if none came within LONGEST_WAIT_SECONDS."""
        # The pipe is open before the queue is read, so that a message that comes after this read wakes the thread.
        self._open_reading_end()
        message: bytes | None = super().dequeue()
        if message is None:
            self._wait()
            message = super().dequeue()
        return message

    def _open_reading_end(self) -> None:
        if self._reading_end is None:
            with suppress(OSError):
                # Opened for reading and writing, so that the pipe does not end when the last writer closes it.
                self._reading_end = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)

    def _wait(self) -> None:
        if self._reading_end is None:
            time.sleep(POLL_SECONDS)
            return
        if select.select([self._reading_end], [], [], LONGEST_WAIT_SECONDS)[0]:
            with suppress(BlockingIOError):
                os.read(self._reading_end, 1)

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection
