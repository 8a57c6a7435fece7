"""The id of a request, in all records of the log that are written for it."""

from __future__ import annotations

import re

from flask import Flask, Response, g, request

from ml_backend import logs

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Ids that a proxy may give; others are replaced, since anybody can send them."""


def log_request_ids(app: Flask) -> None:
    """Give each request an id: the one that a proxy sent, or a new one; the response carries it."""
    app.before_request(_bind)
    app.after_request(_tell)
    app.teardown_request(_unbind)


def _bind() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if ACCEPTED.fullmatch(sent) else logs.new_id()
    g.log_token = logs.bind(request=g.request_id)


def _tell(response: Response) -> Response:
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
    return response


def _unbind(_problem: BaseException | None) -> None:
    token = g.pop("log_token", None)
    if token is not None:
        logs.unbind(token)
