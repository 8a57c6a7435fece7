"""Errors of requests to Label Studio, and the choice of the error for a response."""

from __future__ import annotations

import json


class LabelStudioError(Exception):
    """A request to Label Studio failed; the message names the problem and the remedy."""


class LabelStudioUnavailable(LabelStudioError):
    """Label Studio does not respond, or has an internal error."""


class Unauthorized(LabelStudioError):
    """Label Studio does not accept our key."""


class ProjectGone(LabelStudioError):
    """The project does not exist, or the user of this key may not open it."""


class RequestRefused(LabelStudioError):
    """Label Studio understood the request and refused it; the message is its reason."""


def error_of_response(url: str, path: str, status: int, text: str) -> LabelStudioError:
    """The error to raise for a response of status 400 or above.

    url: Label Studio's address; path: of the request, without a leading slash; text: body of the response.
    """
    detail = _detail(text)
    if status == 401 or (status == 403 and "token" in detail.lower()):
        return Unauthorized(
            f"Label Studio at {url} does not accept LABEL_STUDIO_API_KEY ({detail}). Copy the token again from "
            "Account & Settings; a legacy token works only while legacy tokens are allowed for the organization."
        )
    if status in {403, 404} and not _is_from_label_studio(text):
        return LabelStudioUnavailable(
            f"the server at {url} is not Label Studio ({status} at /{path}: {detail}); if it is a proxy, wait until "
            "Label Studio behind it has started, otherwise check LABEL_STUDIO_URL"
        )
    if status in {403, 404} and path.startswith("api/projects/"):
        return ProjectGone(
            f"Label Studio has no project at /{path} that this key may open ({detail}); check the project number "
            "and LABEL_STUDIO_API_KEY"
        )
    if status >= 500 or status == 429:
        return LabelStudioUnavailable(f"Label Studio failed with {status} at /{path}: {detail}; see its log")
    return RequestRefused(f"Label Studio refused /{path} with {status}: {detail}")


def _is_from_label_studio(text: str) -> bool:
    """Whether Label Studio itself wrote this error, since a proxy in front of it can return 404 too."""
    try:
        body = json.loads(text)
    except ValueError:
        return False
    return isinstance(body, dict) and "detail" in body


def _detail(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text[:300]
    if not isinstance(body, dict):
        return text[:300]
    # The detail is only "Validation error"; the reasons are listed by field.
    reasons = body.get("validation_errors")
    if isinstance(reasons, dict):
        by_field = [of_field if isinstance(of_field, list) else [of_field] for of_field in reasons.values()]
        return " ".join(str(reason) for of_field in by_field for reason in of_field)[:600]
    return str(body.get("detail") or body)[:300]
