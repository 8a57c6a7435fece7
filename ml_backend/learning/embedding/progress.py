"""How long work tells its caller how far it is: it calls a function, and draws nothing itself."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int], None]
"""Called with the number of texts done since the last call."""


def silent(_: int) -> None:
    """A `Report` that tells nobody."""
