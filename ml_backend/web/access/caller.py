"""Where a request comes from, as far as it is known."""

from __future__ import annotations

from flask import request

from ml_backend.web.context import web
from ml_backend.web.serving.admission import is_in


def caller_address() -> str:
    """The address of the caller; behind proxies of TRUSTED_PROXIES, the one that the last of them names."""
    address, networks = request.remote_addr or "", web().settings.proxy_networks
    named = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    while named and is_in(address, networks):
        address = named.pop() or address
    return address


def came_over_tls(backend_url: str | None) -> bool:
    """Whether the browser used https: a proxy says so, or BACKEND_URL does."""
    # Nobody gains by claiming https: it only keeps the caller's own cookie off plain connections.
    forwarded = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    return request.is_secure or forwarded == "https" or (backend_url or "").startswith("https://")
