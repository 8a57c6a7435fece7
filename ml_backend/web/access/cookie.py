"""The cookie of the pages: signed, out of reach of scripts and of other sites, and under the path of this backend.

It carries the id of a session and a CSRF token, never a password or a key.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Flask, Request, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import TimestampSigner

from ml_backend.store import DATABASE_ERRORS
from ml_backend.web.access.caller import came_over_tls
from ml_backend.web.context import web

NAME = "active_learning_session"
LIFETIME_SECONDS = 12 * 3600
"""How long a person stays signed in; also without a pause."""

CONFIG = {
    "SESSION_COOKIE_NAME": NAME,
    "SESSION_COOKIE_HTTPONLY": True,
    # Not Strict: a link from Label Studio to a project's page would always lead to the sign-in page.
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_REFRESH_EACH_REQUEST": False,
    "PERMANENT_SESSION_LIFETIME": LIFETIME_SECONDS,
    # A token is valid as long as the cookie.
    "WTF_CSRF_TIME_LIMIT": None,
}


class _AgelessSigner(TimestampSigner):
    """Accepts its signatures at any age, since the database says when a session ends.

    Otherwise a cookie from a server whose clock is a second ahead would be refused by the others.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """What was signed."""
        return super().unsign(signed_value, None, return_timestamp)  # type: ignore[call-overload]


class Cookie(SecureCookieSessionInterface):
    """Flask's signed cookie, whose key is read from the database when a cookie is first read or written."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The content of the request's cookie; empty without one, which is what Label Studio's requests have.

        It is empty too if the database is not reached, see `require_cookie_read`.
        """
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        try:
            return super().open_session(app, request)
        except DATABASE_ERRORS as problem:
            # Flask reads the cookie before errors are handled, and of every request, also of those that do not need it.
            g.cookie_problem = problem
            return self.session_class()

    def get_signing_serializer(self, app: Flask):  # type: ignore[no-untyped-def]  # noqa: ANN201
        """The signer of the cookie."""
        load_key(app)
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = _AgelessSigner
        return serializer

    def get_cookie_path(self, app: Flask) -> str:
        """The path under which a proxy serves this backend."""
        return request.script_root or "/"

    def get_cookie_secure(self, app: Flask) -> bool:
        """Whether browsers send the cookie over TLS only."""
        return came_over_tls(web().settings.backend_url)


def require_cookie_read() -> None:
    """Raises the error of the database for which the request's cookie could not be read, one of DATABASE_ERRORS."""
    if (problem := g.get("cookie_problem")) is not None:
        raise problem


def load_key(app: Flask) -> None:
    """Let Flask sign with the key of this installation."""
    if app.secret_key is None:
        app.secret_key = web().session_key
