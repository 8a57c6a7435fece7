"""Wrong credentials, counted by address and by user, so that nobody can try many.

Counts are kept in the memory of one server process, so that a stranger's attempts write nothing to the database; with
several servers each has its own.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ml_backend.web.serving.admission import network_of

Key = TypeVar("Key")
Value = TypeVar("Value")

WINDOW_SECONDS = 900.0
MOST = {"address": 10, "user": 30}
"""Wrong attempts in a window, of one address and for one user, after which the next ones are refused unread."""
TRUSTED_SECONDS = 3600.0
"""An address that sent right credentials of a user is not refused for that user for so long: Label Studio, or a person
who mistypes. For other users it may be: who has a key of their own must not guess the password of basic auth."""
MOST_KEPT = 10_000
LONGEST_USER = 100


@dataclass
class _Count:
    until: float
    most: int
    number: int = 0


class Attempts:
    """Counts of wrong credentials; safe to share between threads. clock: seconds that only increase."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self._trusted: OrderedDict[tuple[str, str], float] = OrderedDict()

    def wait_seconds(self, address: str | None, user: str) -> float:
        """Seconds until this address may try credentials of this user again; 0 if it may now.

        user: "" for credentials that name none, such as a key.
        """
        now, network = self._clock(), network_of(address or "")
        with self._lock:
            if self._trusted.get((network, user[:LONGEST_USER]), 0.0) > now:
                return 0.0
            counts = [self._wrong[key] for key in _keys(network, user) if key in self._wrong]
            full = [count for count in counts if count.number >= count.most and count.until > now]
            return max((count.until - now for count in full), default=0.0)

    def right(self, address: str | None, user: str) -> None:
        """Note that this address sent right credentials of this user; "" for a key."""
        with self._lock:
            _put(self._trusted, (network_of(address or ""), user[:LONGEST_USER]), self._clock() + TRUSTED_SECONDS)

    def wrong(self, address: str | None, user: str) -> int:
        """Count a wrong attempt; returns how many this address has made in the window."""
        now, network = self._clock(), network_of(address or "")
        with self._lock:
            for key in _keys(network, user):
                count = self._wrong.get(key)
                if count is None or count.until <= now:
                    count = _Count(now + WINDOW_SECONDS, MOST[key[0]])
                count.number += 1
                _put(self._wrong, key, count)
            return self._wrong["address", network].number


def _keys(network: str, user: str) -> list[tuple[str, str]]:
    return [("address", network), *([("user", user[:LONGEST_USER])] if user else [])]


def _put(kept: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
