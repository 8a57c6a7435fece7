"""What is left out of a dataset on request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cleaning:
    """What to leave out of a dataset instead of raising an error.

    drop_empty: rows without a text; drop_rare: labels with fewer examples than this number; drop_long: rows with a text
    that is longer than the live service reads.
    """

    drop_empty: bool = False
    drop_rare: int = 0
    drop_long: bool = False
