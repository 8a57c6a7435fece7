"""Real databases, a real Redis and Label Studio for the tests; what is missing is a skip, and a failure in CI."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fake_label_studio import FakeLabelStudio
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from studios import Fake, Real

from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port, installed
from ml_backend.store import Store

REPOSITORY = Path(__file__).parents[1]
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")
REDIS_DATABASES = 15
"""Databases 1 to 15 of a Redis with its usual 16, by the number of the pytest-xdist worker; 0 is left to people."""


def missing(what: str) -> None:
    """Skip, or fail where a skip would hide that a part was never tested."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must test this: {what}")
    pytest.skip(what)


@pytest.fixture(scope="session", name="missing")
def missing_part() -> Callable[[str], None]:
    """`missing`, for tests in folders of their own."""
    return missing


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty database of its own on the PostgreSQL server."""
    server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except OperationalError as problem:
        server.dispose()
        missing(f"no PostgreSQL at {POSTGRES} (set TEST_POSTGRES_URL): {problem.orig}")
    yield server.url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    opened = Store(database_url)
    opened.create()
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite, for what does not depend on the database."""
    opened = Store(f"sqlite:///{tmp_path / 'store.db'}")
    opened.create()
    yield opened
    opened.close()


@pytest.fixture
def redis_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Redis database where the task queue of this test has a name, and so keys, of its own."""
    import redis

    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = urlsplit(REDIS)._replace(path=f"/{1 + worker % REDIS_DATABASES}").geturl()
    client = redis.Redis.from_url(url)
    try:
        client.ping()
    except redis.exceptions.ConnectionError as problem:
        missing(f"no Redis at {REDIS} (set TEST_REDIS_URL): {problem}")
    name = f"test{uuid.uuid4().hex}"
    monkeypatch.setattr("ml_backend.worker.queue.QUEUE_NAME", name)
    yield url
    for key in client.scan_iter(f"*{name}*"):
        client.delete(key)
    client.close()


@pytest.fixture(scope="session")
def fake_label_studio() -> Iterator[Fake]:
    """One fake Label Studio; tests use projects of their own."""
    server = FakeLabelStudio()
    yield Fake(server)
    server.stop()


@pytest.fixture(scope="session")
def real_label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One real Label Studio; tests use projects of their own. TEST_LABEL_STUDIO_PORT: one that runs already."""
    folder = tmp_path_factory.mktemp("label-studio")
    running = os.environ.get("TEST_LABEL_STUDIO_PORT")
    port = int(running) if running else free_port(0)
    process = LabelStudioProcess(installed(REPOSITORY / ".venv-labelstudio"), folder, port)
    if running:
        yield Real(process)
        return
    process.start()
    yield Real(process)
    process.stop()
