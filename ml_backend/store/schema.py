"""The version of a database's schema: opening one brings it to the newest, or refuses it with a sentence.

The versions are Alembic's revisions in `migrations/versions`, each file named after its own. Alembic is loaded only
where there is something to do: it would cost every process 0.2 s and 10 MB.
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
"""The version of a database whose tables carry none."""
VERSION_TABLE = "alembic_version"

_VERSION = text(f"SELECT version_num FROM {VERSION_TABLE}")
_LOCK = text("SELECT pg_advisory_xact_lock(7240117)")


def revisions() -> list[str]:
    """All versions that this code knows, oldest first."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def bring_up_to_date(database: Database, keep_copy: bool = True) -> None:
    """Make the tables of an empty database, or upgrade those of an older one, in one transaction.

    keep_copy: copy a SQLite file to a file beside it before an upgrade. Raises SettingsError for a database of a newer
    version, and for one that holds other tables under our names.
    """
    newest = revisions()[-1]
    if _version_in_one_read(database) == newest:
        return
    with database.writing() as connection:
        if not database.on_sqlite:
            # Of two processes that start together one waits here until the other has upgraded; on SQLite the
            # transaction's BEGIN IMMEDIATE does that.
            connection.execute(_LOCK)
        revision = version(connection, database.address)
        if revision is None:
            _upgrade(connection)
        elif revision != newest:
            copy = _copy_before(database, newest) if keep_copy else None
            _upgrade_or_drop(copy, connection, revision, newest)
        elif not _has_version_table(connection):
            _stamp(connection, revision)


def version(connection: Connection, address: str) -> str | None:
    """The schema version of a database, None for one without any of our tables.

    Raises SettingsError, naming the database by `address`, when this code does not know the version or the tables.
    """
    if _has_version_table(connection):
        revision = connection.execute(_VERSION).scalar_one_or_none()
        if revision is not None and revision not in revisions():
            raise SettingsError(
                f"{address} has schema version {revision}, and this program knows versions up to {revisions()[-1]}: "
                "install the newer version that wrote it, or restore a backup made before the upgrade"
            )
        if revision is not None:
            return str(revision)
    present = _columns(connection)
    if not present:
        return None
    first = _columns_of_first_revision()
    if not first.keys() & present.keys():  # what somebody keeps beside us in the same database
        return None
    missing = [table for table in first if not first[table] <= present.get(table, set())]
    if missing:
        raise SettingsError(
            f"{address} holds tables of something else, or only a part of ours ({', '.join(sorted(missing))} missing "
            "or with other columns): let DATABASE_URL name an empty database, or restore a backup"
        )
    return FIRST_REVISION


def _version_in_one_read(database: Database) -> str | None:
    try:
        with database.reading() as connection:
            return connection.execute(_VERSION).scalar_one_or_none()
    except (OperationalError, ProgrammingError):  # no such table; anything worse shows again when it is looked at
        return None


def _has_version_table(connection: Connection) -> bool:
    return inspect(connection).has_table(VERSION_TABLE)


def _upgrade_or_drop(copy: Path | None, connection: Connection, revision: str, newest: str) -> None:
    """Upgrade, or delete the copy that was made for it: the transaction then leaves the database as it was."""
    logger.warning("upgrading the database from schema version %s to %s", revision, newest)
    try:
        if not _has_version_table(connection):
            _stamp(connection, revision)
        _upgrade(connection)
    except BaseException:
        if copy is not None:
            copy.unlink()
        raise
    logger.warning("the database has schema version %s now", newest)


def _copy_before(database: Database, newest: str) -> Path | None:
    """The copy of a SQLite file that an upgrade leaves beside it; no older copy is written over."""
    file = database.file
    if file is None:
        return None
    copy = unused_name(file, f"before-{newest}")
    try:
        copy_database(file, copy)
    except (sqlite3.Error, OSError) as problem:
        raise SettingsError(
            f"{database.address} must be upgraded to schema version {newest}, and no copy of it can be kept as "
            f"{copy} first ({problem}): make room there, as much as the database takes"
        ) from problem
    logger.warning("the database as it was before the upgrade is kept as %s; it may be deleted when all is well", copy)
    return copy


def _columns(connection: Connection) -> dict[str, set[str]]:
    """Table → its columns."""
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
    """Run the revisions that are missing, in the connection's transaction."""
    from alembic import command

    command.upgrade(_config(connection), revision)


def _stamp(connection: Connection, revision: str) -> None:
    """Write down that the database has this version."""
    from alembic import command

    command.stamp(_config(connection), revision)


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
