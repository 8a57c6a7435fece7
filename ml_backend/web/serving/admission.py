"""Who may hold a connection, and how many bytes of bodies are in memory at the same time."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter
from collections.abc import Sequence

from ml_backend.environment_values import Network

MOST_CONNECTIONS = 512
"""Connections that one server keeps open."""
IPV6_PREFIX = 64
"""Bits of an IPv6 address that a provider gives to one customer."""


class Addresses:
    """Counts open connections by address, and refuses those above a bound.

    most: connections of one address, 0 for no bound; exempt: networks that are not bounded, such as a proxy's, from
    which everybody's connections come.
    """

    def __init__(self, most: int, exempt: Sequence[Network]) -> None:
        self._most = most
        self._exempt = tuple(exempt)
        self._open: Counter[str] = Counter()

    def admit(self, address: str) -> bool:
        """Count a connection; returns whether it may stay. One that may not is not counted."""
        key = network_of(address)
        if self._most and self._open[key] >= self._most and not self._is_exempt(address):
            return False
        self._open[key] += 1
        return True

    def leave(self, address: str) -> None:
        """Count a connection that was admitted as closed."""
        key = network_of(address)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]

    def _is_exempt(self, address: str) -> bool:
        return is_in(address, self._exempt)


class MemoryBudget:
    """Bytes of memory that may be taken at the same time. Thread-safe.

    most_waiting: threads that may wait for some.
    """

    def __init__(self, size: int, most_waiting: int = 0) -> None:
        self._free = size
        self._size = size
        self._may_wait = most_waiting
        self._changed = threading.Condition()

    def take(self, n_bytes: int, wait: float = 0.0) -> bool:
        """Take so many bytes, or all if it is more; returns False if they are not free within `wait` seconds."""
        n_bytes = min(n_bytes, self._size)
        with self._changed:
            if self._free < n_bytes and not self._waited(n_bytes, wait):
                return False
            self._free -= n_bytes
            return True

    def _waited(self, n_bytes: int, seconds: float) -> bool:
        if not self._may_wait:
            return False
        self._may_wait -= 1
        try:
            return self._changed.wait_for(lambda: self._free >= n_bytes, seconds)
        finally:
            self._may_wait += 1

    def give_back(self, n_bytes: int) -> None:
        """Give back what was taken, with the same number."""
        with self._changed:
            self._free += min(n_bytes, self._size)
            self._changed.notify_all()


def is_in(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks; False for what is no address."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def network_of(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 address; what is no address as it is."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, IPV6_PREFIX), strict=False))
    return str(parsed) if parsed is not None else address


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    # A socket that listens on both kinds shows IPv4 addresses inside IPv6 ones.
    return getattr(parsed, "ipv4_mapped", None) or parsed
