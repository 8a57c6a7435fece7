"""Tasks with their annotations, as Label Studio's list of tasks gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RemoteAnnotation:
    """A submitted or skipped annotation."""

    annotation_id: int
    task_id: int
    annotator: int | None
    cancelled: bool
    result: list[dict[str, Any]]
    updated_at: str


@dataclass(frozen=True)
class RemoteTask:
    """A task with its annotations."""

    id: int
    data: dict[str, Any]
    updated_at: str
    annotations: list[RemoteAnnotation] = field(default_factory=list)


def remote_task(found: dict[str, Any]) -> RemoteTask:
    """A task out of the JSON of `api/tasks` with `fields=all`."""
    task_id = int(found["id"])
    annotations = [
        RemoteAnnotation(
            annotation_id=int(a["id"]),
            task_id=task_id,
            annotator=_user_id(a.get("completed_by")),
            cancelled=bool(a.get("was_cancelled")),
            result=a.get("result") or [],
            updated_at=a.get("updated_at") or "",
        )
        for a in found.get("annotations") or []
    ]
    data = found.get("data")
    return RemoteTask(task_id, data if isinstance(data, dict) else {}, found.get("updated_at") or "", annotations)


def _user_id(user: Any) -> int | None:
    return user.get("id") if isinstance(user, dict) else user
