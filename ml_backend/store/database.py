"""The connection to SQLite or PostgreSQL that all modules of the store share."""

from __future__ import annotations

import copy
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    Table,
    cast,
    create_engine,
    event,
    func,
    literal,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from ml_backend.settings import SettingsError

T = TypeVar("T")

DATABASE_ERRORS: tuple[type[Exception], ...] = (OperationalError, InternalError, InterfaceError, NoFreeConnection)
"""Errors of a database that cannot be reached, read or written to, as opposed to errors of a statement."""
POSTGRES_TIMEOUTS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""Without them, requests would wait for many minutes for a server whose machine has gone."""
BUSY_SECONDS = 30.0
IDLE_TRANSACTION_SECONDS = 30
"""PostgreSQL ends a transaction that sends nothing for so long, as one of a frozen or unreachable process does.

Its locks would otherwise keep other workers from the project until the process goes on.
"""
PAGES_BEFORE_CHECKPOINT = 1000
"""Pages in the log after which SQLite copies it into the database, which makes that commit 10 to 100 ms longer."""
VALUES_AT_ONCE = 1000
"""Values in one IN list or INSERT; SQLite allows 32,766 parameters per statement."""


class Database:
    """Transactions on one database: `reading()` never blocks a writer, `writing()` is atomic.

    Raises SettingsError for an address that cannot be used.
    """

    def __init__(self, database_url: str, pages_before_checkpoint: int = PAGES_BEFORE_CHECKPOINT) -> None:
        self._engine = _engine(database_url, pages_before_checkpoint)
        self._reader = _reading(self._engine)
        self._check: Callable[[Connection], None] | None = None

    def checked(self, check: Callable[[Connection], None]) -> Self:
        """The same connections; each transaction of `writing()` calls `check` first, which may raise."""
        view = copy.copy(self)
        view._check = check
        return view

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, on one snapshot."""
        with self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at its end, or rolled back if an exception is raised."""
        with self._engine.begin() as connection:
            if self._check is not None:
                self._check(connection)
            yield connection

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self._engine.dialect.name == "sqlite"

    @property
    def address(self) -> str:
        """The address without its password."""
        return self._engine.url.render_as_string(hide_password=True)

    @property
    def tool_address(self) -> str:
        """The address in the form that PostgreSQL's own tools accept, without its password."""
        url = self._engine.url.set(drivername=self._engine.dialect.name)
        return str(url._replace(password=None).render_as_string(hide_password=False))

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for PostgreSQL and for a database in memory."""
        name = self._engine.url.database
        return Path(name) if self.on_sqlite and name and name != ":memory:" else None

    def now(self) -> ColumnElement[float]:
        """Unix time by the clock that all processes at this database share, which may differ from their machines'."""
        if self.on_sqlite:
            return literal(time.time(), Float)
        return cast(func.extract("epoch", func.clock_timestamp()), Float(53))

    def upsert(self, table: Table) -> Any:
        """An INSERT of this dialect, which supports `on_conflict_do_…`."""
        return sqlite.insert(table) if self.on_sqlite else postgresql.insert(table)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def slices(values: Sequence[T], size: int = VALUES_AT_ONCE) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _engine(database_url: str, pages_before_checkpoint: int) -> Engine:
    try:
        url = make_url(database_url)
        if url.drivername in {"postgres", "postgresql"}:
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise SettingsError(
                f"DATABASE_URL names the database {url.get_backend_name()!r}; SQLite (sqlite:///file.db) and "
                "PostgreSQL (postgresql://user:password@host/database) are supported"
            )
        if url.get_backend_name() == "postgresql":
            engine = create_engine(
                url, pool_pre_ping=True, pool_size=10, max_overflow=20, connect_args=POSTGRES_TIMEOUTS
            )
            event.listen(engine, "connect", _prepare_postgresql)
            return engine
        if url.database and url.database != ":memory:":
            _make_folder(Path(url.database).expanduser().parent)
        engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    except (ArgumentError, NoSuchModuleError) as problem:
        raise SettingsError(
            f"DATABASE_URL cannot be read as an address ({problem}); write sqlite:///file.db or "
            "postgresql://user:password@host/database"
        ) from None

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        _prepare_sqlite(connection, pages_before_checkpoint)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _reading(engine: Engine) -> Engine:
    """The same connections, whose transactions only read, on one snapshot."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(reading=True)
    # By default each statement of a transaction on PostgreSQL sees what was committed until it began.
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SettingsError(
            f"The folder {folder} of the database cannot be created ({problem.strerror}): make the folder above it "
            "writable for this user, or set DATABASE_URL, or without it MODEL_DIR, to another"
        ) from None


def _prepare_postgresql(connection: Any, _record: object) -> None:
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_SECONDS}s'")
    connection.commit()


def _prepare_sqlite(connection: sqlite3.Connection, pages_before_checkpoint: int) -> None:
    # The driver's own BEGIN comes too late: a transaction that reads and then writes must hold the lock from the start,
    # or two of them deadlock.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute(f"PRAGMA wal_autocheckpoint={pages_before_checkpoint}")


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get("reading", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    # This accesses no file, so it cannot fail; SQLAlchemy's own call would take a quarter of the time of a short read.
    driver: Any = connection.connection.dbapi_connection
    driver.execute("BEGIN")
