from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from ml_backend.store import Store
from ml_backend.store.records import SessionRecord

HOUR = 3600.0


def signed_in(who: str = "ann@example.com", expires_in: float = HOUR) -> SessionRecord:
    now = time.time()
    return SessionRecord(who, [3, 4], "sealed", tried_at=now, checked_at=now, expires_at=now + expires_in)


def test_a_session_is_the_same_for_every_server_until_one_of_them_ends_it(store: Store, database_url: str):
    session = signed_in()
    store.add_session("id", session)
    other = Store(database_url)
    assert other.session("id") == session
    store.end_session("id")
    assert other.session("id") is None
    other.close()


def test_a_session_ends_by_itself_and_is_deleted_when_somebody_signs_in(store: Store):
    store.add_session("short", signed_in(expires_in=0.0))
    assert store.session("short") is None
    store.add_session("long", signed_in())
    assert store.session("long") is not None


def test_one_of_several_requests_asks_label_studio_for_the_projects(store: Store):
    session = signed_in()
    store.add_session("id", session)
    assert [store.claim_check("id", session.tried_at) for _ in range(3)] == [True, False, False]
    store.set_session_projects("id", [5])
    after = store.session("id")
    assert after is not None
    assert (after.projects, after.checked_at >= session.checked_at) == ([5], True)


def test_the_id_of_a_session_is_not_in_the_database(sqlite_store: Store, tmp_path: Path):
    sqlite_store.add_session("an-id-that-only-the-browser-has", signed_in())
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert "an-id-that-only-the-browser-has" not in "\n".join(connection.iterdump())


def test_the_key_of_the_cookies_is_the_same_for_every_server(store: Store, database_url: str):
    other = Store(database_url)
    assert store.session_key() == other.session_key()
    assert len(store.session_key()) > 40
    assert store.session_key("of the environment") == "of the environment"
    assert store.session_key() not in {store.webhook_secret(), "of the environment"}
    other.close()


@pytest.mark.parametrize("projects", [None, [], [2**40]])
def test_all_projects_are_told_from_none(store: Store, projects: list[int] | None):
    now = time.time()
    store.add_session("id", SessionRecord("who", projects, None, now, now, now + HOUR))
    session = store.session("id")
    assert session is not None
    assert session.projects == projects
