"""Read and validate request bodies."""

from __future__ import annotations

import json
from typing import Any

from flask import request

LARGEST_ID = 2**63 - 1


class BadRequest(Exception):
    """A request that is refused.

    message: a sentence for the person who sent it; status: HTTP status of the response, 4xx; headers: to add to it.
    """

    def __init__(self, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def json_object() -> dict[str, Any]:
    """The body of the current request as a JSON object. Raises BadRequest."""
    content = request.get_data(cache=False)
    if not content.strip():
        raise BadRequest("The body is empty; a JSON object is needed.")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as problem:
        raise BadRequest(f"The body is not JSON: {problem}.") from None
    if not isinstance(body, dict):
        raise BadRequest(f"The body must be a JSON object, not {_kind(body)}.")
    return body


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
    if isinstance(value, str):
        digits = value.partition(".")[0].strip()
        value = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID:
        return value
    return None


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
