"""Twenty short texts of two classes, and what a file with them is read as."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from simulator.data.columns import Columns
from simulator.data.sources import read_file

GOOD = (
    "the pump works great",
    "lovely quiet motor",
    "arrived early, very happy",
    "solid build quality",
    "best purchase this year",
    "works as described",
    "easy to install",
    "my kids love it",
    "superb value; recommend",
    "five stars from me",
)
BAD = (
    "broke after two days",
    "arrived damaged",
    "terrible noise, returned",
    "refund never came",
    "worst seal ever",
    "does not fit",
    "leaks everywhere",
    "cheap plastic snapped",
    "support ignored me",
    "missing screws",
)
REVIEWS = [*((text, "good") for text in GOOD), *((text, "bad") for text in BAD)]


def read(path: Path, **columns: object) -> pd.DataFrame:
    """The table that a file is read as."""
    return read_file(path, Columns(**columns)).table


def pairs(path: Path, **columns: object) -> list[tuple[str, str | None]]:
    """The texts and labels that a file is read as."""
    table = read(path, **columns)
    return list(zip(table["text"], table["label"], strict=True))
