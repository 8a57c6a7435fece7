"""Read and validate request bodies."""

from __future__ import annotations

import json
from typing import Any

from flask import request

from ml_backend.labelstudio.json_values import is_deeper, kind_of, parsed_id

MEGABYTE = 2**20
SMALL_BODY = MEGABYTE
"""Largest size in bytes of a body that holds only names and numbers."""
DEEPEST = 200
"""Levels of lists and objects in a body; Python's own functions for JSON fail at about 1,000."""


class BadRequest(Exception):
    """A request that is refused.

    message: a sentence for the person who sent it; status: HTTP status of the response, 4xx; headers: to add to it.
    """

    def __init__(self, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def json_object(largest: int = SMALL_BODY) -> dict[str, Any]:
    """The body of the current request as a JSON object.

    largest: size in bytes above which it is refused before it is read. Raises BadRequest and RequestEntityTooLarge.
    """
    request.max_content_length = largest
    content = request.get_data(cache=False)
    if not content.strip():
        raise BadRequest("The body is empty; a JSON object is needed.")
    try:
        body = json.loads(content)
    except RecursionError:
        raise BadRequest(_TOO_DEEP) from None
    except ValueError as problem:
        raise BadRequest(f"The body is not JSON: {problem}.") from None
    if not isinstance(body, dict):
        raise BadRequest(f"The body must be a JSON object, not {kind_of(body)}.")
    if is_deeper(body, DEEPEST):
        raise BadRequest(_TOO_DEEP)
    return body


_TOO_DEEP = f"The body has more than {DEEPEST} levels of lists and objects."


def project_number(value: Any) -> int:
    """The project id in a value as Label Studio sends it: 3, "3" or "3.1795470497". Raises BadRequest."""
    number = parsed_project(value)
    if number is None:
        raise BadRequest(f'"project" must name a project, as in "3.1795470497" or 3, not {json.dumps(value)[:100]}.')
    return number


def parsed_project(value: Any) -> int | None:
    """The project id in a value as Label Studio sends it, or None."""
    if isinstance(value, dict):
        value = value.get("id")
    return parsed_id(value.partition(".")[0].strip() if isinstance(value, str) else value)
