"""Consistent copies of SQLite databases by SQLite's backup API, while other processes read and write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

Progress = Callable[[int, int], None]
"""Called with the number of remaining pages and of all pages."""

PAGES_AT_ONCE = 4096
"""16 MB between two calls of `progress`."""
BUSY_SECONDS = 30.0


def copy_database(
    source: Path, target: Path, progress: Progress | None = None, check: Callable[[Path], object] | None = None
) -> None:
    """Write a copy of `source` to `target`, one file that gets its name only when it is complete.

    check: called with the path of the copy before it is renamed. Raises sqlite3.Error, OSError and what `check` raises;
    the incomplete file is then deleted.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with closing(connect(source)) as reader, closing(sqlite3.connect(part)) as writer:
            # One read transaction: otherwise commits of others restart the copy, and it might never end.
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reader.backup(writer, pages=PAGES_AT_ONCE, progress=_backup_progress(progress))
            reader.execute("COMMIT")
            writer.execute("PRAGMA journal_mode=DELETE")
        if check is not None:
            check(part)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def connect(file: Path) -> sqlite3.Connection:
    """A connection to an existing database; the caller sends BEGIN and COMMIT. Raises sqlite3.Error."""
    address = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)


def unused_name(file: Path, ending: str) -> Path:
    """The path of `file` with `.ending` appended, and a number if that file exists."""
    name, number = file.with_name(f"{file.name}.{ending}"), 1
    while name.exists():
        number += 1
        name = file.with_name(f"{file.name}.{ending}-{number}")
    return name


def overwrite_database(source: Path, target: Path, progress: Progress | None = None) -> None:
    """Overwrite `target`, which others may be using, with `source` in one transaction. Raises sqlite3.Error."""
    with closing(connect(source)) as reader, closing(connect(target)) as writer:
        reader.backup(writer, pages=PAGES_AT_ONCE, progress=_backup_progress(progress), sleep=0.05)


def _backup_progress(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda _status, remaining, total: progress(remaining, total)
