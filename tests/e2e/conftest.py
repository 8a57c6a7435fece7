"""A real Label Studio for the whole session, backends as processes of their own, and a second person."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_loop import Loop, connected

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, free_port, installed
from ml_backend.labelstudio.client import LabelStudio

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def label_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioProcess]:
    """One Label Studio; tests use projects of their own. TEST_LABEL_STUDIO_PORT: one that runs already, as a demo's."""
    folder = tmp_path_factory.mktemp("label-studio")
    running = os.environ.get("TEST_LABEL_STUDIO_PORT")
    port = int(running) if running else free_port(0)
    process = LabelStudioProcess(installed(REPOSITORY / ".venv-labelstudio"), folder, port)
    if running:
        yield process
        return
    process.start()
    yield process
    process.stop()


@pytest.fixture
def client(label_studio: LabelStudioProcess) -> Iterator[LabelStudio]:
    """Label Studio's first user."""
    first = LabelStudio(label_studio.url, label_studio.token)
    yield first
    first.close()


@pytest.fixture(scope="session")
def shared_backend(
    label_studio: LabelStudioProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BackendProcess]:
    """One backend for all tests that do not stop it."""
    backend = BackendProcess(tmp_path_factory.mktemp("backend"), free_port(0), label_studio.url, label_studio.token)
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture
def own_backend(label_studio: LabelStudioProcess, tmp_path: Path) -> Iterator[BackendProcess]:
    """A backend that a test may kill; not started yet."""
    backend = BackendProcess(tmp_path / "backend", free_port(0), label_studio.url, label_studio.token)
    yield backend
    backend.stop()


@pytest.fixture
def loop(label_studio: LabelStudioProcess, client: LabelStudio, shared_backend: BackendProcess) -> Callable[..., Loop]:
    """Makes a connected project on the shared backend; settings by name."""

    def make(texts: list[dict[str, Any]], config: str | None = None, **settings: Any) -> Loop:
        return connected(label_studio, client, shared_backend, texts, config, **settings)

    return make


@pytest.fixture(scope="session")
def second_user(label_studio: LabelStudioProcess) -> Iterator[LabelStudio]:
    """Another person in the same organization, signed up by the form."""
    email = "second@example.com"
    with httpx.Client(base_url=label_studio.url, follow_redirects=True, timeout=30) as browser:
        for door in ("/user/signup/", "/user/login/"):
            page = browser.get(door).text
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
            if token is None:
                break  # signed up means logged in
            form = {"csrfmiddlewaretoken": token.group(1), "email": email, "password": "second-password"}
            browser.post(door, data=form, headers={"Referer": label_studio.url + door})
        key = browser.get("/api/current-user/token").raise_for_status().json()["token"]
    second = LabelStudio(label_studio.url, key)
    yield second
    second.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder is an end-to-end test, before `-m` chooses by the marks."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
