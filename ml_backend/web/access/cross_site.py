"""Refuses requests that pages of other sites make a browser send, before a route sees them.

A browser sends forms, and scripts' requests without permission, only with the content types of forms; it names the page
that they come from in Sec-Fetch-Site or Origin. Programs such as Label Studio send neither header, and JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from flask import current_app, request

from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web
from ml_backend.web.serving.admission import is_in

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing in this backend."""
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
OWN_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site for our own pages, and for what a person does in the browser without a page."""
DEFAULT_PORTS = {"http": 80, "https": 443}

View = TypeVar("View", bound=Callable[..., object])
_FORM_VIEWS = "_accepts_form"


def accepts_form(view: View) -> View:
    """Let a route accept forms beside JSON; it has to check a CSRF token itself."""
    setattr(view, _FORM_VIEWS, True)
    return view


def refuse_cross_site() -> None:
    """Refuse what another site may have sent. Raises BadRequest with status 403, or 415 for another content type."""
    if request.method in SAFE_METHODS or request.url_rule is None:
        return
    _refuse_other_sites()
    is_form_allowed = hasattr(current_app.view_functions[request.endpoint or ""], _FORM_VIEWS)
    accepted = (JSON, FORM) if is_form_allowed else (JSON,)
    if request.mimetype not in accepted:
        given = f"not {request.mimetype[:100]!r}" if request.mimetype else "which is missing"
        raise BadRequest(f"Send the header 'Content-Type: {JSON}', {given}: other sites could send the rest.", 415)


def _refuse_other_sites() -> None:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site.strip().lower() not in OWN_SITES:
        raise BadRequest(f"A page of another site ({(origin or 'unknown')[:200]}) may not change anything here.", 403)
    if site is None and origin is not None and _host(origin) not in _own_hosts():
        raise BadRequest(
            f"A page of another site ({origin[:200]}) may not change anything here. If it is this backend's own "
            "address, let the proxy pass the header Host, or set BACKEND_URL to the address.",
            403,
        )


def _own_hosts() -> set[str | None]:
    """Hosts, with port, under which browsers reach this backend.

    Without the scheme, since a proxy that adds TLS passes on the host but often not the scheme.
    """
    settings = web().settings
    hosts = {_host(f"{request.scheme}://{request.host}"), _host(settings.backend_url or "")}
    if is_in(request.remote_addr or "", settings.proxy_networks):
        hosts.add(_host(f"{request.scheme}://{request.headers.get('X-Forwarded-Host', '').partition(',')[0].strip()}"))
    return hosts - {None}


def _host(origin: str) -> str | None:
    """Host and port of an origin, the port only if it is neither 80 nor 443; None for what is no origin."""
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    return host if port is None or port in DEFAULT_PORTS.values() else f"{host}:{port}"
