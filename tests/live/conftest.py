"""Projects on a fake Label Studio, with a backend inside this process; tests marked `both` run on a real one too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk.core import http_client
from live_loop import Loop, connected
from local_backend import LocalBackend
from project_runs import MakeProject, Project
from studios import Fake, Real

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.pipeline import queue_size
from ml_backend.store import Store
from ml_backend.worker import retry

MakeBackend = Callable[..., LocalBackend]


@pytest.fixture
def label_studio(request: pytest.FixtureRequest) -> Fake | Real:
    """The fake, or what `both` asks for."""
    studio: Fake | Real = request.getfixturevalue(f"{getattr(request, 'param', 'fake')}_label_studio")
    return studio


@pytest.fixture(scope="session")
def clients() -> Iterator[Callable[[Fake | Real, str], LabelStudio]]:
    """Clients by their keys, each made once: a new one takes longer than most tests."""
    made: dict[tuple[str, str], LabelStudio] = {}

    def client_of(studio: Fake | Real, key: str) -> LabelStudio:
        return made.setdefault((studio.url, key), LabelStudio(studio.url, key))

    yield client_of
    for client in made.values():
        client.close()


Clients = Callable[[Fake | Real, str], LabelStudio]


@pytest.fixture
def client(label_studio: Fake | Real, clients: Clients) -> LabelStudio:
    """Label Studio's first user."""
    return clients(label_studio, label_studio.token)


@pytest.fixture
def second_user(label_studio: Fake | Real, clients: Clients) -> LabelStudio:
    """Another person in the same organization."""
    return clients(label_studio, label_studio.second_token())


@pytest.fixture(scope="session")
def shared_backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Fake | Real], LocalBackend]]:
    """One backend for each Label Studio, for all tests that do not stop it."""
    running: dict[str, LocalBackend] = {}

    def backend_of(studio: Fake | Real) -> LocalBackend:
        if studio.url not in running:
            running[studio.url] = LocalBackend(tmp_path_factory.mktemp("backend"), studio.url, studio.token)
            running[studio.url].start()
        return running[studio.url]

    yield backend_of
    for backend in running.values():
        backend.stop()


@pytest.fixture
def backend(label_studio: Fake | Real, shared_backends: Callable[[Fake | Real], LocalBackend]) -> LocalBackend:
    """The backend that tests share."""
    return shared_backends(label_studio)


@pytest.fixture
def own_backend(label_studio: Fake | Real, tmp_path: Path) -> Iterator[MakeBackend]:
    """Makes a backend that the test may stop, started; options as LocalBackend has them."""
    running: list[LocalBackend] = []

    def make(**options: Any) -> LocalBackend:
        chosen = {"label_studio_url": label_studio.url, "api_key": label_studio.token, **options}
        running.append(LocalBackend(tmp_path / f"backend-{len(running)}", **chosen))
        running[-1].start()
        return running[-1]

    yield make
    for backend in running:
        backend.stop()


@pytest.fixture
def loop(label_studio: Fake | Real, client: LabelStudio, backend: LocalBackend) -> Callable[..., Loop]:
    """Makes a connected project on the shared backend; settings by name."""

    def make(texts: list[dict[str, Any]], config: str | None = None, **settings: Any) -> Loop:
        return connected(label_studio, client, backend, texts, config, **settings)

    return make


@pytest.fixture
def make_project(fake_label_studio: Fake, client: LabelStudio, sqlite_store: Store) -> Iterator[MakeProject]:
    """Makes a project of n texts on the fake, whose runs the test starts itself; settings by name."""

    def make(n: int = 20, **settings: Any) -> Project:
        return Project(fake_label_studio, client, sqlite_store, n, **{"batch_size": 6, "retrain_every": 3, **settings})

    yield make
    fake_label_studio.server.faults.mend()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses before another try are short."""
    monkeypatch.setattr(retry, "FIRST_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(http_client, "INITIAL_RETRY_DELAY_SECONDS", 0.001)
    monkeypatch.setattr(http_client, "MAX_RETRY_DELAY_SECONDS", 0.001)


@pytest.fixture(autouse=True)
def _small_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many tasks are published depends neither on this machine's speed nor on the users that other tests added."""
    monkeypatch.setattr(queue_size, "FASTEST_LABELS_PER_SECOND", 0.0)
    monkeypatch.setattr(queue_size, "MOST_MEMBERS", 1)
