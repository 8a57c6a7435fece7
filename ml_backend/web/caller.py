"""Where a request comes from, as far as it is known."""

from __future__ import annotations

from flask import request


def caller_address() -> str:
    """The address of the caller."""
    return request.remote_addr or ""


def came_over_tls(backend_url: str | None) -> bool:
    """Whether the browser used https: a proxy says so, or BACKEND_URL does."""
    # Nobody gains by claiming https: it only keeps the caller's own cookie off plain connections.
    forwarded = request.headers.get("X-Forwarded-Proto", "").rpartition(",")[2].strip().lower()
    return request.is_secure or forwarded == "https" or (backend_url or "").startswith("https://")
