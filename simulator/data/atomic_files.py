"""Files written atomically: to a temporary file in the same folder, which is then renamed."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class CannotSave(OSError):
    """A file cannot be written; the message says what to do."""


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically. Raises CannotSave."""
    write_atomically(path, json.dumps(value).encode())


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, atomically. Raises CannotSave."""
    write_atomically(path, table.to_parquet(index=False, compression="zstd"))


def write_atomically(path: Path, content: bytes) -> None:
    """Write bytes atomically: a reader sees either the complete old file or the complete new one. Raises CannotSave."""
    # Not `tempfile`, whose files only their owner can read: results are shared.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as problem:
        remedy = "Free some space" if problem.errno in (errno.ENOSPC, errno.EDQUOT) else "Correct this"
        raise CannotSave(
            f"{path} cannot be written: {problem.strerror or problem}. Files saved earlier are intact. {remedy} and "
            "run the same command again: it continues where it stopped."
        ) from problem
