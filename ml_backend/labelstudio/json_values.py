"""Reads single values of JSON that others wrote: ids, times, and what kind of value something is."""

from __future__ import annotations

from typing import Any

LARGEST_ID = 2**63 - 1
"""The largest integer that SQLite and PostgreSQL store in a column."""
MOST_DIGITS = len(str(LARGEST_ID))
LONGEST_TIME = 40
"""Characters of an ISO 8601 time with microseconds and offset, and the width of its column in the database."""
KINDS = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}


def parsed_id(value: Any) -> int | None:
    """A positive integer of at most 63 bits, or a string of its digits; None for anything else."""
    if isinstance(value, str) and len(value) <= MOST_DIGITS and value.isascii() and value.isdigit():
        value = int(value)
    is_id = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_ID
    return value if is_id else None


def parsed_time(value: Any) -> str:
    """A time as Label Studio writes it (ISO 8601); "" for anything else."""
    is_time = isinstance(value, str) and len(value) <= LONGEST_TIME and value.isascii() and value.isprintable()
    return value if is_time else ""


def kind_of(value: Any) -> str:
    """What a JSON value is, for messages, such as "a list"."""
    return "null" if value is None else KINDS.get(type(value), type(value).__name__)


def is_deeper(value: Any, levels: int) -> bool:
    """Whether a value has more than so many levels of lists and objects inside each other."""
    level: list[Any] = [value]
    for _ in range(levels + 1):
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return False
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return True
