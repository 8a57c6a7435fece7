"""Keys: what is sent, when a fresh access token is requested, and that no message shows a key."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import jwt
import pytest
from fake_label_studio import FakeLabelStudio
from recording_server import Request, recording_server
from studios import Fake

from ml_backend.labelstudio.address_check import label_studio_version
from ml_backend.labelstudio.client import LabelStudio, LabelStudioError, LabelStudioUnavailable, Unauthorized
from ml_backend.labelstudio.session import REFRESH_PATH
from ml_backend.settings import Settings

LEGACY_TOKEN = "legacy-token-of-forty-characters-00000000"
SIGNING_KEY = "a-signing-key-of-at-least-32-bytes!"


def token(kind: str, seconds: float = 3600, **more: Any) -> str:
    return jwt.encode({"token_type": kind, "exp": time.time() + seconds, **more}, SIGNING_KEY)


@pytest.fixture
def studio(fake_label_studio: Fake) -> FakeLabelStudio:
    """The fake Label Studio."""
    return fake_label_studio.server


@pytest.fixture
def personal(studio: FakeLabelStudio) -> str:
    """A personal access token of a user of its own."""
    return studio.studio.tokens.new_refresh(studio.add_user("pat@example.com", "a" * 40))


def refreshes(studio: FakeLabelStudio, start: int) -> int:
    return sum(path == f"/{REFRESH_PATH}" for _, path in studio.studio.requests[start:])


def test_an_access_token_that_is_not_accepted_any_more_is_replaced_once(studio: FakeLabelStudio, personal: str):
    start = len(studio.studio.requests)
    with closing(LabelStudio(studio.url, personal)) as client:
        client.whoami()
        studio.studio.tokens.expire_access()
        assert client.whoami()["email"] == "pat@example.com"
        client.whoami()
    assert refreshes(studio, start) == 2


def test_a_post_is_sent_again_with_a_fresh_token_since_the_first_one_did_nothing(
    studio: FakeLabelStudio, personal: str
):
    with closing(LabelStudio(studio.url, personal)) as client:
        client.whoami()
        studio.studio.tokens.expire_access()
        assert client.request("POST", "api/jwt/settings", body={}) == {}


def test_a_revoked_personal_access_token_is_refused_without_an_endless_retry(studio: FakeLabelStudio, personal: str):
    start = len(studio.studio.requests)
    with closing(LabelStudio(studio.url, personal)) as client:
        client.whoami()
        studio.studio.tokens.expire_access()
        studio.studio.tokens.drop_refresh(personal)
        with pytest.raises(Unauthorized, match="does not accept LABEL_STUDIO_API_KEY"):
            client.whoami()
    assert refreshes(studio, start) == 2


def test_a_clock_that_is_ahead_makes_every_access_token_look_expired_and_still_works():
    expired = token("access", -60)

    def respond(request: Request) -> tuple[int, Any]:
        return 200, {"access": expired} if "refresh" in request.path else {"email": "a@b.c"}

    with recording_server(respond) as server, closing(LabelStudio(server.url, token("refresh"))) as client:
        assert client.whoami() == client.whoami() == {"email": "a@b.c"}


def test_a_legacy_token_is_refused_at_once():
    with (
        recording_server(lambda _: (401, {"detail": "Invalid token."})) as server,
        closing(LabelStudio(server.url, LEGACY_TOKEN)) as client,
    ):
        with pytest.raises(Unauthorized):
            client.whoami()
        assert len(server.requests) == 1


def test_behind_a_path_prefix_the_access_token_is_requested_there_too():
    def respond(request: Request) -> tuple[int, Any]:
        if not request.path.startswith("/tools/ls/api/"):
            return 404, "nothing here"
        return 200, {"access": token("access")} if "refresh" in request.path else {"email": "a@b.c"}

    with recording_server(respond) as server, closing(LabelStudio(f"{server.url}/tools/ls/", token("refresh"))) as c:
        assert c.whoami() == {"email": "a@b.c"}


def error(call: Callable[[], object]) -> BaseException:
    with pytest.raises(LabelStudioError) as problem:
        call()
    return problem.value


WRITTEN_KEYS = {
    "typographic quotes": "“secret0123456789”",
    "straight quotes": '"secret0123456789"',
    "outside ASCII": "secret0123456789ü",
    "a no-break space inside": "secret\u00a00123456789",
    "a line break inside": "secret0123456789\nsecret",
    "a null character": "secret0123456789\0",
    "the word of the header": "Token secret0123456789",
}


@pytest.mark.parametrize("key", WRITTEN_KEYS.values(), ids=WRITTEN_KEYS)
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent_and_not_shown(key: str):
    with recording_server(lambda _: (200, {})) as server, closing(LabelStudio(server.url, key)) as client:
        problem = error(client.whoami)
        assert server.requests == []
    assert isinstance(problem, Unauthorized)
    assert str(problem).startswith("LABEL_STUDIO_API_KEY ")
    assert "secret" not in "".join(traceback.format_exception(problem))


def test_white_space_around_a_key_is_not_sent():
    with recording_server(lambda _: (200, {})) as server, closing(LabelStudio(server.url, f" {LEGACY_TOKEN}\n")) as c:
        c.whoami()
    assert server.authorizations == [f"Token {LEGACY_TOKEN}"]


ANSWERS: dict[str, tuple[int, Any]] = {
    "refused": (401, {"detail": "No user with the key {key}"}),
    "a page": (404, "<html><title>{key}</title>"),
    "refused otherwise": (400, {"validation_errors": {"key": ["{key} is odd"]}}),
    "failed": (500, "{key}"),
    "no JSON": (200, "{key}"),
    "a JSON list": (200, ["{key}"]),
    "nothing": (200, None),
    "an empty object": (200, {}),
    "no token": (200, {"access": 5}),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(
    "key", [LEGACY_TOKEN, token("refresh"), token("refresh", -9), "e.y.j", token("access")], ids=range(5)
)
def test_no_answer_of_a_server_brings_a_key_into_a_message(
    answer: tuple[int, Any], key: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    status, body = answer
    shown = json.loads(json.dumps(body).replace("{key}", key))
    problems: list[LabelStudioError] = []
    with recording_server(lambda _: (status, shown)) as server, closing(LabelStudio(server.url, key)) as client:
        try:
            client.version()
        except LabelStudioError as problem:
            problems.append(problem)
    assert not [p for p in problems if key in "".join(traceback.format_exception(p))]


def test_a_key_that_is_expired_by_our_clock_is_said_to_be():
    with closing(LabelStudio("http://localhost:1", token("refresh", -60))) as client:
        assert "API key has expired" in str(error(client.whoami))


def test_a_proxy_that_answers_for_a_stopped_label_studio_is_told_from_a_wrong_key():
    with (
        recording_server(lambda _: (502, "<html><title>502 Bad Gateway</title></html>")) as server,
        closing(LabelStudio(server.url, token("refresh"))) as client,
        pytest.raises(LabelStudioUnavailable, match="the web page '502 Bad Gateway'"),
    ):
        client.whoami()


@pytest.fixture
def gated(studio: FakeLabelStudio) -> Iterator[FakeLabelStudio]:
    """The fake behind a proxy that asks for a header Authorization of its own."""
    studio.faults.proxy_authorization = "Bearer secret-of-the-proxy"
    yield studio
    studio.faults.mend()


def test_behind_a_proxy_that_needs_the_header_itself_the_key_is_sent_as_x_api_key(gated: FakeLabelStudio):
    gate = gated.faults.proxy_authorization
    with closing(LabelStudio(gated.url, gated.token, gate)) as client:
        assert client.whoami()["email"] == "demo@example.com"
    assert label_studio_version(gated.url, gate) == "1.23.2"
    with closing(LabelStudio(gated.url, gated.token)) as client:
        assert "Log in to the proxy" in str(error(client.whoami))


def test_a_wrong_key_behind_such_a_proxy_is_refused_and_neither_secret_is_shown(gated: FakeLabelStudio):
    with closing(LabelStudio(gated.url, "wrong" * 8, gated.faults.proxy_authorization)) as client:
        said = str(error(client.whoami))
    assert "does not accept LABEL_STUDIO_API_KEY" in said
    assert "secret-of-the-proxy" not in said


def test_behind_such_a_proxy_a_refused_personal_access_token_is_said_to_be_the_wrong_kind(
    gated: FakeLabelStudio, personal: str
):
    with closing(LabelStudio(gated.url, personal, gated.faults.proxy_authorization)) as client:
        assert "may accept a legacy token only" in str(error(client.whoami))


def test_the_client_of_the_settings_sends_what_the_proxy_needs(gated: FakeLabelStudio):
    settings = Settings(
        label_studio_url=gated.url,
        label_studio_api_key=gated.token,
        label_studio_proxy_authorization=f" {gated.faults.proxy_authorization}\n",
    )
    with closing(LabelStudio.of(settings)) as client:
        assert client.version() == "1.23.2"
