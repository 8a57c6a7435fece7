"""Every request has an id, in its response and in the lines that are logged for it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from ml_backend import logs


@pytest.fixture
def seen() -> Iterator[list[dict[str, str | int]]]:
    """The context of every record that is logged."""
    contexts: list[dict[str, str | int]] = []

    class Recorder(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            contexts.append(logs._context.get())

    logger = logging.getLogger("ml_backend.web.label_studio_routes.webhooks")
    recorder = Recorder()
    logger.addHandler(recorder)
    yield contexts
    logger.removeHandler(recorder)


def test_the_response_and_the_lines_of_a_request_carry_its_id(web: FlaskClient, seen: list[dict[str, str | int]]):
    answer = web.post("/webhook", json={"action": "UNKNOWN", "project": {"id": 7}})
    assert seen == [{"request": answer.headers["X-Request-ID"]}]
    assert logs._context.get() == {}, "the thread handles other requests afterwards"


@pytest.mark.parametrize(("sent", "is_taken"), [("proxy-1.2_3", True), ("a b", False), ("x" * 65, False), ("", False)])
def test_an_id_of_a_proxy_is_taken_if_it_cannot_forge_a_line(web: FlaskClient, sent: str, is_taken: bool):
    received = web.get("/health", headers={"X-Request-ID": sent}).headers["X-Request-ID"]
    assert (received == sent) is is_taken
    assert received
