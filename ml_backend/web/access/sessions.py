"""Sessions of people who are signed in: begun, read at each request, and ended.

The database has one row a session, so that all servers know it and signing out ends it on all of them. A Label Studio
user's key is kept encrypted, see `sealed_key`, to ask Label Studio every few minutes which projects the user may see.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from enum import StrEnum

from flask import session as cookie

from ml_backend.labelstudio.errors import LabelStudioError, Unauthorized
from ml_backend.settings import Settings
from ml_backend.store.records import SessionRecord
from ml_backend.web.access.cookie import LIFETIME_SECONDS, require_cookie_read
from ml_backend.web.access.people import BACKEND_KEY, Person, basic_auth_name
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import web

logger = logging.getLogger(__name__)

ID_BYTES = 32
CHECK_SECONDS = 300.0
"""How long Label Studio's answer about a user's projects is used before it is asked again."""
LONGEST_UNCHECKED_SECONDS = 3600.0
"""How long the last answer is used while Label Studio does not respond."""
ID, WAY, PROOF = "id", "way", "proof"
"""Names in the cookie."""


class Way(StrEnum):
    """What a person signed in with."""

    BASIC_AUTH = "basic auth"
    BACKEND_KEY = "backend key"
    LABEL_STUDIO_KEY = "label studio key"


def begin_session(way: Way, key: str = "") -> None:
    """Sign the person in under a new id. key: for LABEL_STUDIO_KEY, the person's.

    Raises Unauthorized for a key that Label Studio does not accept, LabelStudioError if it fails.
    """
    settings, now, session_id = web().settings, time.time(), secrets.token_urlsafe(ID_BYTES)
    who, projects, sealed_key = BACKEND_KEY, None, None
    if way == Way.BASIC_AUTH:
        who = basic_auth_name(settings.basic_auth_user or "")
    if way == Way.LABEL_STUDIO_KEY:
        # The client of Label Studio is loaded here, since most servers are never signed in to with a key.
        from ml_backend.web.access.label_studio_user import label_studio_user
        from ml_backend.web.access.sealed_key import seal

        user = label_studio_user(settings, key)
        who, projects, sealed_key = user.email, user.projects, seal(key, session_id)
    web().store.add_session(session_id, SessionRecord(who, projects, sealed_key, now, now, now + LIFETIME_SECONDS))
    end_session()
    cookie.update({ID: session_id, WAY: way, PROOF: _proof(settings, way)})
    cookie.permanent = True
    logger.info("%s signed in", who)


def end_session() -> None:
    """Sign out, on all servers."""
    if session_id := cookie.get(ID):
        web().store.end_session(session_id)
    cookie.clear()


def person_of_session() -> Person | None:
    """Who is signed in; None if nobody is.

    Raises BadRequest with status 503 if it is unknown for too long what the person may see, and one of DATABASE_ERRORS
    if the database is not reached.
    """
    require_cookie_read()
    session_id, context = cookie.get(ID), web()
    if session_id is None or cookie.get(PROOF) != _proof(context.settings, cookie.get(WAY)):
        return None
    session = context.store.session(session_id)
    if session is None:
        return None
    projects = session.projects
    if session.sealed_key is not None and time.time() - session.tried_at > CHECK_SECONDS:
        projects = _projects_now(session_id, session)
    if projects is None and session.sealed_key is not None:
        return None
    return Person(session.who, None if projects is None else frozenset(projects), signed_in=True)


def _projects_now(session_id: str, session: SessionRecord) -> list[int] | None:
    """The projects that Label Studio shows this person now; None if it does not accept the key any more."""
    from ml_backend.web.access.label_studio_user import label_studio_user
    from ml_backend.web.access.sealed_key import unseal

    context = web()
    # While Label Studio is slow, threads have to be left for its webhooks: the last answer is used meanwhile.
    may_ask = context.key_checks.acquire(blocking=False)
    try:
        if may_ask and context.store.claim_check(session_id, session.tried_at):
            key = unseal(session.sealed_key or "", session_id)
            projects = label_studio_user(context.settings, key).projects
            context.store.set_session_projects(session_id, projects)
            return projects
    except Unauthorized:
        logger.warning("%s was signed out: Label Studio does not accept the key any more", session.who)
        context.store.end_session(session_id)
        return None
    except LabelStudioError as problem:
        logger.warning("it is unknown which projects %s may see now: %s", session.who, problem)
    finally:
        if may_ask:
            context.key_checks.release()
    if time.time() - session.checked_at > LONGEST_UNCHECKED_SECONDS:
        raise BadRequest(
            "Label Studio has not said for an hour which projects you may see, so none is shown until it responds.", 503
        )
    return session.projects


def _proof(settings: Settings, way: str | None) -> str | None:
    """What a cookie carries as long as its way of signing in is the same: another password ends its sessions.

    None for a way that is not configured. It tells nothing about the password to who does not know the signing key.
    """
    secret = {
        Way.BASIC_AUTH: ":".join(settings.basic_auth or ()),
        Way.BACKEND_KEY: settings.label_studio_api_key,
        Way.LABEL_STUDIO_KEY: settings.label_studio_url if settings.label_studio_api_key else None,
    }.get(way or "")  # type: ignore[call-overload]
    if not secret:
        return None
    return hmac.new(web().session_key.encode(), f"{way}:{secret}".encode(), "sha256").hexdigest()
