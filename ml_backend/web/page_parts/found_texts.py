"""How pages show texts that a worker found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ml_backend.pipeline.search_words import marked
from ml_backend.web.context import web
from ml_backend.web.page_parts.rendering import chance

UNKNOWN_TEXT = "This task was deleted meanwhile."


def with_texts(project_id: int, found: Iterable[Mapping[str, Any]], words: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What a worker says of each task, with "parts", its text as `marked` cuts it, and "said_by", see `_opinion`."""
    listed = list(found)
    texts = web().store.texts_of_tasks(project_id, [one["task"] for one in listed])
    return [
        {
            **one,
            "parts": marked(readable(texts[one["task"]]), words) if one["task"] in texts else [(UNKNOWN_TEXT, False)],
            "said_by": _opinion(one),
        }
        for one in listed
    ]


def readable(text: str) -> str:
    """A text with a dot between its fields, which the database separates by a character that nobody sees."""
    return " · ".join(text.split("\x1f"))


def _opinion(one: Mapping[str, Any]) -> str:
    """The label of a task, or what is predicted for it."""
    if one["state"] == "labelled":
        return "Labelled " + (" and ".join(one["labels"]) or "with no class")
    if one["state"] == "answered":
        return "Skipped, or its annotators disagree"
    predicted = ", ".join(f"{name} ({chance(share)} sure)" for name, share in one["predicted"])
    return f"Open; predicted {predicted}" if predicted else "Open; nothing is predicted"
