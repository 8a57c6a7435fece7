"""Renders pages: templates, security headers, and the filters that templates use."""

from __future__ import annotations

import datetime
import re
from typing import Any
from urllib.parse import urlsplit

from flask import Response, g, make_response, render_template, request
from markupsafe import Markup, escape

from ml_backend.store.states import ProjectState
from ml_backend.web.access.csrf import csrf_token
from ml_backend.web.context import web

ORIGIN = re.compile(r"https?://[\w.\-:\[\]]+", re.ASCII)
STATES = {
    ProjectState.NEW: ("idle", "starting"),
    ProjectState.READY: ("good", "ready"),
    ProjectState.WAITING: ("warning", "waiting"),
    ProjectState.FAILED: ("bad", "failed, trying again"),
    ProjectState.UNSUPPORTED: ("bad", "label config not supported"),
    ProjectState.MISSING: ("bad", "project not found"),
    ProjectState.DISCONNECTED: ("warning", "disconnected"),
}
"""State → (CSS class, text)."""
ROUNDED_TO_ZERO = 0.005
"""Smaller probabilities would be shown as 0%."""
ERRORS = {401: "Sign in first", 403: "Not allowed", 404: "Not found", 405: "Not possible here"}
"""Status of a response → heading of its page."""


def wants_html() -> bool:
    """Whether the request comes from a browser."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def page(template: str, has_form: bool = False, leads_to: str = "", **values: Any) -> Response:
    """A page that browsers do not store.

    has_form: whether the page has a form besides the one to sign out; leads_to: an address to which the server may send
    the browser on after a form, which needs permission like the form itself.
    """
    # Only a person that the request has loaded already: an error page is also shown if the database is not reached.
    person = g.get("person")
    text = render_template(
        template,
        states=STATES,
        moment=_moment,
        person=person,
        may_sign_in=web().settings.sign_in_on,
        csrf_token=csrf_token,
        **values,
    )
    response = make_response(text.encode("utf-8", "replace"))  # settings may hold lone surrogates
    form_target = "'self'" if has_form or (person is not None and person.signed_in) else "'none'"
    if has_form and (origin := _origin(leads_to)):
        form_target += f" {origin}"
    # Titles and labels come from outside, so only our own script and style sheet are allowed.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"form-action {form_target}; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _origin(address: str) -> str:
    """Scheme, host and port of an address; empty for what a header must not hold."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    return origin if ORIGIN.fullmatch(origin) else ""


def error_page(sentence: str, status: int) -> Response:
    """An error page."""
    return page("error.html", sentence=sentence, code=status, name=ERRORS.get(status, "That did not work"))


def code(text: str | None) -> Markup:
    """The text, escaped, with every part between two backticks as <code>."""
    parts = (text or "").split("`")
    if len(parts) % 2 == 0:  # a backtick without a partner stays as it is
        parts[-2:] = ["`".join(parts[-2:])]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def breakable(name: str) -> Markup:
    """The name, escaped, of which a narrow column breaks lines after underscores rather than within words."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def chance(probability: float) -> str:
    """A probability as a percentage that does not look certain when it is not: "over 99%" instead of "100%"."""
    if probability < ROUNDED_TO_ZERO:
        return "under 1%"
    return "over 99%" if probability >= 1 - ROUNDED_TO_ZERO else f"{probability:.0%}"


def _moment(seconds: float | None, relative: bool = False) -> Markup:
    """A point in time (Unix time), which the script of the page shows in the browser's time zone.

    relative: whether it is shown as "2 minutes ago" while it is less than a day old.
    """
    if seconds is None:
        return Markup("never")
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    text = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    kind = Markup(" data-relative") if relative else ""
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"), text, kind, text
    )
