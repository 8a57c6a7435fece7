"""A connection that does not come about: each cause has its own sentence, whose remedy is the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_label_studio import FakeLabelStudio
from live_loop import gold_texts, new_project
from recording_server import Request, recording_server
from studios import Fake, Real, both

from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.commands.failure import CommandFailed
from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connection import stored_backends
from ml_backend.labelstudio.label_config import parse
from ml_backend.settings import Settings

Studio = Fake | Real
UP = {"status": "UP", "model_class": "ActiveLearning"}
NOTE = "The texts `title` and `body` are read, joined by a line break."


@contextmanager
def server(health: tuple[int, Any] = (200, UP), setup: tuple[int, Any] = (200, UP)) -> Iterator[str]:
    """A server with these answers at /health and /setup; yields its address."""

    def respond(request: Request) -> tuple[int, Any]:
        return {"/health": health, "/setup": setup}.get(request.path, (404, "no such page"))

    with recording_server(respond) as running:
        yield running.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def connect(label_studio: Studio, client: LabelStudio, tmp_path: Path) -> Callable[..., list[str]]:
    """Runs the `connect` command for a new project; returns its lines."""

    def run(address: str, *chosen: str) -> list[str]:
        project = new_project(client, gold_texts(2))
        own = Settings(label_studio_url=label_studio.url, label_studio_api_key=label_studio.token, model_dir=tmp_path)
        return list(connect_project(own, project, address, list(chosen)))

    return run


Connect = Callable[..., list[str]]


@both
def test_a_backend_that_does_not_run_is_said_not_to_respond_and_how_to_start_it(connect: Connect):
    address = f"http://localhost:{free_port(0)}"
    with pytest.raises(CommandFailed) as refused:
        connect(address)
    assert str(refused.value).startswith(f"the backend does not respond at {address}")
    assert "start it with `python -m ml_backend serve`" in str(refused.value)
    assert "ML_BLOCK_LOCAL_IP" not in str(refused.value), "the address is local, but that is not the cause"


WRONG_SERVERS: dict[str, tuple[tuple[int, Any], tuple[int, Any], str]] = {
    "wrong credentials at the door": ((401, {}), (200, UP), "refuses the user and the password: set BASIC_AUTH_USER"),
    "wrong credentials": ((200, UP), (401, {}), "refuses the user and the password: set BASIC_AUTH_USER"),
    "not this backend": ((404, "no"), (200, UP), "is not this backend (404 Not Found at /health): give as"),
    "a web page": ((200, "<html>"), (200, UP), "is not this backend (no JSON at /health): give as"),
    "without /setup": ((200, UP), (405, {}), "is not this backend (405 Method Not Allowed at /setup): give as"),
    "a web page at /setup": ((200, UP), (200, "<html>"), "is not this backend ("),
    "starting": ((503, "wait"), (200, UP), "does not respond at {} when Label Studio calls it (503 Service"),
    "failing": ((200, UP), (500, {}), "failed with 500 (Internal Server Error); see its log"),
    "refusing": ((200, UP), (400, {}), "refuses the project: Bad Request"),
}


@both
@pytest.mark.parametrize("name", WRONG_SERVERS)
def test_what_answers_instead_is_said(connect: Connect, name: str):
    health, setup, sentence = WRONG_SERVERS[name]
    with server(health, setup) as address, pytest.raises(CommandFailed) as refused:
        connect(address)
    assert sentence.format(address) in str(refused.value)
    assert address in str(refused.value)


@both
def test_another_ml_backend_is_told_from_one_with_another_database(connect: Connect):
    other = (200, {"status": "UP", "model_class": "SentimentModel"})
    with server(other) as address, pytest.raises(CommandFailed, match="is another ML backend"):
        connect(address)
    with server() as address, pytest.raises(CommandFailed, match="set DATABASE_URL"):
        connect(address)


@both
def test_a_host_that_label_studio_does_not_know_is_named(connect: Connect):
    with pytest.raises(CommandFailed, match="does not know the host of"):
        connect("http://backend.invalid:9090")


@pytest.fixture
def blocking(fake_label_studio: Fake) -> Iterator[FakeLabelStudio]:
    """The fake as Label Studio is by default: it calls no address of its own machine."""
    fake_label_studio.server.faults.local_blocked = True
    yield fake_label_studio.server
    fake_label_studio.server.faults.mend()


@pytest.mark.usefixtures("blocking")
def test_only_a_blocked_local_address_is_blamed_on_the_setting_that_blocks_it(connect: Connect):
    with pytest.raises(CommandFailed, match="start Label Studio with ML_BLOCK_LOCAL_IP=false"):
        connect("http://localhost:9090")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("http://localhost:9090/health", "is an address below the backend's own; set it to http://localhost:9090"),
        ("localhost:9090", "must start with http"),
    ],
)
def test_an_address_of_the_backend_that_is_none_is_refused_before_anything_is_sent(
    connect: Connect, address: str, sentence: str
):
    with pytest.raises(CommandFailed, match=f"^--backend-url .*{sentence}"):
        connect(address)


@pytest.mark.parametrize("setting", ["embedding_model=minilmm", "strategy=best", "batch_size=many", "size=3"])
def test_a_setting_that_cannot_be_used_is_refused_with_the_known_ones_before_anything_is_changed(
    connect: Connect, setting: str
):
    with pytest.raises(CommandFailed) as refused:
        connect("http://localhost:1", setting)
    value = setting.partition("=")[2]
    assert ("minilm" if value == "minilmm" else "batch_size" if value != "best" else "uherding") in str(refused.value)
    assert "does not respond" not in str(refused.value)


def test_what_the_label_config_leaves_open_and_was_chosen_is_said_before_anything_is_changed(
    label_studio: Studio, client: LabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ml_backend.commands.connect.parse", lambda *chosen: replace(parse(*chosen), notes=(NOTE,)))
    project = new_project(client, gold_texts(2))
    own = Settings(label_studio_url=label_studio.url, label_studio_api_key=label_studio.token, model_dir=tmp_path)
    lines = connect_project(own, project, "http://localhost:1", [])
    assert next(lines).startswith(f"project {project} ")
    assert next(lines) == NOTE
    assert stored_backends(client, project) == []


def test_the_extra_params_are_stored_as_the_string_that_the_form_shows(
    label_studio: Studio, client: LabelStudio, tmp_path: Path
):
    project = new_project(client, gold_texts(2))
    own = Settings(label_studio_url=label_studio.url, label_studio_api_key=label_studio.token, model_dir=tmp_path)
    with server() as address, pytest.raises(CommandFailed):
        list(connect_project(own, project, address, ["strategy=badge", "batch_size=7"]))
    (entry,) = stored_backends(client, project)
    assert entry.extra_params == '{"strategy": "badge", "batch_size": 7}'
