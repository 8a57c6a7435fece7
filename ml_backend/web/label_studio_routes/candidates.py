"""Requests that name a project which Label Studio has not confirmed: the project becomes a candidate."""

from __future__ import annotations

from ml_backend.store.candidates import MOST_CANDIDATES
from ml_backend.web.bodies import BadRequest
from ml_backend.web.context import Web


def hear_of_connection(context: Web, project_id: int, backend_url: str) -> None:
    """Make the project a candidate, which a worker confirms. Raises BadRequest with 429 if there are too many."""
    if not context.store.add_candidate(project_id, backend_url):
        raise BadRequest(
            f"Project {project_id} cannot be taken on now: {MOST_CANDIDATES} other projects that requests have named "
            "wait until Label Studio confirms them. Connect it again in a minute, or run `python -m ml_backend connect "
            f"{project_id}` on the backend's machine.",
            429,
        )


def hear_of_event(context: Web, project_id: int) -> str:
    """Make the project of an event a candidate if there is room; returns why the event is ignored.

    Nothing is lost: the first run of a confirmed project reads everything. The answer is no error, since Label Studio
    switches off a webhook that fails.
    """
    has_room = context.store.add_candidate(project_id)
    return "the project is not confirmed yet" if has_room else "too many projects wait to be confirmed"
