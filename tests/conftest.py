"""Real databases, a real Redis and Label Studio; if one is missing, tests are skipped, and in CI they fail."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import copyfile, copytree
from typing import Any
from urllib.parse import urlsplit

import pytest
from chromium import chromium
from fake_label_studio import FakeLabelStudio
from fresh_label_studio import command, fresh_data
from httpx._transports import default
from playwright.sync_api import Browser
from sqlalchemy import URL, Engine, create_engine, text
from sqlalchemy.exc import OperationalError
from studios import Fake, Real

from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port
from ml_backend.store import Store

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379")
REDIS_DATABASES = 15
"""Databases 1 to 15 of a Redis with its usual 16, by the number of the pytest-xdist worker; 0 is for people."""


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Write lone surrogates, which tests use on purpose, as escapes: processes of pytest-xdist cannot send them."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _sendable(part) for key, part in value.items()}
    return type(value)(map(_sendable, value)) if isinstance(value, (list, tuple)) else value


def missing(part: str) -> None:
    """Skip the test, or in CI fail it, since a skip would hide that a part was never tested."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must test this: {part}")
    pytest.skip(part)


@pytest.fixture(scope="session", name="missing")
def missing_part() -> Callable[[str], None]:
    """`missing`, for tests in the folders below."""
    return missing


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with chromium(missing) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Engine]:
    """The PostgreSQL server, in autocommit: databases can only be created and dropped outside a transaction."""
    server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    try:
        server.connect().close()
    except OperationalError as problem:
        missing(f"no PostgreSQL at {POSTGRES} (set TEST_POSTGRES_URL): {problem.orig}")
    yield server
    server.dispose()


@contextmanager
def postgres_database(server: Engine, template: str = "template1", options: str = "") -> Iterator[URL]:
    """A new database, a copy of the template, that is dropped at the end. options: further ones, as SQL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} {options}"))
    yield server.url.set(database=name)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Engine) -> Iterator[str]:
    """The name of an empty store's database, to be copied: the migrations take longer than most tests."""
    with postgres_database(postgres_server) as url:
        _create_store(url.render_as_string(hide_password=False))
        yield str(url.database)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store's SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "store.db"
    _create_store(f"sqlite:///{file}")
    return file


def _create_store(url: str) -> None:
    store = Store(url)
    store.create()
    store.close()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: Engine) -> Iterator[str]:
    """The address of an empty PostgreSQL database; with the tables if the test uses `store`."""
    template = request.getfixturevalue("migrated_postgres") if "store" in request.fixturenames else "template1"
    with postgres_database(postgres_server, template) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def store_of_locale_c(postgres_server: Engine) -> Iterator[Store]:
    """An empty store on a PostgreSQL database whose locale is C, which some operators and images choose by default."""
    with postgres_database(postgres_server, "template0", "LC_COLLATE 'C' LC_CTYPE 'C'") as url:
        opened = Store(url.render_as_string(hide_password=False))
        opened.create()
        yield opened
        opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind; with the tables if the test uses `store`."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    if "store" in request.fixturenames:
        copyfile(request.getfixturevalue("migrated_file"), tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store, once on SQLite and once on PostgreSQL."""
    opened = Store(database_url)
    opened.create()  # only finds that the version is the newest
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(migrated_file: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite, for tests that do not depend on the kind of database."""
    opened = Store(f"sqlite:///{copyfile(migrated_file, tmp_path / 'store.db')}")
    opened.create()
    yield opened
    opened.close()


@pytest.fixture
def redis_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a Redis database in which this test's task queue has its own name, and so its own keys."""
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


@pytest.fixture(scope="session", autouse=True)
def _certificates_read_once() -> Iterator[None]:
    """Every new client reads the certificate store, which takes long and which no test uses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(default, "create_ssl_context", cache(default.create_ssl_context))
        yield


@pytest.fixture(scope="session")
def fake_label_studio() -> Iterator[Fake]:
    """One fake Label Studio; tests use projects of their own."""
    server = FakeLabelStudio()
    yield Fake(server)
    server.stop()


@pytest.fixture(scope="session")
def real_label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One real Label Studio for each test process; tests use projects of their own.

    TEST_LABEL_STUDIO_PORT: of one that runs already.
    """
    folder = tmp_path_factory.mktemp("label-studio")
    running = os.environ.get("TEST_LABEL_STUDIO_PORT")
    port = int(running) if running else free_port(0)
    process = LabelStudioProcess(command(), folder, port)
    if running:
        yield Real(process)
        return
    copytree(fresh_data(), folder, dirs_exist_ok=True)
    process.start()
    yield Real(process)
    process.stop()
