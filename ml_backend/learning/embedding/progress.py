"""Progress reports: long-running work calls a function of its caller, and displays nothing itself."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int], None]
"""Called with the number of texts done since the last call."""


def silent(_: int) -> None:
    """A `Report` that does nothing."""
