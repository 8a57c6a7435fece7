"""A cache whose entries take a bounded number of bytes, for values that callers can choose."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Keeps the values used last, as long as the bytes of all stay below a bound. Thread-safe.

    most_bytes: of all entries; a value that is larger alone is not kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self.n_bytes = 0

    def get(self, key: Hashable, n_bytes: int, make: Callable[[], Value]) -> Value:
        """The value of a key, made if it is not kept; n_bytes: that the entry takes. Raises what `make` raises."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        value = make()
        with self._lock:
            if key not in self._entries and n_bytes <= self._most_bytes:
                self._entries[key] = value, n_bytes
                self.n_bytes += n_bytes
            while self.n_bytes > self._most_bytes:
                _, (_, freed) = self._entries.popitem(last=False)
                self.n_bytes -= freed
        return value
