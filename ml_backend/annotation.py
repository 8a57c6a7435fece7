"""The record of an annotation, shared by `labelstudio`, `store` and `pipeline`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Annotation:
    """A submitted annotation, or a skip.

    annotator: id of the user, None for an imported annotation; cancelled: whether the task was skipped; result: the
    list of results as Label Studio stores it, not validated; updated_at: ISO 8601 time, "" if an export has none.
    """

    annotation_id: int
    task_id: int
    annotator: int | None
    cancelled: bool
    result: list[dict[str, Any]]
    updated_at: str
