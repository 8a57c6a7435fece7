"""Copies of SQLite databases by SQLite's own backup API: whole at one moment, while others read and write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PAGES_AT_ONCE = 4096
"""16 MB; between two steps of a copy others get at the database that is written to."""
BUSY_SECONDS = 30.0


def copy_database(source: Path, target: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write a copy of `source` to `target`, which appears under its name only when it is whole.

    progress: called with the pages to go and the pages in all. The copy is one file that needs none beside it. Raises
    sqlite3.Error and OSError, and leaves no file then.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(connect(source)) as reader, closing(sqlite3.connect(part)) as writer:
            # In one read transaction: a copy that others' commits make start again might never end.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reader.backup(writer, pages=PAGES_AT_ONCE, progress=_told(progress))
            reader.execute("COMMIT")
            writer.execute("PRAGMA journal_mode=DELETE")
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def connect(file: Path) -> sqlite3.Connection:
    """A connection to a database that is there; BEGIN and COMMIT are the caller's. Raises sqlite3.Error."""
    address = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def _told(progress: Callable[[int, int], None] | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _status, remaining, total: progress(remaining, total)
