"""A redirect is never followed: most of them turn POST, PATCH and DELETE into a GET, which does nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from recording_server import Request, recording_server

from ml_backend.labelstudio.address_check import label_studio_version
from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable

LEGACY_TOKEN = "legacy-token-of-forty-characters-00000000"
PERSONAL_TOKEN = "eyJh.eyJleHAiOjk5OTk5OTk5OTl9.c2ln"
CALLS: dict[str, Callable[[LabelStudio], object]] = {
    "GET": lambda c: c.whoami(),
    "POST": lambda c: c.annotate(3, 7, []),
    "PATCH": lambda c: c.set_sampling(3),
    "DELETE": lambda c: c.remove_version(3, "v1"),
}


def refused(call: Callable[[LabelStudio], object], status: int, location: str, key: str = LEGACY_TOKEN) -> str:
    """The sentence of the error, after one request; {} in the location becomes the requested path."""
    with (
        recording_server(lambda r: (status, location.replace("{}", r.path))) as server,
        closing(LabelStudio(server.url, key)) as client,
    ):
        with pytest.raises(LabelStudioUnavailable) as problem:
            call(client)
        assert len(server.requests) == 1, "nothing is followed"
    return str(problem.value).replace(server.url, "http://here")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", CALLS)
def test_no_method_is_followed_and_the_address_to_set_is_named(method: str, status: int):
    sentence = refused(CALLS[method], status, "https://studio.example{}")
    assert sentence == "http://here redirects to https://studio.example: set LABEL_STUDIO_URL to that"


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("https://studio.example/ls{}", "redirects to https://studio.example/ls: set LABEL_STUDIO_URL to that"),
        ("https://sso.example/login?next={}", "redirects to the login page https://sso.example/login:"),
        ("/user/login/?next=/api", "redirects to the login page http://here/user/login/:"),
        ("https://u:secret@other.example/", "redirects to https://other.example/: if Label Studio is there, set"),
        ("{}/", "has to pass addresses on unchanged"),
    ],
)
def test_where_it_leads_is_said(location: str, sentence: str):
    said = refused(CALLS["GET"], 302, location)
    assert sentence in said
    assert "secret" not in said


def test_the_request_for_an_access_token_is_not_followed_either():
    sentence = refused(CALLS["GET"], 301, "https://studio.example{}", PERSONAL_TOKEN)
    assert sentence == "http://here redirects to https://studio.example: set LABEL_STUDIO_URL to that"


def test_the_check_of_the_address_names_the_redirect_too():
    def respond(request: Request) -> tuple[int, str]:
        return 301, f"https://studio.example{request.path}"

    with recording_server(respond) as server, pytest.raises(LabelStudioUnavailable, match="set LABEL_STUDIO_URL to"):
        label_studio_version(server.url)
