"""Who sent a request: by a session, by basic auth, or by the backend's own key."""

from __future__ import annotations

import base64
import hmac
import logging
from dataclasses import dataclass

from flask import g, request

from ml_backend.settings import Settings
from ml_backend.web.access.caller import caller_address
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web

logger = logging.getLogger(__name__)

BACKEND_KEY = "somebody with the backend's key"
"""The name of who has LABEL_STUDIO_API_KEY."""


@dataclass(frozen=True)
class Person:
    """Who sent a request.

    name: for people, such as an e-mail address; projects: ids of those that the person may see, None for all;
    signed_in: whether a session says so, which a browser sends by itself, so that changes need a CSRF token.
    """

    name: str
    projects: frozenset[int] | None = None
    signed_in: bool = False

    def sees(self, project_id: int) -> bool:
        """Whether the person may see and change this project."""
        return self.projects is None or project_id in self.projects


def basic_auth_name(user: str) -> str:
    """The name of who knows user and password of basic auth."""
    return f"basic auth user {user}"


def person_by_header() -> Person | None:
    """Who the header Authorization names. Raises BadRequest with status 429 after too many wrong passwords."""
    settings = web().settings
    if has_basic_auth():
        return Person(basic_auth_name(settings.basic_auth_user or ""))
    return Person(BACKEND_KEY) if _has_backend_key(settings) else None


def has_basic_auth() -> bool:
    """Whether the request carries user and password. Raises BadRequest with 429 after too many wrong passwords."""
    if "basic_auth" not in g:
        g.basic_auth = _check_basic_auth(web().settings)
    return bool(g.basic_auth)


def is_backend_key(settings: Settings, key: str) -> bool:
    """Whether this is LABEL_STUDIO_API_KEY; False if there is none."""
    return bool(settings.label_studio_api_key) and equal(key, settings.label_studio_api_key)


def is_basic_auth(settings: Settings, user: bytes, password: bytes) -> bool:
    """Whether these are user and password of basic auth; False if it is off."""
    if not settings.basic_auth_on:
        return False
    credentials, expected = user + b":" + password, f"{settings.basic_auth_user}:{settings.basic_auth_pass}"
    # Browsers send UTF-8, as the challenge asks; Label Studio sends Latin-1 if that can encode the password.
    is_equal = hmac.compare_digest(credentials, expected.encode())
    if all(ord(c) < 256 for c in expected):
        is_equal |= hmac.compare_digest(credentials, expected.encode("latin-1"))
    return is_equal


def equal(received: str | None, expected: str | None) -> bool:
    """Whether two strings are equal, in a time that does not depend on where they differ."""
    # As bytes, since compare_digest refuses strings outside ASCII.
    return hmac.compare_digest((received or "").encode("utf-8", "replace"), (expected or "").encode())


def wrong_credentials(user: str, what: str) -> None:
    """Count and log a wrong attempt. what: what was wrong; nothing that was typed is logged."""
    number = web().attempts.wrong(caller_address(), user)
    logger.warning("%s from %s, attempt %d in the last minutes", what, caller_address(), number)


def seconds_to_wait(user: str) -> float:
    """Seconds until the caller may try credentials of this user again; 0 if now."""
    return web().attempts.wait_seconds(caller_address(), user)


def _check_basic_auth(settings: Settings) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if not settings.basic_auth_on or scheme.lower() != "basic":
        return False
    try:
        user, _, password = base64.b64decode(encoded).partition(b":")
    except ValueError:
        return False
    name = user.decode("utf-8", "replace")
    if seconds := seconds_to_wait(name):
        raise BadRequest(
            "Too many wrong passwords came from this address or for this user; try again later.",
            429,
            {"Retry-After": str(int(seconds) + 1)},
        )
    is_right = is_basic_auth(settings, user, password)
    if is_right:
        web().attempts.right(caller_address(), name)
    else:
        wrong_credentials(name, "wrong basic auth")
    return is_right


def _has_backend_key(settings: Settings) -> bool:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() in {"token", "bearer"} and is_backend_key(settings, key.strip())
