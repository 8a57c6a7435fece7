"""What is compared and recommended: an embedding with a strategy, a start and a head."""

from __future__ import annotations

from typing import NamedTuple


class Combination(NamedTuple):
    """What a project chooses and a simulation compares."""

    embedding: str
    strategy: str
    initial: str
    head: str
