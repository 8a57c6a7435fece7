"""Headers of every response, which tell browsers what they may do with it."""

from __future__ import annotations

from flask import Response

EVERYWHERE = {
    # Labels and titles come from outside: a browser must not take JSON or plain text for a page or a script.
    "X-Content-Type-Options": "nosniff",
    # Addresses of our pages name projects. "no-referrer" would remove the Origin of our own forms.
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""A response that sets one of them itself keeps its own."""


def add_headers(response: Response) -> Response:
    """Add the headers that the response does not have."""
    for name, value in EVERYWHERE.items():
        response.headers.setdefault(name, value)
    return response
