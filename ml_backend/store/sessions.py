"""Who is signed in: one row a session, which all servers on one database read.

A row is found by the SHA-256 of the session's id, so that who reads the database cannot take over a session.
"""

from __future__ import annotations

import hashlib
import time

from sqlalchemy import delete, insert, select, update

from ml_backend.store import tables
from ml_backend.store.database import Database
from ml_backend.store.installation_secret import installation_secret
from ml_backend.store.records import SessionRecord

COOKIE_KEY = "session cookie"
LINK = "link:"
"""Before the token of a link to sign in, whose row waits among the sessions until it is used."""


class SessionRows:
    """Reads and writes sessions, and the key that signs their cookies."""

    _database: Database

    def session_key(self, configured: str | None = None) -> str:
        """The key that signs cookies: the configured one, or one that is generated at the first call and stored."""
        return configured or installation_secret(self._database, COOKIE_KEY)

    def add_session(self, session_id: str, session: SessionRecord) -> None:
        """Store a session, and delete those that have expired."""
        table = tables.sessions
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.expires_at <= time.time()))
            connection.execute(insert(table).values(id_hash=_hash(session_id), **vars(session)))

    def add_sign_in_link(self, token: str, who: str, seconds: float) -> None:
        """Let somebody who has the token sign in once within so many seconds. who: as in `SessionRecord`."""
        now = time.time()
        self.add_session(LINK + token, SessionRecord(who, None, None, now, now, now + seconds))

    def use_sign_in_link(self, token: str) -> bool:
        """Whether somebody may sign in with this token now; it opens nothing from then on."""
        table = tables.sessions
        statement = delete(table).where(table.c.id_hash == _hash(LINK + token), table.c.expires_at > time.time())
        with self._database.writing() as connection:
            return bool(connection.execute(statement).rowcount)

    def session(self, session_id: str) -> SessionRecord | None:
        """The session, or None if it has ended or expired."""
        table = tables.sessions
        columns = [column for column in table.c if column is not table.c.id_hash]
        query = select(*columns).where(table.c.id_hash == _hash(session_id), table.c.expires_at > time.time())
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return SessionRecord(**row._mapping) if row else None

    def claim_check(self, session_id: str, last_tried: float) -> bool:
        """Note that what this session may see is being checked; returns False if somebody else is doing so.

        last_tried: `tried_at` of the session as it was read.
        """
        table = tables.sessions
        statement = update(table).where(table.c.id_hash == _hash(session_id), table.c.tried_at == last_tried)
        with self._database.writing() as connection:
            return bool(connection.execute(statement.values(tried_at=time.time())).rowcount)

    def set_session_projects(self, session_id: str, projects: list[int]) -> None:
        """Store which projects this session may see, as Label Studio has just answered."""
        table = tables.sessions
        statement = update(table).where(table.c.id_hash == _hash(session_id))
        with self._database.writing() as connection:
            connection.execute(statement.values(projects=projects, checked_at=time.time()))

    def end_session(self, session_id: str) -> None:
        """Delete the session; every server refuses its cookie from the next request on."""
        table = tables.sessions
        with self._database.writing() as connection:
            connection.execute(delete(table).where(table.c.id_hash == _hash(session_id)))


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
