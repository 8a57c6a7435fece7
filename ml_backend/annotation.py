"""The record of an annotation, shared by `labelstudio`, `store`, `pipeline` and the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Annotation:
    """A submitted annotation, or a skip.

    annotation_id: negative if Label Studio gave none; annotator: id of the user, None for an imported annotation;
    cancelled: whether the task was skipped; result: the list of results, whose items may have any shape; updated_at:
    ISO 8601 time, "" if an export has none; problem: why the annotation cannot be read, as a sentence; its result is
    then []; created_at: Unix time by Label Studio's clock, None if an export has none; shown_version: model version of
    the prediction that the annotation began with, None if there was none or Label Studio does not tell; lead_time:
    seconds that the editor was open for it, None if nobody measured them.
    """

    annotation_id: int
    task_id: int
    annotator: int | None
    cancelled: bool
    result: list[Any]
    updated_at: str
    problem: str | None = None
    created_at: float | None = None
    shown_version: str | None = None
    lead_time: float | None = None
