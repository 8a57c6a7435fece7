"""An annotation, in the one shape in which it is read, kept and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Annotation:
    """A submitted annotation, or a skip.

    annotator: id of the user, None for an imported annotation; cancelled: whether the task was skipped; result: the
    items as Label Studio gives them, of any shape; updated_at: ISO 8601 time, "" where an export has none.
    """

    annotation_id: int
    task_id: int
    annotator: int | None
    cancelled: bool
    result: list[dict[str, Any]]
    updated_at: str
