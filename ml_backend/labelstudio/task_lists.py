"""Lists of tasks, with no more fields than are used: nothing else that is asked of Label Studio costs it as much."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.errors import RequestRefused
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.session import Session
from ml_backend.labelstudio.tasks import RemoteTask, TaskPage, began_with_prediction, parse_tasks

TASKS_PER_PAGE = 1000
IDS_PER_PAGE = 10_000
IDS_PER_REQUEST = 200
"""Ids are part of the URL, and servers accept URLs of about 8,000 characters."""
ONLY_ID = "id"
ONLY_UPDATE = "id,updated_at"
WITH_ANNOTATIONS = (
    "id,data,updated_at,annotations,result,completed_by,was_cancelled,created_at,parent_prediction,lead_time"
)
"""Fields of a task and of its annotations, which Label Studio looks for in the same list.

Without a list it also computes the drafts, one query for each task, the predictions of all versions, and a dozen
summaries, which takes three times as long. Older versions ignore the list.
"""
WITH_PREDICTIONS = "id,predictions,model_version"


@dataclass(frozen=True)
class _Page:
    """One page of a list, as Label Studio sent it. number: counted from 1; is_last: no page follows."""

    number: int
    entries: list[Any]
    is_last: bool


class TaskLists(Session):
    """Requests for lists of a project's tasks.

    Methods raise LabelStudioUnavailable, Unauthorized, ProjectGone or RequestRefused, whose messages name a remedy.
    """

    def newest_update(self, project_id: int) -> str | None:
        """The newest `updated_at` of the project's tasks (ISO 8601), "" if it is not a time, or None without tasks."""
        page = self._list_tasks(project_id, 1, 1, ordering="-tasks:updated_at", fields=ONLY_UPDATE)
        return next((task.updated_at for task in parse_tasks(page.entries)), None)

    def updates(self, project_id: int, after: str | None, limit: int) -> dict[int, str] | None:
        """Task id → `updated_at`, of tasks changed at `after` (ISO 8601) or later; None if they may be too many.

        after: None for all tasks; limit: number of tasks to list at most.
        """
        page = self._list_tasks(project_id, 1, limit, filters=_changed(after), fields=ONLY_UPDATE)
        return {task.id: task.updated_at for task in parse_tasks(page.entries)} if page.is_last else None

    def task_pages(
        self,
        project_id: int,
        *,
        start_page: int = 1,
        page_size: int = TASKS_PER_PAGE,
        updated_after: str | None = None,
        annotated_only: bool = False,
    ) -> Iterator[TaskPage]:
        """Yields the project's tasks in the order of their ids, page by page; each page is one request.

        start_page: the first page to read, from 1. updated_after: only tasks changed at that time (ISO 8601) or later;
        annotated_only: only tasks with annotations or skips, by Label Studio's own counters; one of the two at most.
        """
        filters, conjunction = _changed(updated_after), "and"
        if annotated_only:
            filters = [_filter(f"{kind}_annotations", "greater", "Number", 0) for kind in ("total", "cancelled")]
            conjunction = "or"
        pages = self._task_lists(project_id, start_page, page_size, filters=filters, conjunction=conjunction)
        for page in pages:
            yield TaskPage(page.number, parse_tasks(page.entries), page.is_last)

    def tasks_page(
        self,
        project_id: int,
        page: int,
        size: int,
        updated_after: str | None = None,
        annotated_only: bool = False,
    ) -> list[RemoteTask]:
        """One page of `task_pages`; an empty list after the last page."""
        pages = self.task_pages(
            project_id, start_page=page, page_size=size, updated_after=updated_after, annotated_only=annotated_only
        )
        return next(pages).tasks

    def tasks_by_id(self, project_id: int, task_ids: Sequence[int]) -> list[RemoteTask]:
        """The tasks with these ids; ids that the project does not have are left out."""
        return parse_tasks(self._entries_of(project_id, task_ids, WITH_ANNOTATIONS))

    def task_ids(self, project_id: int) -> set[int]:
        """Ids of all tasks."""
        pages = self._task_lists(project_id, 1, IDS_PER_PAGE, fields=ONLY_ID)
        return {task.id for page in pages for task in parse_tasks(page.entries)}

    def versions_of_predictions(self, project_id: int, task_ids: Sequence[int]) -> dict[int, set[str]]:
        """Task id → the model versions of its predictions; tasks that the project does not have are left out."""
        entries = [e for e in self._entries_of(project_id, task_ids, WITH_PREDICTIONS) if isinstance(e, dict)]
        return {
            number: {str(p.get("model_version")) for p in entry.get("predictions") or () if isinstance(p, dict)}
            for entry in entries
            if (number := parsed_id(entry.get("id"))) is not None
        }

    def _entries_of(self, project_id: int, task_ids: Sequence[int], fields: str) -> Iterator[Any]:
        """Yields the entries of these tasks, as Label Studio sends them."""
        for start in range(0, len(task_ids), IDS_PER_REQUEST):
            ids = task_ids[start : start + IDS_PER_REQUEST]
            missing = len(ids)
            for page in self._task_lists(project_id, 1, len(ids), filters=[_one_of(ids)], fields=fields):
                yield from page.entries
                missing -= len(page.entries)
                if missing <= 0:
                    break

    def _task_lists(self, project_id: int, start_page: int, size: int, **options: Any) -> Iterator[_Page]:
        """Yields pages of the task list, starting with `start_page`."""
        number = start_page
        while True:
            page = self._list_tasks(project_id, number, size, **options)
            yield page
            if page.is_last:
                return
            if number == 1:
                # A page with fewer tasks is not the last one where Label Studio limits their number.
                size = len(page.entries)
            number += 1

    def _list_tasks(
        self,
        project_id: int,
        number: int,
        size: int,
        *,
        fields: str = WITH_ANNOTATIONS,
        ordering: str = "tasks:id",
        filters: Sequence[dict[str, Any]] = (),
        conjunction: str = "and",
    ) -> _Page:
        query = {"ordering": [ordering], "filters": {"conjunction": conjunction, "items": list(filters)}}
        params = {"project": project_id, "page": number, "page_size": size, "query": json.dumps(query)}
        # Links to a storage must not be resolved: they would look like texts.
        params |= {"resolve_uri": "false", "include": fields}
        if fields in (WITH_ANNOTATIONS, WITH_PREDICTIONS):
            params["fields"] = "all"
        try:
            answer = self.request_object("GET", "api/tasks", params=params)
        except RequestRefused as problem:
            if number > 1 and "Invalid page" in str(problem):
                return _Page(number, [], is_last=True)
            raise
        entries = list(answer["tasks"])
        if fields == WITH_ANNOTATIONS:
            self._add_predictions(project_id, entries)
        total = parsed_id(answer.get("total"))
        is_last = len(entries) < size if total is None else (number - 1) * size + len(entries) >= total
        return _Page(number, entries, is_last or not entries)

    def _add_predictions(self, project_id: int, tasks: Sequence[dict[str, Any]]) -> None:
        """Add the predictions of those tasks in whose annotations one is named."""
        incomplete = [task for task in tasks if began_with_prediction(task) and "predictions" not in task]
        by_id = {number: task for task in incomplete if (number := parsed_id(task.get("id"))) is not None}
        for entry in self._entries_of(project_id, sorted(by_id), WITH_PREDICTIONS):
            if isinstance(entry, dict) and entry.get("id") in by_id:
                by_id[entry["id"]]["predictions"] = entry.get("predictions")


def _changed(after: str | None) -> list[dict[str, Any]]:
    return [_filter("updated_at", "greater_or_equal", "Datetime", after)] if after else []


def _one_of(task_ids: Sequence[int]) -> dict[str, Any]:
    return _filter("id", "in_list", "Number", list(task_ids))


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}
