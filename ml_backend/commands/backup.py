"""Back up and restore the SQLite database while server and worker run; PostgreSQL has its own tools."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ml_backend.commands.argument_checks import check_copy_to
from ml_backend.commands.failure import CannotCopy
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.database import Database
from ml_backend.store.restore import NotAStore, ProjectIsRunning, StoreFile, examine, restore
from ml_backend.store.sqlite_copy import Progress, copy_database
from ml_backend.worker.queue import TaskQueue


def back_up(settings: Settings, file: Path, force: bool = False, progress: Progress | None = None) -> StoreFile:
    """Write a checked copy of the database to `file`; returns its contents.

    force: overwrite an existing file. Raises CannotCopy; nothing is written or changed then.
    """
    source = _sqlite_file(settings, "pg_dump --format=custom --file={file} --dbname={address}", file)
    if not source.exists():
        raise CannotCopy(f"there is no database {source} yet: start the service once, or check DATABASE_URL")
    check_copy_to(file, force)
    if file.exists() and file.samefile(source):
        raise CannotCopy(f"{file} is the database itself: name another file")
    try:
        copy_database(source, file, progress, check=examine)
    except (sqlite3.Error, OSError) as problem:
        raise CannotCopy(
            f"{file} could not be written: {problem}; check the folder and the free disk space"
        ) from problem
    except NotAStore as problem:
        raise CannotCopy(f"the copy cannot be used, and was deleted: {problem}") from problem
    return examine(file)


def examine_backup(settings: Settings, file: Path) -> StoreFile:
    """The contents of `file`. Raises CannotCopy if it cannot be restored with these settings."""
    _sqlite_file(settings, "pg_restore --clean --if-exists --single-transaction --dbname={address} {file}", file)
    try:
        return examine(file)
    except NotAStore as problem:
        raise CannotCopy(str(problem)) from problem


def restore_backup(settings: Settings, file: Path, progress: Progress | None = None) -> Path | None:
    """Restore the database from `file`, and wake a worker.

    Returns the path of the copy of the previous database, None if there was none. Raises CannotCopy.
    """
    examine_backup(settings, file)
    target = Database(settings.database_url).file
    if target is None or (target.exists() and target.samefile(file)):
        raise CannotCopy(f"{file} is the database itself: name a backup")
    try:
        saved_copy = restore(file, target, progress)
    except (sqlite3.Error, OSError) as problem:
        raise CannotCopy(
            f"{target} could not be replaced: {problem}. If it is damaged, stop the service, move the file away "
            "together with those whose names end in -wal and -shm, and restore again"
        ) from problem
    except (NotAStore, ProjectIsRunning) as problem:
        raise CannotCopy(str(problem)) from problem
    queue, database = TaskQueue(settings), Store(settings.database_url)
    for project in database.projects():
        queue.wake_worker(project.id)
    database.close()
    return saved_copy


def describe(contents: StoreFile) -> str:
    """The contents of a backup, in one line."""
    return (
        f"{contents.size / 1e6:,.1f} MB, {contents.projects:,} projects, {contents.labels:,} labels, "
        f"schema version {contents.version}"
    )


def _sqlite_file(settings: Settings, command: str, file: Path) -> Path:
    """The file of the database. Raises CannotCopy if it is not a file; for PostgreSQL it names the `command` to run."""
    database = Database(settings.database_url)
    try:
        if database.file is not None:
            return database.file
        if database.on_sqlite:
            raise CannotCopy("DATABASE_URL names a database in memory: there is no file to copy")
        raise CannotCopy(
            "PostgreSQL has its own tools: run " + command.format(file=file, address=database.tool_address) + " "
            "(the password comes from ~/.pgpass or PGPASSWORD)"
        )
    finally:
        database.close()
