"""A real Label Studio for the whole session, backends in processes of their own, and a second user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from live_loop import Loop, connected
from playwright.sync_api import Browser, Page
from studios import Real

from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.labelstudio.client import LabelStudio


@pytest.fixture
def label_studio(real_label_studio: Real) -> Real:
    """The real Label Studio."""
    return real_label_studio


@pytest.fixture
def client(label_studio: Real) -> Iterator[LabelStudio]:
    """A client with the key of Label Studio's first user."""
    first = LabelStudio(label_studio.url, label_studio.token)
    yield first
    first.close()


@pytest.fixture(scope="session")
def shared_backend(real_label_studio: Real, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackendProcess]:
    """One backend for all tests that do not stop it."""
    folder = tmp_path_factory.mktemp("backend")
    backend = BackendProcess(folder, free_port(0), real_label_studio.url, real_label_studio.token)
    backend.start()
    yield backend
    backend.stop()


@pytest.fixture
def loop(label_studio: Real, client: LabelStudio, shared_backend: BackendProcess) -> Callable[..., Loop]:
    """Makes a connected project on the shared backend; settings by name."""

    def make(texts: list[dict[str, Any]], config: str | None = None, **settings: Any) -> Loop:
        return connected(label_studio, client, shared_backend, texts, config, **settings)

    return make


@pytest.fixture
def second_user(label_studio: Real) -> Iterator[LabelStudio]:
    """A client of another user of the same organization, who signed up by the form."""
    second = LabelStudio(label_studio.url, label_studio.second_token())
    yield second
    second.close()


@pytest.fixture
def page(browser: Browser, label_studio: Real) -> Iterator[Page]:
    """A window in which Label Studio's first user is logged in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    window = context.new_page()
    window.set_default_timeout(30_000)
    window.goto(f"{label_studio.url}/user/login/")
    window.fill("input[name=email]", label_studio.process.username)
    window.fill("input[name=password]", label_studio.process.password)
    window.click("button[type=submit]")
    window.wait_for_url(lambda address: "/user/login" not in address, wait_until="commit")
    yield window
    context.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as an end-to-end test, before `-m` selects by marks."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
