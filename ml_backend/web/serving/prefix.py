"""The path under which a proxy serves this backend, so that links on the pages lead back through the proxy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "HTTP_X_FORWARDED_PREFIX"
PREFIX = re.compile(r"(/[\w.~%-]+)+")
"""Two slashes at the start would make links lead to another host."""


class PathPrefix:
    """WSGI middleware that sets SCRIPT_NAME: from the proxy's X-Forwarded-Prefix, or the path of BACKEND_URL.

    Requests work with the prefix and without it, since some proxies remove it and some do not.
    """

    def __init__(self, application: WSGIApplication, backend_url: str | None) -> None:
        self._application = application
        self._own_prefix = _checked(urlsplit(backend_url or "").path)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        prefix = _checked(environ.get(HEADER, "")) or self._own_prefix
        if prefix and not environ.get("SCRIPT_NAME"):
            environ["SCRIPT_NAME"] = prefix
            path = environ.get("PATH_INFO", "")
            if path == prefix or path.startswith(f"{prefix}/"):
                environ["PATH_INFO"] = path.removeprefix(prefix) or "/"
        return self._application(environ, start_response)


def _checked(prefix: str) -> str:
    """The prefix without a slash at its end; "" if it is none."""
    prefix = prefix.strip().rstrip("/")
    return prefix if PREFIX.fullmatch(prefix) else ""
