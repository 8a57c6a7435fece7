"""Opens a database at the start of a process, and says in one sentence why it cannot be used."""

from __future__ import annotations

import logging
import re
import time

from sqlalchemy.exc import DatabaseError

from ml_backend.settings import SettingsError
from ml_backend.store.database import DATABASE_ERRORS, Database
from ml_backend.store.schema import bring_up_to_date

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
LONGEST_CAUSE = 300
STAYS_WRONG = re.compile("authentication failed|does not exist|no password supplied|pg_hba", re.IGNORECASE)
"""What a PostgreSQL server that answers says about an address that will not become right."""


def open_database(database: Database, patience: float) -> None:
    """Create the tables or upgrade them, see `bring_up_to_date`.

    patience: seconds to wait for a PostgreSQL server that does not answer yet. Raises SettingsError.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            bring_up_to_date(database)
        except Exception as problem:
            if not _is_of_the_database(problem):
                raise
            cause = " ".join(str(getattr(problem, "orig", None) or problem).split())[:LONGEST_CAUSE]
            may_come_up = not database.on_sqlite and not STAYS_WRONG.search(cause)
            if not may_come_up or time.monotonic() >= deadline:
                raise SettingsError(_sentence(database, cause)) from None
            logger.warning("waiting for the database at %s: %s", database.address, cause)
            time.sleep(PAUSE_SECONDS)
        else:
            return


def _is_of_the_database(problem: Exception) -> bool:
    # SQLite raises the base class for a file that is no database; its other subclasses are errors of a statement.
    return isinstance(problem, DATABASE_ERRORS) or type(problem) is DatabaseError


def _sentence(database: Database, cause: str) -> str:
    if database.on_sqlite:
        return (
            f"The database {database.address} cannot be used ({cause}): make its folder writable for this user, or set "
            "DATABASE_URL, or without it MODEL_DIR, to another"
        )
    return f"The database {database.address} cannot be used ({cause}): start its server, or correct DATABASE_URL"
