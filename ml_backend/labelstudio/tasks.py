"""Tasks and their annotations, parsed from the JSON of Label Studio's API and exports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ml_backend.annotation import Annotation


@dataclass(frozen=True)
class RemoteTask:
    """A task in Label Studio, with its annotations; updated_at: ISO 8601."""

    id: int
    data: dict[str, Any]
    updated_at: str
    annotations: list[Annotation] = field(default_factory=list)


@dataclass(frozen=True)
class TaskPage:
    """One page of a project's list of tasks. number: counted from 1; is_last: no page follows."""

    number: int
    tasks: list[RemoteTask]
    is_last: bool


def parse_task(entry: dict[str, Any]) -> RemoteTask:
    """Parse an entry of `api/tasks` with `fields=all`. Raises KeyError and ValueError without a valid id."""
    data = entry.get("data")
    return RemoteTask(
        id=int(entry["id"]),
        data=data if isinstance(data, dict) else {},
        updated_at=entry.get("updated_at") or "",
        annotations=parse_annotations(entry),
    )


def parse_annotations(entry: dict[str, Any]) -> list[Annotation]:
    """Parse the annotations of a task, from its entry in `api/tasks` or in an export (format JSON).

    Raises KeyError and ValueError without valid ids.
    """
    return [
        Annotation(
            annotation_id=int(annotation.get("id") or 0),
            task_id=int(entry["id"]),
            annotator=_user_id(annotation.get("completed_by")),
            cancelled=bool(annotation.get("was_cancelled")),
            result=annotation.get("result") or [],
            updated_at=annotation.get("updated_at") or "",
        )
        for annotation in entry.get("annotations") or []
    ]


def _user_id(user: Any) -> int | None:
    return user.get("id") if isinstance(user, dict) else user
