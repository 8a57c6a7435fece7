"""Errors of requests to Label Studio, and the choice of the error for a response."""

from __future__ import annotations

import json
import re


class LabelStudioError(Exception):
    """A request to Label Studio failed; the message names the problem and the remedy."""


class LabelStudioUnavailable(LabelStudioError):
    """Label Studio does not respond, or has an internal error.

    may_have_taken_effect: whether the request may have been carried out although no success was reported.
    """

    def __init__(self, message: str, may_have_taken_effect: bool = False) -> None:
        super().__init__(message)
        self.may_have_taken_effect = may_have_taken_effect


class Unauthorized(LabelStudioError):
    """Label Studio does not accept our key."""


class ProjectGone(LabelStudioError):
    """The project does not exist, or the user of this key may not open it; status: 404 or 403."""

    def __init__(self, message: str, status: int = 404) -> None:
        super().__init__(message)
        self.status = status


class RequestRefused(LabelStudioError):
    """Label Studio understood the request and refused it; the message is its reason."""


def error_of_response(url: str, path: str, status: int, text: str) -> LabelStudioError:
    """The error to raise for a response of status 400 or above.

    url: Label Studio's address; path: of the request, without a leading slash; text: body of the response.
    """
    detail = _detail(text)
    if status == 401 or (status == 403 and "token" in detail.lower()):
        return Unauthorized(
            f"Label Studio at {url} does not accept LABEL_STUDIO_API_KEY ({detail.rstrip('.')}). Copy the token again "
            "from Account & Settings and restart the backend with it; a legacy token works only while legacy tokens "
            "are allowed for the organization."
        )
    if status in {403, 404} and not _is_from_label_studio(text):
        return LabelStudioUnavailable(
            not_label_studio(url, f"{status} at /{path}: {detail}")
            + "; if it is a proxy, wait until Label Studio behind it has started"
        )
    if status in {403, 404} and path.startswith("api/projects/"):
        return ProjectGone(
            f"Label Studio has no project at /{path} that this key may open ({detail}); check the project number "
            "and LABEL_STUDIO_API_KEY",
            status,
        )
    if status >= 500 or status == 429:
        sentence = f"Label Studio failed with {status} at /{path}: {detail}; see its log"
        return LabelStudioUnavailable(sentence, may_have_taken_effect=status != 429)
    return RequestRefused(f"Label Studio refused /{path} with {status}: {detail}")


def not_label_studio(url: str, seen: str) -> str:
    """That something else answers at Label Studio's address; seen: how it shows."""
    return (
        f"the server at {url} is not Label Studio, or {url} is an address below Label Studio's own ({seen}); check "
        "LABEL_STUDIO_URL"
    )


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
        return _page_title(text) or text[:300]
    if not isinstance(body, dict):
        return text[:300]
    # The detail is only "Validation error"; the reasons are listed by field.
    reasons = body.get("validation_errors")
    if isinstance(reasons, dict):
        by_field = [of_field if isinstance(of_field, list) else [of_field] for of_field in reasons.values()]
        return " ".join(str(reason) for of_field in by_field for reason in of_field)[:1500]
    return str(body.get("detail") or body)[:300]


def _page_title(text: str) -> str | None:
    """What a web page calls itself, since its source is no sentence; None if the text is not a page."""
    if not text.lstrip()[:20].lower().startswith(("<!doctype", "<html")):
        return None
    title = re.search(r"<title>([^<]{1,200})", text, re.IGNORECASE)
    return f"the web page {' '.join(title[1].split())!r}" if title else "a web page"
