"""Signing in and out of the pages."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.exceptions import HTTPException

from ml_backend.labelstudio.errors import LabelStudioError, Unauthorized
from ml_backend.web.access.caller import caller_address
from ml_backend.web.access.cross_site import accepts_form
from ml_backend.web.access.csrf import has_csrf_token
from ml_backend.web.access.people import is_backend_key, is_basic_auth, seconds_to_wait, wrong_credentials
from ml_backend.web.access.rights import person
from ml_backend.web.access.sessions import Way, begin_session, end_session
from ml_backend.web.bodies import BadRequest, largest_body
from ml_backend.web.context import web
from ml_backend.web.page_parts.project_page import kept_arguments
from ml_backend.web.page_parts.rendering import page

logger = logging.getLogger(__name__)
blueprint = Blueprint("sign_in", __name__)

PAGES = "pages."
"""Beginning of the names of routes to which a person may be sent after signing in."""
SEARCHES = frozenset({"pages.find", "pages.duplicates"})
"""Names of those that keep the arguments of their address."""


class WrongCredentials(Exception):
    """What a person typed does not open anything; the message says it to the person."""


@blueprint.get("/sign-in")
def form() -> Response:
    """The form; ?next= names the page to show afterwards, ?link= the token of a link that `connect` printed.

    Opening a link signs nobody in, since programs that preview addresses open it too: its form does.
    """
    person()
    return _form(request.args.get("next"), link=request.args.get("link", ""))


@blueprint.post("/sign-in")
@accepts_form
def sign_in() -> Any:
    """Check what the form holds, and begin a session."""
    request.max_content_length = largest_body(request.path)
    typed, following = request.form, request.form.get("next")
    if not has_csrf_token():
        problem = "This form is out of date, or the browser refuses cookies, which signing in needs. Please try again."
        return _form(following, problem, 403)
    by_key, by_link = "key" in typed, "link" in typed
    user = "" if by_key or by_link else typed.get("user", "")
    if seconds := seconds_to_wait(user):
        problem = f"Too many wrong attempts. Please try again in {int(seconds // 60) + 1} minutes."
        return _form(following, problem, 429, {"Retry-After": str(int(seconds) + 1)})
    try:
        if by_link:
            _sign_in_with_link(typed["link"])
        elif by_key:
            _sign_in_with_key(typed["key"].strip())
        else:
            _sign_in_with_password(user, typed.get("password", ""))
    except WrongCredentials as problem:
        wrong_credentials(user, "signing in was refused")
        return _form(following, str(problem), 403)
    except LabelStudioError as problem:
        logger.warning("nobody can sign in with a Label Studio key: %s", problem)
        return _form(following, "Label Studio does not respond, so the key cannot be checked. Try again later.", 503)
    web().attempts.right(caller_address(), user)
    return redirect(_own_page(following) or url_for("pages.projects"), 303)


@blueprint.post("/sign-out")
@accepts_form
def sign_out() -> Any:
    """End the session on all servers. Raises BadRequest with status 403 without the CSRF token."""
    request.max_content_length = largest_body(request.path)
    if not has_csrf_token():
        raise BadRequest("Signing out needs the token of this page: reload the page and try again.", 403)
    end_session()
    return redirect(url_for("sign_in.form"), 303)


def _sign_in_with_password(user: str, password: str) -> None:
    if not is_basic_auth(web().settings, user.encode("utf-8", "replace"), password.encode("utf-8", "replace")):
        raise WrongCredentials("User or password is wrong: they are those set as BASIC_AUTH_USER and BASIC_AUTH_PASS.")
    begin_session(Way.BASIC_AUTH)


def _sign_in_with_key(key: str) -> None:
    settings = web().settings
    if is_backend_key(settings, key):
        begin_session(Way.BACKEND_KEY)
        return
    if not settings.label_studio_api_key:
        raise WrongCredentials("This backend has no Label Studio key (LABEL_STUDIO_API_KEY), so it accepts none.")
    context = web()
    if not context.key_checks.acquire(blocking=False):
        raise LabelStudioError("too many keys are being checked at the same time")
    try:
        begin_session(Way.LABEL_STUDIO_KEY, key)
    except Unauthorized:
        raise WrongCredentials(
            "Label Studio does not accept this key. Copy it again from Account & Settings; a legacy token works only "
            "while legacy tokens are allowed for the organization."
        ) from None
    finally:
        context.key_checks.release()


def _sign_in_with_link(token: str) -> None:
    """As who has LABEL_STUDIO_API_KEY, since only such a person can make a link."""
    if not web().settings.label_studio_api_key or not web().store.use_sign_in_link(token):
        raise WrongCredentials(
            "This link was used before, or is older than 15 minutes. `python -m ml_backend connect` prints a new one."
        )
    begin_session(Way.BACKEND_KEY)


def _form(
    following: str | None,
    problem: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
    link: str = "",
) -> Response:
    settings = web().settings
    response = page(
        "sign_in.html",
        has_form=True,
        next=following if _own_page(following) else "",
        problem=problem,
        link=link,
        with_password=settings.basic_auth_on,
        with_key=bool(settings.label_studio_api_key),
        label_studio=settings.label_studio_public_url or settings.label_studio_url,
    )
    response.status_code = status
    response.headers.update(headers or {})
    return response


def _own_page(path: str | None) -> str | None:
    """The address of the page that a path names, None for anything that is not a page of ours.

    The address is built from the route, so that no other site's can be smuggled in. A search keeps its arguments, since
    people pass on its address.
    """
    plain, _, query = (path or "").partition("?")
    try:
        endpoint, values = current_app.create_url_adapter(request).match(plain, method="GET")  # type: ignore[union-attr]
    except HTTPException:
        return None
    if not endpoint.startswith(PAGES) or (query and endpoint not in SEARCHES):
        return None
    arguments: dict[str, Any] = {**values, **kept_arguments(query)}
    return url_for(endpoint, **arguments)
