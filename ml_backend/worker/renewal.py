"""Keeps something for its owner while work goes on, by renewing it in a thread beside the work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def renewed(what: str, seconds: float, renew: Callable[[], object]) -> Iterator[None]:
    """Call `renew` after each third of so many seconds; what it raises is logged, and it is called again.

    what: is renewed, for the log; seconds: after which it would be lost.
    """
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(seconds / 3):
            try:
                renew()
            except Exception:
                logger.exception("%s could not be renewed", what)

    thread = threading.Thread(target=keep, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
