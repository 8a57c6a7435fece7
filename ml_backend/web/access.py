"""Who may call: basic auth, the secret of the webhooks, and the Label Studio key for settings."""

from __future__ import annotations

import base64
import hmac

from flask import request

from ml_backend.labelstudio.events import SECRET_HEADER
from ml_backend.settings import Settings
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import Web, web

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Active learning", charset="UTF-8"'}


def need_basic_auth() -> None:
    """Require basic auth where it is configured. Raises BadRequest with 401."""
    settings = web().settings
    if settings.basic_auth_on and not _basic_auth_right(settings):
        raise BadRequest(
            "This backend asks for basic auth: give the user and the password set as BASIC_AUTH_USER and "
            "BASIC_AUTH_PASS (in Label Studio: Settings, Model, Edit, Basic authentication).",
            401,
            CHALLENGE,
        )


def need_webhook_secret() -> None:
    """Require the secret of a webhook, or basic auth, where basic auth is configured. Raises BadRequest with 401."""
    context = web()
    if not context.settings.basic_auth_on or _basic_auth_right(context.settings) or _secret_right(context):
        return
    raise BadRequest(
        f"This webhook carries neither basic auth nor the header {SECRET_HEADER}. Label Studio's own webhooks come "
        "without credentials; `python -m ml_backend connect PROJECT` gives the project's webhook the secret.",
        401,
        CHALLENGE,
    )


def need_owner() -> None:
    """Require what changing settings takes: basic auth or Label Studio's key, one of which has to be configured.

    Raises BadRequest with 401.
    """
    settings = web().settings
    if not settings.basic_auth_on and not settings.label_studio_api_key:
        raise BadRequest(
            "Settings are open only to callers who can show who they are, and this backend knows of no secret: set "
            "BASIC_AUTH_USER and BASIC_AUTH_PASS, or LABEL_STUDIO_API_KEY, and restart it.",
            401,
        )
    if _basic_auth_right(settings) or _key_right(settings):
        return
    ways = []
    if settings.basic_auth_on:
        ways.append("basic auth with BASIC_AUTH_USER and BASIC_AUTH_PASS")
    if settings.label_studio_api_key:
        ways.append("the header 'Authorization: Token KEY' with the key set as LABEL_STUDIO_API_KEY")
    raise BadRequest(
        f"Settings need credentials: {', or '.join(ways)}.", 401, CHALLENGE if settings.basic_auth_on else None
    )


def _basic_auth_right(settings: Settings) -> bool:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if not settings.basic_auth_on or scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded)
    except ValueError:
        return False
    expected = f"{settings.basic_auth_user}:{settings.basic_auth_pass or ''}"
    # Browsers send UTF-8 as they were asked to; Label Studio sends Latin-1 where that can hold the password.
    right = hmac.compare_digest(given, expected.encode())
    if all(ord(c) < 256 for c in expected):
        right |= hmac.compare_digest(given, expected.encode("latin-1"))
    return right


def _key_right(settings: Settings) -> bool:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if not settings.label_studio_api_key or scheme.lower() not in {"token", "bearer"}:
        return False
    return _same(key.strip(), settings.label_studio_api_key)


def _secret_right(context: Web) -> bool:
    given = request.headers.get(SECRET_HEADER)
    return given is not None and _same(given, context.webhook_secret)


def _same(given: str | None, expected: str | None) -> bool:
    # Compared in constant time, and as bytes: compare_digest refuses strings outside ASCII.
    return hmac.compare_digest((given or "").encode(), (expected or "").encode())
