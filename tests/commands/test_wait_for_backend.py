"""`connect` waits for a backend that is still starting, and says so if nothing listens at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from recording_server import Request, recording_server

from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.commands.failure import CommandFailed
from ml_backend.commands.wait_for_backend import wait_for_backend

FOREVER = 60.0


@contextmanager
def never(sentence: str) -> Iterator[None]:
    """For a wait that must not happen."""
    raise AssertionError(sentence)
    yield


def test_a_backend_that_answers_is_not_waited_for():
    with recording_server(lambda request: (200, {"status": "UP"})) as backend:
        wait_for_backend(backend.url, FOREVER, never)
    assert [request.path for request in backend.requests] == ["/health"]


def test_a_port_that_opens_later_is_waited_for():
    said: list[str] = []
    address = f"http://127.0.0.1:{free_port(0)}"

    @contextmanager
    def opens(sentence: str) -> Iterator[None]:
        said.append(sentence)
        with recording_server(lambda request: (200, {}), port=urlsplit(address).port) as backend:
            yield
        assert [request.path for request in backend.requests] == ["/health"]

    wait_for_backend(address, FOREVER, opens)
    assert said == [f"waiting up to 60 s for the backend at {address}, where nothing listens yet"]


def test_a_server_that_takes_connections_and_answers_none_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ml_backend.commands.wait_for_backend.ANSWER_SECONDS", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        said: list[str] = []

        @contextmanager
        def waiting(sentence: str) -> Iterator[None]:
            said.append(sentence)
            yield

        wait_for_backend(address, 0.001, waiting)
    assert said == [f"waiting up to 0 s for the backend at {address}, which does not answer yet"]


def test_a_server_behind_a_proxy_that_cannot_reach_it_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ml_backend.commands.wait_for_backend.PAUSE_SECONDS", 0.0)
    answers = [503, 502, 200]

    def respond(_request: Request) -> tuple[int, object]:
        return answers.pop(0), {}

    with recording_server(respond) as backend:
        wait_for_backend(backend.url, FOREVER)
    assert not answers


def test_if_nothing_listens_the_address_and_the_command_to_start_it_are_named():
    address = f"http://127.0.0.1:{free_port(0)}"
    with pytest.raises(CommandFailed) as failed:
        wait_for_backend(address, 0.001)
    assert str(failed.value).startswith(f"nothing listens at {address}, not even after 0 s: start it with")
    assert "python -m ml_backend serve" in str(failed.value)


def test_an_address_that_only_label_studio_may_know_is_left_to_it(monkeypatch: pytest.MonkeyPatch):
    def unknown(*_arguments: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    wait_for_backend("http://backend:9090", FOREVER, never)
