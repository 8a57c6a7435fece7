"""Schema versions: upgrades a database to the newest one, or refuses it with an error message.

The versions are Alembic's revisions in `migrations/versions`; each file name begins with its revision. Alembic is
imported only if something has to be done, since the import takes 0.2 s and 10 MB in every process.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from ml_backend.settings import SettingsError
from ml_backend.store.database import Database
from ml_backend.store.sqlite_copy import copy_database, unused_name

if TYPE_CHECKING:
    from alembic.config import Config

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).with_name("migrations")
FIRST_REVISION = "0001"
"""The version of a database that stores no version."""
VERSION_TABLE = "alembic_version"

_VERSION = text(f"SELECT version_num FROM {VERSION_TABLE}")
_LOCK = text("SELECT pg_advisory_xact_lock(7240117)")


def revisions() -> list[str]:
    """All versions that this code knows, oldest first."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def bring_up_to_date(database: Database, keep_copy: bool = True) -> None:
    """Create the tables of an empty database, or upgrade an older one, in one transaction.

    keep_copy: whether to copy a SQLite file beside itself before an upgrade. Raises SettingsError for a database of a
    newer version, for one that has tables with the same names but other columns, and if the copy cannot be written.
    """
    newest = revisions()[-1]
    if _version_in_one_read(database) == newest:
        return
    with database.writing() as connection:
        if not database.on_sqlite:
            # If two processes start together, one waits here until the other has upgraded. On SQLite the transaction's
            # BEGIN IMMEDIATE does the same.
            connection.execute(_LOCK)
        revision = version(connection, database.address)
        if revision is None:
            _upgrade(connection)
        elif revision != newest:
            copy = _copy_before_upgrade(database, newest) if keep_copy else None
            _upgrade_or_delete_copy(copy, connection, revision, newest)
        elif not _has_version_table(connection):
            _stamp(connection, revision)


def version(connection: Connection, address: str) -> str | None:
    """The schema version of a database, None if it has none of our tables.

    address: names the database in error messages. Raises SettingsError for an unknown version and for unknown tables.
    """
    if _has_version_table(connection):
        revision = connection.execute(_VERSION).scalar_one_or_none()
        if revision is not None and revision not in revisions():
            raise SettingsError(
                f"{address} has schema version {revision}, but this program knows versions up to {revisions()[-1]}: "
                "install the newer version that wrote it, or restore a backup made before the upgrade"
            )
        if revision is not None:
            return str(revision)
    existing = _columns(connection)
    if not existing:
        return None
    first_columns = _columns_of_first_revision()
    if not first_columns.keys() & existing.keys():  # tables of another program in the same database
        return None
    missing = [table for table in first_columns if not first_columns[table] <= existing.get(table, set())]
    if missing:
        raise SettingsError(
            f"{address} holds tables of another program, or only some of ours ({', '.join(sorted(missing))} missing or "
            "with other columns): set DATABASE_URL to an empty database, or restore a backup"
        )
    return FIRST_REVISION


def _version_in_one_read(database: Database) -> str | None:
    try:
        with database.reading() as connection:
            return connection.execute(_VERSION).scalar_one_or_none()
    except (OperationalError, ProgrammingError):  # no such table; any other problem is raised by the next query
        return None


def _has_version_table(connection: Connection) -> bool:
    return inspect(connection).has_table(VERSION_TABLE)


def _upgrade_or_delete_copy(copy: Path | None, connection: Connection, revision: str, newest: str) -> None:
    """Upgrade; if that fails, delete the copy, since the transaction leaves the database unchanged."""
    logger.warning("upgrading the database from schema version %s to %s", revision, newest)
    try:
        if not _has_version_table(connection):
            _stamp(connection, revision)
        _upgrade(connection)
    except BaseException:
        if copy is not None:
            copy.unlink()
        raise
    logger.warning("the database now has schema version %s", newest)


def _copy_before_upgrade(database: Database, newest: str) -> Path | None:
    """Copy a SQLite file beside itself, without overwriting older copies; returns None if there is no file."""
    file = database.file
    if file is None:
        return None
    copy = unused_name(file, f"before-{newest}")
    try:
        copy_database(file, copy)
    except (sqlite3.Error, OSError) as problem:
        raise SettingsError(
            f"{database.address} must be upgraded to schema version {newest}, but it cannot be copied to "
            f"{copy} first ({problem}): free as much disk space as the database takes"
        ) from problem
    logger.warning("the database before the upgrade is kept as %s; delete it when the upgraded one works", copy)
    return copy


def _columns(connection: Connection) -> dict[str, set[str]]:
    """Table → names of its columns."""
    tables = inspect(connection).get_multi_columns()
    return {name: {column["name"] for column in columns} for (_, name), columns in tables.items()}


def _columns_of_first_revision() -> dict[str, set[str]]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _upgrade(connection, FIRST_REVISION)
        columns = _columns(connection)
    engine.dispose()
    return {table: names for table, names in columns.items() if table != VERSION_TABLE}


def _upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the missing revisions, in the connection's transaction."""
    from alembic import command

    command.upgrade(_config(connection), revision)


def _stamp(connection: Connection, revision: str) -> None:
    """Store that the database has this version."""
    from alembic import command

    command.stamp(_config(connection), revision)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
