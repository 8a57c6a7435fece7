"""Checks backup files of the SQLite database, and restores one while the service runs."""

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
"""Runs with this reason compare everything with Label Studio, and repair the webhook's secret."""
LEASE_SECONDS = 600.0
WAIT_FOR_RUNS_SECONDS = 120.0
POLL_SECONDS = 0.2


class NotAStore(Exception):
    """A file that cannot be restored; the message is a sentence."""


class ProjectIsRunning(Exception):
    """A worker did not finish its run in time; the message is a sentence."""


@dataclass(frozen=True)
class StoreFile:
    """The contents of a SQLite file: schema version, size in bytes, number of projects and of submitted annotations."""

    version: str
    size: int
    projects: int
    labels: int


def examine(file: Path) -> StoreFile:
    """Check that a file is an undamaged database of this program, and count its contents.

    Raises NotAStore, also for a database of a newer version.
    """
    if not file.is_file():
        raise NotAStore(f"the file {file} does not exist; check its path")
    try:
        with closing(connect(file)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if verdict != "ok":
                raise NotAStore(f"{file} is damaged: {verdict}; restore another backup")
            version = _version(file)
            if version is None:
                raise NotAStore(
                    f"{file} is a database without any table of this program; name a file written by `backup`"
                )
            (projects,) = connection.execute("SELECT count(*) FROM projects").fetchone()
            (labels,) = connection.execute("SELECT count(*) FROM annotations WHERE NOT cancelled").fetchone()
    except sqlite3.Error as problem:
        raise NotAStore(f"{file} cannot be read as a database: {problem}") from problem
    except SettingsError as problem:
        raise NotAStore(str(problem)) from problem
    return StoreFile(version, file.stat().st_size, projects, labels)


def restore(file: Path, target: Path, progress: Progress | None = None) -> Path | None:
    """Replace the contents of the database `target` by those of `file`, in one transaction.

    Returns the path of the copy of `target` made first, None if there was no database. The webhook secret of `target`
    is kept, since Label Studio sends that one. Events and leases of the backup are dropped, and a run of every project
    is requested. Every project's revision becomes higher than in both databases, so that workers read everything again.
    Raises NotAStore, ProjectIsRunning, sqlite3.Error and OSError; the database is then unchanged.
    """
    examine(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    saved_copy = unused_name(target, "before-restore") if target.exists() else None
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="restore-") as folder:
        copy = Path(folder) / "store.db"
        copy_database(file, copy)
        database = Database(f"sqlite:///{copy}")
        schema.bring_up_to_date(database, keep_copy=False)
        database.close()
        if saved_copy is None:
            with closing(sqlite3.connect(target)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        with _runs_held_off(target) as owner:
            if saved_copy is not None:
                copy_database(target, saved_copy)
            _prepare_copy(copy, target, owner)
            overwrite_database(copy, target, progress)
    return saved_copy


def _version(file: Path) -> str | None:
    engine = create_engine("sqlite://", creator=lambda: connect(file), poolclass=NullPool)
    with engine.connect() as connection:
        return schema.version(connection, str(file))


@contextmanager
def _runs_held_off(target: Path) -> Iterator[str]:
    """Wait until no run is running, and hold the leases of all projects, so that no other run starts.

    Yields the owner of these leases. Raises ProjectIsRunning.
    """
    # Named like a worker: if this process is killed, the next worker that starts releases its leases.
    owner = f"{socket.gethostname()}:{os.getpid()}:restore"
    deadline = time.monotonic() + WAIT_FOR_RUNS_SECONDS
    try:
        while running := _projects_still_running(target, owner):
            if time.monotonic() > deadline:
                raise ProjectIsRunning(
                    f"a worker is still running project {running[0]}: try again later, or stop the service first"
                )
            time.sleep(POLL_SECONDS)
        yield owner
    finally:
        with closing(connect(target)) as connection:
            if "leases" in _tables(connection):
                connection.execute("DELETE FROM leases WHERE owner = ?", (owner,))


def _projects_still_running(target: Path, owner: str) -> list[int]:
    """Acquire the lease of every project that has none; returns the projects whose lease a worker holds."""
    now = time.time()
    with closing(connect(target)) as connection:
        if not {"leases", "projects"} <= _tables(connection):
            return []
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM leases WHERE until < ?", (now,))
        connection.execute(
            "INSERT OR IGNORE INTO leases (project_id, owner, until) SELECT id, ?, ? FROM projects",
            (owner, now + LEASE_SECONDS),
        )
        leased_by_others = connection.execute(
            "SELECT project_id FROM leases WHERE owner <> ? ORDER BY 1", (owner,)
        ).fetchall()
        connection.execute("COMMIT")
    return [project_id for (project_id,) in leased_by_others]


def _prepare_copy(copy: Path, target: Path, owner: str) -> None:
    """Prepare the copy of a backup to replace `target`: revisions, secrets, requests for runs, leases."""
    revisions, secrets = _revisions_and_secrets(target)
    with closing(connect(copy)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for project_id, revision in connection.execute("SELECT project_id, revision FROM revisions").fetchall():
            revisions[project_id] = max(revision, revisions.get(project_id, 0))
        for (project_id,) in connection.execute("SELECT id FROM projects").fetchall():
            revisions.setdefault(project_id, 0)
        raised = [(project_id, revision + 1) for project_id, revision in revisions.items()]
        for table in ("revisions", "task_changes", "events", "leases", "run_requests"):
            connection.execute(f"DELETE FROM {table}")
        if "sessions" in _tables(connection):
            # Some of them have been ended since the backup.
            connection.execute("DELETE FROM sessions")
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


def _revisions_and_secrets(target: Path) -> tuple[dict[int, int], list[tuple[str, str]]]:
    """Revisions by project, and secrets; empty if the version of the database has no table for them."""
    with closing(connect(target)) as connection:
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
