"""The file of a leaderboard: its columns, and how they are written, so that the same runs give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from simulator.data.atomic_files import write_atomically
from simulator.data.encodings import access_to

SETTING = ["dataset", "embedding", "initial", "head", "initial_size", "batch_size", "cycles", "C", "options"]
KEY = [*SETTING, "strategy"]
DATA = ["fingerprint", "classes", "pool", "test"]
CONTENTS = ["embedding_content", "class_texts"]
MEASURED = ["area", "area_se", "gain", "gain_se", "early", "middle", "late", "final", "labels_to_random"]
ORIGIN = ["query_seconds", "strategy_file", "versions", "submitted_by", "date"]
COLUMNS = [*KEY, "seeds", *MEASURED, *DATA, *CONTENTS, *ORIGIN]
DECIMALS = dict.fromkeys(MEASURED, 6) | {"labels_to_random": 1, "query_seconds": 3, "C": 6}


def empty() -> pd.DataFrame:
    """A leaderboard without rows."""
    return pd.DataFrame(columns=COLUMNS, dtype=str)


def read(path: Path) -> pd.DataFrame:
    """The rows, all cells as text. Raises ValueError for a file that is no leaderboard, DataError without access."""
    with access_to(path):
        content = path.read_bytes()
    try:
        board = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except ValueError as problem:
        raise ValueError(f"{path} is no leaderboard: {problem}") from None
    if list(board.columns) != COLUMNS:
        odd = sorted(set(board.columns) ^ set(COLUMNS)) or ["the order of the columns"]
        raise ValueError(f"{path} is no leaderboard of this version: {', '.join(odd)} differs")
    return board


def write(path: Path, board: pd.DataFrame) -> None:
    """Write the rows, sorted. Raises CannotSave."""
    write_atomically(path, in_order(board).to_csv(index=False, lineterminator="\n").encode())


def in_order(board: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by their keys."""
    return board[COLUMNS].sort_values(KEY, ignore_index=True)


def as_text(rows: pd.DataFrame, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """These columns of the rows with cells as they are written: numbers rounded, missing ones empty."""
    written = {name: [_cell(name, value) for value in rows[name]] for name in columns}
    return pd.DataFrame(written, columns=list(columns), dtype=str)


def _cell(name: str, value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    if name in DECIMALS:
        # Adding 0 makes −0 a 0.
        rounded = round(float(str(value)), DECIMALS[name]) + 0.0
        return f"{rounded:g}" if name == "C" else f"{rounded:.{DECIMALS[name]}f}"
    return str(value)
