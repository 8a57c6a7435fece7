"""CSRF tokens: what proves that a change comes from a page of ours, although the browser sends its cookie by itself."""

from __future__ import annotations

from flask import current_app, request
from flask_wtf.csrf import generate_csrf, validate_csrf
from wtforms import ValidationError

from ml_backend.web.access.cookie import load_key

HEADER, FIELD = "X-CSRFToken", "csrf_token"


def csrf_token() -> str:
    """The token for a page; the cookie gets its other half."""
    load_key(current_app)
    return str(generate_csrf())


def has_csrf_token() -> bool:
    """Whether the request carries the token that belongs to its cookie, in the header or in the form."""
    load_key(current_app)
    try:
        validate_csrf(request.headers.get(HEADER) or request.form.get(FIELD))
    except ValidationError:
        return False
    return True
