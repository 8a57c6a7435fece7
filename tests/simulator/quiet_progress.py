"""Progress that is not shown."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.data.progress import uncounted


class Quiet:
    """Progress that is not shown."""

    def say(self, line: str) -> None: ...

    def follow(self, what: str, items: Iterator, total: int) -> Iterator:
        return items

    count = staticmethod(uncounted)
