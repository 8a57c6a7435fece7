"""Access control: who may call which route; for webhooks see `webhook_access`."""

from __future__ import annotations

from flask import g, request, url_for

from ml_backend.web.access.cross_site import FORM, SAFE_METHODS
from ml_backend.web.access.csrf import HEADER, has_csrf_token
from ml_backend.web.access.people import Person, has_basic_auth, person_by_header
from ml_backend.web.access.sessions import person_of_session
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Active learning", charset="UTF-8"'}


class SignInNeeded(BadRequest):
    """A request for which a person has to sign in, or a program has to send credentials."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 401, _challenge())


def person() -> Person | None:
    """Who sent the request; None if nobody is named, or by wrong credentials. Raises BadRequest."""
    if "person" not in g:
        # The session comes first: browsers send basic auth by themselves once they know it.
        g.person = person_of_session() or person_by_header()
    return g.person  # type: ignore[no-any-return]


def require_basic_auth() -> None:
    """Require basic auth if it is configured. Raises BadRequest with status 401."""
    if web().settings.basic_auth_on and not has_basic_auth():
        raise BadRequest(
            "This backend requires basic auth: send the user and the password set as BASIC_AUTH_USER and "
            "BASIC_AUTH_PASS (in Label Studio: Settings, Model, Edit, Basic authentication).",
            401,
            _challenge(),
        )


def require_reader(project_id: int | None = None) -> Person | None:
    """Require somebody who may read the pages, and this project; None for anybody while basic auth is off.

    Raises SignInNeeded, and BadRequest with status 404 for a project that Label Studio does not show the person.
    """
    who = person()
    if who is None and web().settings.basic_auth_on:
        raise SignInNeeded(f"This needs credentials: {_ways()}.")
    if who is not None and project_id is not None:
        _require_sight(who, project_id)
    return who


def require_person(project_id: int, what: str = "Settings") -> Person:
    """Require somebody, by name, who may see the texts and change the settings of a project.

    what: is shown or changed, in the plural, for the message. A change by a session needs a CSRF token. Raises
    SignInNeeded, and BadRequest with status 404 for a project that Label Studio does not show the person, or 403
    without the token.
    """
    if not web().settings.sign_in_on:
        raise BadRequest(
            f"{what} can be read and changed only with credentials, and this backend has none configured: set "
            "BASIC_AUTH_USER and BASIC_AUTH_PASS, or LABEL_STUDIO_API_KEY, and restart it.",
            401,
        )
    who = person()
    if who is None:
        raise SignInNeeded(f"{what} need credentials: {_ways()}.")
    if who.signed_in and request.method not in SAFE_METHODS and not has_csrf_token():
        raise BadRequest(
            f"The change lacks the token of this page (header {HEADER}): reload the page and try again.", 403
        )
    _require_sight(who, project_id)
    return who


def require_sender(project_id: int, what: str = "Changes") -> Person:
    """Require somebody, by name, who may change something in a project; a form needs its CSRF token in any case.

    Raises what `require_person` raises.
    """
    who = require_person(project_id, what)
    if request.mimetype == FORM and not has_csrf_token():
        raise BadRequest("The change lacks the token of this page: reload the page and try again.", 403)
    return who


def _require_sight(who: Person, project_id: int) -> None:
    if not who.sees(project_id):
        raise BadRequest(f"Label Studio shows {who.name} no project {project_id}.", 404)


def _challenge() -> dict[str, str]:
    """The header that makes a browser ask for user and password; not for our script, which asks people itself."""
    is_script = "X-Requested-With" in request.headers
    return {} if is_script or not web().settings.basic_auth_on else CHALLENGE


def _ways() -> str:
    settings, ways = web().settings, [f"sign in at {url_for('sign_in.form')}"]
    if settings.basic_auth_on:
        ways.append("send basic auth with BASIC_AUTH_USER and BASIC_AUTH_PASS")
    if settings.label_studio_api_key:
        ways.append("send the header 'Authorization: Token KEY' with the key set as LABEL_STUDIO_API_KEY")
    return ", or ".join(ways)


def has_credentials() -> bool:
    """Whether the request carries basic auth or the backend's key; the database is not needed to know."""
    return person_by_header() is not None
