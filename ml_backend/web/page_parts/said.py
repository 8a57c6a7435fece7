"""What came of the form that a person sent, in numbers in the address of the page that the form returns to."""

from __future__ import annotations

from collections.abc import Mapping

from ml_backend.labelstudio.json_values import parsed_id

PREFIX = "said."


def said(arguments: Mapping[str, str], is_paused: bool) -> str:
    """What came of tasks that were to be served next, or no longer, as sentences; empty if the address says nothing.

    arguments: of the address, which anybody can write.
    """
    counts = {
        name.removeprefix(PREFIX): number
        for name, value in arguments.items()
        if name.startswith(PREFIX) and (number := parsed_id(value)) is not None
    }
    if "withdrawn" in counts:
        return f"{_tasks(counts['withdrawn'])} no longer served before others."
    return _served_next(counts, is_paused)


def _served_next(counts: Mapping[str, int], is_paused: bool) -> str:
    asked = counts.get("asked", 0)
    others = {
        "labelled": "labelled or skipped already",
        "before": "asked for before",
        "same": "left out, since another one has the same text",
        "unusable": "left out for want of a usable text",
        "unknown": "not known here",
    }
    parts = [f"{counts[name]:,} {_was(counts[name])} {words}" for name, words in others.items() if counts.get(name)]
    if asked:
        when = "served first once the project goes on: it is paused" if is_paused else "served next"
        parts.insert(0, f"{_tasks(asked)} {when}")
    elif parts:
        parts.insert(0, "No task is added")
    return "; ".join(parts) + "." if parts else ""


def _tasks(n: int) -> str:
    return "1 task is" if n == 1 else f"{n:,} tasks are"


def _was(n: int) -> str:
    return "was" if n == 1 else "were"
