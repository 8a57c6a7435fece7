"""Turns an exception that nobody foresaw, in the work on one item, into a problem of that item."""

from __future__ import annotations

import logging
from threading import Lock

logger = logging.getLogger(__name__)

MOST_REMEMBERED = 10_000
_logged: set[tuple[str, str]] = set()
_lock = Lock()


def unforeseen(error: Exception, work: str, item: str) -> str:
    """The problem of an item, as a sentence that is equal for all items with the same error.

    work: what failed, such as "reading the text"; item: which one, such as "task 3 of project 5". The traceback is
    logged once for each item and type of error, since an annotation is read again by every run.
    """
    kind = type(error).__name__
    with _lock:
        is_new = (item, kind) not in _logged
        if is_new and len(_logged) >= MOST_REMEMBERED:
            _logged.clear()
        _logged.add((item, kind))
    if is_new:
        logger.error("%s: %s failed; the item is left out, everything else goes on", item, work, exc_info=error)
    return f"{work} failed with {kind}, which this backend did not foresee; its log has the details"
