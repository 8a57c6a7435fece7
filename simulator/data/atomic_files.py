"""Files that are whole or not there: written beside their place and renamed into it."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pandas as pd


class CannotSave(OSError):
    """A file cannot be written; the message says what to do."""


def write_json(path: Path, value: Any) -> None:
    """Write JSON as a whole or not at all. Raises CannotSave."""
    write_whole(path, json.dumps(value).encode())


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a Parquet file as a whole or not at all. Raises CannotSave."""
    write_whole(path, table.to_parquet(index=False, compression="zstd"))


def write_whole(path: Path, content: bytes) -> None:
    """Write as a whole or not at all: whoever reads sees the old file or the new one. Raises CannotSave."""
    # Not a temporary file of the standard library: those can be read by their owner only, and results are shared.
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise CannotSave(
            f"{path} cannot be written: {problem.strerror or problem}. What was saved before is whole; make room and "
            "run the same command again, it goes on where it stopped."
        ) from problem
