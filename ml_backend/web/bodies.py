"""Read and validate request bodies."""

from __future__ import annotations

import json
import re
from typing import Any

from flask import request

from ml_backend.labelstudio.json_values import is_deeper, kind_of, parsed_id
from ml_backend.web.context import web

KILOBYTE, MEGABYTE = 2**10, 2**20
SMALL_BODY = MEGABYTE
"""Largest size in bytes of a body that holds only names and numbers."""
LARGEST_BODIES = {
    "predict": 64 * MEGABYTE,  # all tasks that a person has selected, with their texts
    "webhook": 64 * MEGABYTE,  # all tasks of an import, with their texts
    "setup": 10 * MEGABYTE,  # a label config
    "validate": 10 * MEGABYTE,
    "settings": 2 * MEGABYTE,  # descriptions of classes, as JSON or percent-encoded by a browser
    "sign-in": 16 * KILOBYTE,  # forms that anybody may send
    "sign-out": 16 * KILOBYTE,
}
"""Last part of a path → largest size in bytes of its body; SMALL_BODY for every other path."""
MOST_VALUES = 4_000_000
"""Values in a body; a task has about 30, so that these are more than 100,000 tasks."""
BYTES_OF_A_VALUE = 100
"""Memory for one JSON value at most, without the characters of a string."""
COPIES = 5
"""Memory for the characters of a body while it is read, in multiples of its size: one emoji makes all take 4 bytes."""
STRUCTURE = (b"{", b"[", b",", b":")
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
WAIT_SECONDS = 20.0
"""How long a large body waits while others are read."""
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


def largest_body(path: str) -> int:
    """The largest size in bytes of a body that a path accepts; the path may have a prefix of a proxy."""
    return LARGEST_BODIES.get(path.rpartition("/")[2], SMALL_BODY)


def size_of_largest_body(path: str) -> str:
    """The same, for people: "16 KB" or "1 MB"."""
    largest = largest_body(path)
    return f"{largest // MEGABYTE} MB" if largest >= MEGABYTE else f"{largest // KILOBYTE} KB"


def json_object() -> dict[str, Any]:
    """The body of the current request as a JSON object.

    A body above the largest size of its path is refused before it is read, and one with more than MOST_VALUES before
    it is parsed. Raises BadRequest and RequestEntityTooLarge.
    """
    request.max_content_length = largest_body(request.path)
    content = request.get_data(cache=False)
    if not content.strip():
        raise BadRequest("The body is empty; a JSON object is needed.")
    if len(content) <= SMALL_BODY:
        return _parsed(content)
    memory = COPIES * len(content) + BYTES_OF_A_VALUE * _value_count(content)
    reading = web().reading
    if not reading.take(memory, WAIT_SECONDS):
        raise BadRequest("Too many large bodies arrive at the same time; try again.", 503, {"Retry-After": "10"})
    try:
        return _parsed(content)
    finally:
        reading.give_back(memory)


def _value_count(content: bytes) -> int:
    """About the number of values in JSON, or more. Raises BadRequest for more than MOST_VALUES."""
    if (count := _structure(content)) > MOST_VALUES:
        # Texts have commas and colons too.
        count = _structure(STRING.sub(b"", content))
    if count > MOST_VALUES:
        raise BadRequest(f"The body has more than {MOST_VALUES:,} values, more than {request.path} accepts.", 413)
    return count


def _structure(content: bytes) -> int:
    return sum(content.count(character) for character in STRUCTURE)


def _parsed(content: bytes) -> dict[str, Any]:
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
