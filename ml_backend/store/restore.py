"""What a SQLite file of the store holds, and putting one in the place of another while the service runs."""

from __future__ import annotations

import os
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import NullPool, create_engine

from ml_backend.settings import SettingsError
from ml_backend.store import schema
from ml_backend.store.changes import EVERYTHING
from ml_backend.store.database import Database
from ml_backend.store.sqlite_copy import Progress, connect, copy_database, overwrite_database, unused_name

RUN_REASON = "start"
"""A run that was asked for with it compares everything with Label Studio, and mends the webhook's secret."""
LEASE_SECONDS = 600.0
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.2


class NotAStore(Exception):
    """A file that cannot be restored; the message is a sentence."""


class ProjectIsRunning(Exception):
    """A worker did not finish its run in time; the message is a sentence."""


@dataclass(frozen=True)
class StoreFile:
    """What is in a SQLite file of the store: schema version, bytes, projects, submitted annotations."""

    version: str
    size: int
    projects: int
    labels: int


def examine(file: Path) -> StoreFile:
    """Check that a file is whole and a store of ours; raises NotAStore, also for one newer than this code."""
    if not file.is_file():
        raise NotAStore(f"there is no file {file}")
    try:
        with closing(connect(file)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if said != "ok":
                raise NotAStore(f"{file} is damaged: {said}")
            version = _version(file)
            if version is None:
                raise NotAStore(f"{file} is a database without any table of ours")
            (projects,) = connection.execute("SELECT count(*) FROM projects").fetchone()
            (labels,) = connection.execute("SELECT count(*) FROM annotations WHERE NOT cancelled").fetchone()
    except sqlite3.Error as problem:
        raise NotAStore(f"{file} is no database that can be read: {problem}") from problem
    except SettingsError as problem:
        raise NotAStore(str(problem)) from problem
    return StoreFile(version, file.stat().st_size, projects, labels)


def restore(file: Path, present: Path, progress: Progress | None = None) -> Path | None:
    """Make the database `present` what `file` holds, in one transaction; returns where `present` was copied to first.

    What belongs to now and not to the backup is kept from `present`: the webhook secret that Label Studio sends. Events
    and leases of the backup are dropped, a run of every project is asked for, and every project's revision ends up
    higher than in both, so that no worker goes on with what it has in memory. Raises NotAStore, ProjectIsRunning,
    sqlite3.Error and OSError; the database is as before then.
    """
    examine(file)
    present.parent.mkdir(parents=True, exist_ok=True)
    kept = unused_name(present, "before-restore") if present.exists() else None
    with tempfile.TemporaryDirectory(dir=present.parent, prefix="restore-") as folder:
        copy = Path(folder) / "store.db"
        copy_database(file, copy)
        database = Database(f"sqlite:///{copy}")
        schema.bring_up_to_date(database, keep_copy=False)
        database.close()
        if kept is None:
            with closing(sqlite3.connect(present)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        with _no_runs(present) as owner:
            if kept is not None:
                copy_database(present, kept)
            _prepare(copy, present, owner)
            overwrite_database(copy, present, progress)
    return kept


def _version(file: Path) -> str | None:
    engine = create_engine("sqlite://", creator=lambda: connect(file), poolclass=NullPool)
    with engine.connect() as connection:
        return schema.version(connection, str(file))


@contextmanager
def _no_runs(present: Path) -> Iterator[str]:
    """Hold the leases of all projects once the runs under way are done: what they have read is of before."""
    # Of the form of a worker's name: when this process is killed, a worker that starts releases its leases.
    owner = f"{socket.gethostname()}:{os.getpid()}:restore"
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while running := _still_running(present, owner):
            if time.monotonic() > deadline:
                raise ProjectIsRunning(
                    f"a worker is still busy with project {running[0]}: try again later, or stop the service first"
                )
            time.sleep(POLL_SECONDS)
        yield owner
    finally:
        with closing(connect(present)) as connection:
            if "leases" in _tables(connection):
                connection.execute("DELETE FROM leases WHERE owner = ?", (owner,))


def _still_running(present: Path, owner: str) -> list[int]:
    """Take the lease of every project that has none; the projects whose lease a worker holds."""
    now = time.time()
    with closing(connect(present)) as connection:
        if not {"leases", "projects"} <= _tables(connection):
            return []
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM leases WHERE until < ?", (now,))
        connection.execute(
            "INSERT OR IGNORE INTO leases (project_id, owner, until) SELECT id, ?, ? FROM projects",
            (owner, now + LEASE_SECONDS),
        )
        held = connection.execute("SELECT project_id FROM leases WHERE owner <> ? ORDER BY 1", (owner,)).fetchall()
        connection.execute("COMMIT")
    return [project_id for (project_id,) in held]


def _prepare(copy: Path, present: Path, owner: str) -> None:
    """Give the copy of a backup what it needs to stand in the place of `present`."""
    revisions, secrets = _kept_of(present)
    with closing(connect(copy)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for project_id, revision in connection.execute("SELECT project_id, revision FROM revisions").fetchall():
            revisions[project_id] = max(revision, revisions.get(project_id, 0))
        for (project_id,) in connection.execute("SELECT id FROM projects").fetchall():
            revisions.setdefault(project_id, 0)
        raised = [(project_id, revision + 1) for project_id, revision in revisions.items()]
        for table in ("revisions", "task_changes", "events", "leases", "run_requests"):
            connection.execute(f"DELETE FROM {table}")
        connection.executemany("INSERT INTO revisions (project_id, revision) VALUES (?, ?)", raised)
        connection.executemany(
            "INSERT INTO task_changes (project_id, revision, task_id) VALUES (?, ?, ?)",
            [(project_id, revision, EVERYTHING) for project_id, revision in raised],
        )
        connection.executemany(
            "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            secrets,
        )
        connection.execute("INSERT INTO run_requests (project_id, reason) SELECT id, ? FROM projects", (RUN_REASON,))
        connection.execute(
            "INSERT INTO leases (project_id, owner, until) SELECT id, ?, ? FROM projects",
            (owner, time.time() + LEASE_SECONDS),
        )
        connection.execute("COMMIT")


def _kept_of(present: Path) -> tuple[dict[int, int], list[tuple[str, str]]]:
    """Revisions by project, and secrets; of a database of another version what there is of them."""
    with closing(connect(present)) as connection:
        tables = _tables(connection)
        revisions: list[tuple[int, int]] = []
        secrets: list[tuple[str, str]] = []
        if "revisions" in tables:
            revisions = connection.execute("SELECT project_id, revision FROM revisions").fetchall()
        if "secrets" in tables:
            secrets = connection.execute("SELECT name, value FROM secrets").fetchall()
    return dict(revisions), secrets


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
