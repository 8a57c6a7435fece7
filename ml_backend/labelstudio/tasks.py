"""Tasks and their annotations, parsed from the JSON of Label Studio's API and exports.

People and programs import tasks and annotations of any shape, and Label Studio stores them as they are. Whatever cannot
be read becomes a problem of the task or the annotation that holds it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.json_values import is_deeper, kind_of, parsed_id, parsed_time

logger = logging.getLogger(__name__)

DEEPEST_RESULT = 100
"""Levels of a result; Python's own functions for JSON fail at about 1,000."""
MOST_SECONDS = 1e9
"""A longer time for one annotation is a mistake of the program that sent it."""


@dataclass(frozen=True)
class RemoteTask:
    """A task in Label Studio, with its annotations.

    updated_at: ISO 8601, "" if it has none; problem: why the task cannot be used, None if nothing is wrong.
    """

    id: int
    data: dict[str, Any]
    updated_at: str
    annotations: list[Annotation] = field(default_factory=list)
    problem: str | None = None


@dataclass(frozen=True)
class TaskPage:
    """One page of a project's list of tasks. number: counted from 1; is_last: no page follows."""

    number: int
    tasks: list[RemoteTask]
    is_last: bool


def parse_tasks(entries: Iterable[Any]) -> list[RemoteTask]:
    """Parse entries of `api/tasks`; those without a valid id are counted, logged and left out."""
    tasks: list[RemoteTask] = []
    problems: list[str] = []
    for entry in entries:
        try:
            tasks.append(parse_task(entry))
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        logger.error(
            "%d of %d entries of Label Studio's list of tasks are left out: %s",
            len(problems),
            len(tasks) + len(problems),
            problems[0],
        )
    return tasks


def parse_task(entry: Any) -> RemoteTask:
    """Parse an entry of `api/tasks`, see `TaskLists`. Raises ValueError without a valid id."""
    task_id = _task_id(entry)
    data, listed = entry.get("data"), entry.get("annotations")
    problem = None
    if not isinstance(data, dict):
        problem = f"the task's data is {kind_of(data)} instead of an object"
    elif not isinstance(listed, list | None):
        problem = f"the task's annotations are {kind_of(listed)} instead of a list"
    return RemoteTask(
        id=task_id,
        data=data if isinstance(data, dict) else {},
        updated_at=parsed_time(entry.get("updated_at")),
        annotations=_annotations(entry, task_id),
        problem=problem,
    )


def parse_annotations(entry: dict[str, Any]) -> list[Annotation]:
    """Parse the annotations of a task, from its entry in `api/tasks` or in an export (format JSON).

    Raises ValueError without a valid task id.
    """
    return _annotations(entry, _task_id(entry))


def began_with_prediction(entry: Any) -> bool:
    """Whether an annotation of this entry of `api/tasks` names the prediction that it began with."""
    listed = entry.get("annotations") if isinstance(entry, dict) else None
    annotations = listed if isinstance(listed, list) else []
    return any(isinstance(a, dict) and parsed_id(a.get("parent_prediction")) is not None for a in annotations)


def _task_id(entry: Any) -> int:
    if not isinstance(entry, dict):
        raise ValueError(f"a task is {kind_of(entry)} instead of an object")
    task_id = parsed_id(entry.get("id"))
    if task_id is None:
        raise ValueError(f"a task has the id {str(entry.get('id'))[:40]!r} instead of a positive number")
    return task_id


def _annotations(task: dict[str, Any], task_id: int) -> list[Annotation]:
    listed, versions = task.get("annotations"), _prediction_versions(task)
    entries = listed if isinstance(listed, list) else []
    by_id = {a.annotation_id: a for a in (_annotation(entry, task_id, i, versions) for i, entry in enumerate(entries))}
    return list(by_id.values())


def _annotation(entry: Any, task_id: int, position: int, versions: Mapping[int | None, str]) -> Annotation:
    fields = entry if isinstance(entry, dict) else {}
    result, cancelled = fields.get("result"), fields.get("was_cancelled")
    problem = None
    if not isinstance(entry, dict):
        problem = f"the annotation is {kind_of(entry)} instead of an object"
    elif not isinstance(result, list | None):
        problem = f"the annotation's result is {kind_of(result)} instead of a list of results"
    elif is_deeper(result, DEEPEST_RESULT):
        problem = f"the annotation's result has more than {DEEPEST_RESULT} levels of lists and objects"
    elif cancelled not in (None, False, True):
        problem = f"the annotation's was_cancelled is {kind_of(cancelled)} instead of true or false"
    return Annotation(
        annotation_id=parsed_id(fields.get("id")) or _id_of_unnamed(task_id, position),
        task_id=task_id,
        annotator=_user_id(fields.get("completed_by")),
        cancelled=cancelled in (True,),
        result=result if problem is None and isinstance(result, list) else [],
        updated_at=parsed_time(fields.get("updated_at")),
        problem=problem,
        created_at=_unix_time(fields.get("created_at")),
        shown_version=versions.get(parsed_id(fields.get("parent_prediction"))),
        lead_time=_seconds(fields.get("lead_time")),
    )


def _id_of_unnamed(task_id: int, position: int) -> int:
    """A negative id, the same at each reading, for an annotation without one: the database keeps annotations by ids."""
    digest = hashlib.blake2b(f"{task_id} {position}".encode(), digest_size=8).digest()
    return -1 - int.from_bytes(digest) // 2


def _unix_time(moment: Any) -> float | None:
    """Unix time of an ISO 8601 time, which is UTC if it names no zone; None for anything else."""
    try:
        parsed = datetime.fromisoformat(moment)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _seconds(duration: Any) -> float | None:
    """A positive number of seconds; None for anything else."""
    is_number = isinstance(duration, int | float) and not isinstance(duration, bool)
    return float(duration) if is_number and 0 < duration <= MOST_SECONDS else None


def _prediction_versions(entry: dict[str, Any]) -> dict[int | None, str]:
    """Id of each prediction of a task → its model version; exports have ids only."""
    listed = entry.get("predictions")
    predictions = [p for p in listed if isinstance(p, dict)] if isinstance(listed, list) else []
    versions = {parsed_id(p.get("id")): p.get("model_version") for p in predictions}
    return {i: v for i, v in versions.items() if i is not None and isinstance(v, str) and v.isprintable()}


def _user_id(user: Any) -> int | None:
    return parsed_id(user.get("id") if isinstance(user, dict) else user)
