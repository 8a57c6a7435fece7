"""Reads something in the background, so that whoever asks waits for a bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class TimedReading(Generic[T]):
    """The value of `read`, which is called at most once per `lifetime` seconds and never twice at the same time.

    read: if it raises, that is logged and there is no value. It may hang, as a connection to a machine that has gone
    does; then no further thread is started until it ends.
    """

    def __init__(self, read: Callable[[], T], lifetime: float) -> None:
        self._read = read
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._started_at = self._read_at = float("-inf")
        self._value: T | None = None

    def start(self) -> None:
        """Start to read unless the last value is younger than `lifetime`, or it is being read already."""
        with self._lock:
            if not self._idle.is_set() or time.monotonic() - self._read_at < self._lifetime:
                return
            self._started_at = time.monotonic()
            self._idle.clear()
        threading.Thread(target=self._run, daemon=True).start()

    def value(self, deadline: float) -> T | None:
        """The value; None if reading failed, or still goes on at `deadline`, in seconds of time.monotonic()."""
        is_read = self._idle.wait(max(0.0, deadline - time.monotonic()))
        with self._lock:
            return self._value if is_read else None

    @property
    def waited(self) -> float:
        """Seconds since the last time that reading started."""
        return time.monotonic() - self._started_at

    def _run(self) -> None:
        value: T | None = None
        try:
            value = self._read()
        except Exception:
            logger.exception("reading failed")
        with self._lock:
            self._value, self._read_at = value, time.monotonic()
        self._idle.set()
