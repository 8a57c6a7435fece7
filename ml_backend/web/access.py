"""Access control: basic auth, and the Label Studio key for settings; for webhooks see `webhook_access`."""

from __future__ import annotations

import base64
import hmac

from flask import request

from ml_backend.settings import Settings
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Active learning", charset="UTF-8"'}


def require_basic_auth() -> None:
    """Require basic auth if it is configured. Raises BadRequest with status 401."""
    settings = web().settings
    if settings.basic_auth_on and not has_basic_auth(settings):
        raise BadRequest(
            "This backend requires basic auth: send the user and the password set as BASIC_AUTH_USER and "
            "BASIC_AUTH_PASS (in Label Studio: Settings, Model, Edit, Basic authentication).",
            401,
            CHALLENGE,
        )


def require_settings_access() -> None:
    """Require basic auth or Label Studio's key, one of which has to be configured to change settings.

    Raises BadRequest with status 401.
    """
    settings = web().settings
    if not settings.basic_auth_on and not settings.label_studio_api_key:
        raise BadRequest(
            "Settings can be read and changed only with credentials, and this backend has none configured: set "
            "BASIC_AUTH_USER and BASIC_AUTH_PASS, or LABEL_STUDIO_API_KEY, and restart it.",
            401,
        )
    if has_basic_auth(settings) or _has_api_key(settings):
        return
    ways = []
    if settings.basic_auth_on:
        ways.append("basic auth with BASIC_AUTH_USER and BASIC_AUTH_PASS")
    if settings.label_studio_api_key:
        ways.append("the header 'Authorization: Token KEY' with the key set as LABEL_STUDIO_API_KEY")
    raise BadRequest(
        f"Settings need credentials: {', or '.join(ways)}.", 401, CHALLENGE if settings.basic_auth_on else None
    )


def has_credentials() -> bool:
    """Whether the request carries basic auth or Label Studio's key, whether or not they are required."""
    settings = web().settings
    return has_basic_auth(settings) or _has_api_key(settings)


def has_basic_auth(settings: Settings) -> bool:
    """Whether the request carries the configured user and password."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if not settings.basic_auth_on or scheme.lower() != "basic":
        return False
    try:
        credentials = base64.b64decode(encoded)
    except ValueError:
        return False
    expected = f"{settings.basic_auth_user}:{settings.basic_auth_pass or ''}"
    # Browsers send UTF-8, as CHALLENGE asks; Label Studio sends Latin-1 if that can encode the password.
    is_equal = hmac.compare_digest(credentials, expected.encode())
    if all(ord(c) < 256 for c in expected):
        is_equal |= hmac.compare_digest(credentials, expected.encode("latin-1"))
    return is_equal


def _has_api_key(settings: Settings) -> bool:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if not settings.label_studio_api_key or scheme.lower() not in {"token", "bearer"}:
        return False
    return _equal(key.strip(), settings.label_studio_api_key)


def _equal(received: str | None, expected: str | None) -> bool:
    # Compared in constant time, and as bytes, since compare_digest refuses strings outside ASCII.
    return hmac.compare_digest((received or "").encode(), (expected or "").encode())
