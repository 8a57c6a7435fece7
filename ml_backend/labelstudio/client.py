"""The client of Label Studio's API, which sends as few and as small requests as possible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.errors import (
    LabelStudioError,
    LabelStudioUnavailable,
    ProjectGone,
    RequestRefused,
    Unauthorized,
)
from ml_backend.labelstudio.prediction_writer import PredictionWriter
from ml_backend.labelstudio.session import TIMEOUT_SECONDS, Session
from ml_backend.labelstudio.tasks import RemoteTask, TaskPage, parse_task, parse_tasks
from ml_backend.settings import Settings

__all__ = [
    "UNCERTAINTY_SAMPLING",
    "LabelStudio",
    "LabelStudioError",
    "LabelStudioUnavailable",
    "ProjectGone",
    "ProjectInfo",
    "RequestRefused",
    "Unauthorized",
]

UNCERTAINTY_SAMPLING = "Uncertainty sampling"
PROJECTS_PER_PAGE = 100
"""Label Studio gives no more at a time."""
TASKS_PER_PAGE = 1000
IDS_PER_PAGE = 10_000
IDS_PER_REQUEST = 200
"""Ids are part of the URL, and servers accept URLs of about 8,000 characters."""
PREDICTIONS_PER_REQUEST = 2000
PROJECT_FIELDS = (
    "id,title,label_config,model_version,sampling,task_number,total_annotations_number,skipped_annotations_number"
)
"""Without this list Label Studio computes ten more counts, which takes three times as long with 50,000 tasks."""


@dataclass(frozen=True)
class ProjectInfo:
    """A project as Label Studio describes it."""

    id: int
    title: str
    label_config: str
    model_version: str
    sampling: str
    task_number: int
    total_annotations: int
    skipped_annotations: int


class LabelStudio(Session):
    """A client of one Label Studio with one key; safe to share between threads.

    Methods raise LabelStudioUnavailable, Unauthorized, ProjectGone or RequestRefused, whose messages name a remedy.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        proxy_authorization: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        super().__init__(url, api_key, proxy_authorization, timeout_seconds)
        self._user: dict[str, Any] | None = None
        self._writer = PredictionWriter(self.request)

    @classmethod
    def of(cls, settings: Settings) -> LabelStudio:
        """A client with the address and the key of the settings."""
        proxy_authorization = settings.label_studio_proxy_authorization
        return cls(settings.label_studio_url, settings.label_studio_api_key, proxy_authorization)

    def whoami(self) -> dict[str, Any]:
        """The user whose key this is."""
        return self.request_object("GET", "api/current-user/whoami")

    def identity(self, again: bool = False) -> str:
        """The user, organization and Label Studio of this key, on which it depends which projects are visible.

        again: send a new request instead of using the result of an earlier one.
        """
        user = self._known_user(again)
        return f"{user.get('email')} of organization {user.get('active_organization')} at {self.url}"

    def member_count(self) -> int:
        """Number of members of this key's organization, who in the community edition can label in all its projects."""
        path = f"api/organizations/{self._known_user().get('active_organization')}/memberships"
        return int(self.request_object("GET", path, params={"page_size": 1}).get("count") or 0)

    def version(self) -> str:
        """Label Studio's version."""
        return str(self.request_object("GET", "api/version").get("release", "unknown"))

    def project(self, project_id: int) -> ProjectInfo:
        """The project, with the counts that a reconciliation compares."""
        project = self.request_object("GET", f"api/projects/{project_id}", params={"include": PROJECT_FIELDS})
        return ProjectInfo(
            id=project_id,
            title=project.get("title") or "",
            label_config=project.get("label_config") or "",
            model_version=project.get("model_version") or "",
            sampling=project.get("sampling") or "",
            task_number=project.get("task_number") or 0,
            total_annotations=project.get("total_annotations_number") or 0,
            skipped_annotations=project.get("skipped_annotations_number") or 0,
        )

    def project_ids(self) -> list[int]:
        """Ids of all projects that the user of this key may open."""
        ids: list[int] = []
        page = 1
        while page:
            params = {"include": "id", "page": page, "page_size": PROJECTS_PER_PAGE}
            listed = self.request_object("GET", "api/projects", params=params)
            ids += [project["id"] for project in listed["results"]]
            page = page + 1 if listed.get("next") else 0
        return ids

    def newest_update(self, project_id: int) -> str | None:
        """The newest `updated_at` of the project's tasks (ISO 8601), "" if it is not a time, or None without tasks."""
        tasks = self._list_tasks(project_id, 1, 1, ordering="-tasks:updated_at", with_annotations=False)
        return next((task.updated_at for task in parse_tasks(tasks)), None)

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
        filters, conjunction = [], "and"
        if updated_after:
            filters = [_filter("updated_at", "greater_or_equal", "Datetime", updated_after)]
        if annotated_only:
            filters = [_filter(f"{kind}_annotations", "greater", "Number", 0) for kind in ("total", "cancelled")]
            conjunction = "or"
        pages = self._task_lists(project_id, start_page, page_size, filters=filters, conjunction=conjunction)
        for number, tasks in enumerate(pages, start=start_page):
            yield TaskPage(number, parse_tasks(tasks), is_last=len(tasks) < page_size)

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
        tasks: list[RemoteTask] = []
        for start in range(0, len(task_ids), IDS_PER_REQUEST):
            ids = list(task_ids[start : start + IDS_PER_REQUEST])
            by_id = [_filter("id", "in_list", "Number", ids)]
            tasks += parse_tasks(self._list_tasks(project_id, 1, len(ids), filters=by_id))
        return tasks

    def task_ids(self, project_id: int) -> set[int]:
        """Ids of all tasks."""
        pages = self._task_lists(project_id, 1, IDS_PER_PAGE, with_annotations=False)
        return {task.id for tasks in pages for task in parse_tasks(tasks)}

    def next_task(self, project_id: int) -> RemoteTask | None:
        """The task that Label Studio serves next to the user of this key; None if it serves none.

        Raises ProjectGone if the project does not exist or the user may not label in it.
        """
        try:
            return parse_task(self.request_object("GET", f"api/projects/{project_id}/next"))
        except ProjectGone as problem:
            if problem.status != 404:
                raise
        # Label Studio answers 404 when no task is left, and also for a project that does not exist.
        self.project(project_id)
        return None

    def annotate(
        self,
        project_id: int,
        task_id: int,
        result: list[dict[str, Any]],
        *,
        skipped: bool = False,
        lead_time: float | None = None,
    ) -> None:
        """Submit an annotation of a task, as the user of this key; it is sent once, since each POST stores one.

        result: from `annotation_result`; skipped: whether the task is skipped, for which the result is []; lead_time:
        seconds that the annotation took, None if nobody measured them.
        """
        body: dict[str, Any] = {"result": result, "was_cancelled": skipped, "project": project_id}
        if lead_time is not None:
            body["lead_time"] = lead_time
        try:
            self.request("POST", f"api/tasks/{task_id}/annotations/", body=body)
        except LabelStudioUnavailable as problem:
            if not problem.may_have_taken_effect:
                raise
            sentence = f"{problem} It is unknown whether the annotation of task {task_id} was stored: look at the task."
            raise LabelStudioUnavailable(sentence, may_have_taken_effect=True) from None

    def publish_batch(
        self,
        project_id: int,
        version: str,
        items: Sequence[tuple[int, list[dict[str, Any]], int]],
        before_switch: Callable[[], None] = lambda: None,
    ) -> None:
        """Write (task id, result, rank) as predictions of `version`, then select it as the project's model version.

        Label Studio serves the lowest score first and drops scores outside 0 to 1, so the score is the rank divided by
        the number of items. before_switch: called right before the version is selected; it may raise. Raises
        RequestRefused, before the version is selected, if not every prediction was created.
        """
        total = max(1, len(items))
        predictions = [
            {"task": task_id, "result": result, "score": rank / total, "model_version": version}
            for task_id, result, rank in items
        ]
        for start in range(0, len(predictions), PREDICTIONS_PER_REQUEST):
            chunk = predictions[start : start + PREDICTIONS_PER_REQUEST]
            created = self._writer.write(project_id, chunk)
            if created != len(chunk):
                raise RequestRefused(
                    f"Label Studio stored only {created} of {len(chunk)} predictions of {version!r}; see its "
                    "log for the reason. The batch is not served, and the next run publishes a new one."
                )
        before_switch()
        self._change_project(project_id, model_version=version)

    def remove_version(self, project_id: int, version: str) -> None:
        """Delete the predictions of one version, and no others."""
        self.request("DELETE", f"api/projects/{project_id}/model-versions/", body={"model_version": version})

    def set_sampling(self, project_id: int) -> None:
        """Set the project to serve tasks with the lowest prediction score first."""
        self._change_project(project_id, sampling=UNCERTAINTY_SAMPLING)

    def _known_user(self, again: bool = False) -> dict[str, Any]:
        if again or self._user is None:
            self._user = self.whoami()
        return self._user

    def _change_project(self, project_id: int, **changes: Any) -> None:
        # Without a list of fields Label Studio computes all counts of the project for the response.
        self.request("PATCH", f"api/projects/{project_id}/", params={"include": "id"}, body=changes)

    def _task_lists(self, project_id: int, page: int, size: int, **options: Any) -> Iterator[list[dict[str, Any]]]:
        """Yields pages of the task list, starting with `page`; a page with fewer than `size` tasks is the last one."""
        while True:
            tasks = self._list_tasks(project_id, page, size, **options)
            yield tasks
            if len(tasks) < size:
                return
            page += 1

    def _list_tasks(
        self,
        project_id: int,
        page: int,
        size: int,
        *,
        with_annotations: bool = True,
        ordering: str = "tasks:id",
        filters: Sequence[dict[str, Any]] = (),
        conjunction: str = "and",
    ) -> list[dict[str, Any]]:
        query = {"ordering": [ordering], "filters": {"conjunction": conjunction, "items": list(filters)}}
        params = {"project": project_id, "page": page, "page_size": size, "query": json.dumps(query)}
        # Links to a storage must not be resolved: they would look like texts.
        params["resolve_uri"] = "false"
        if with_annotations:
            params["fields"] = "all"
        try:
            return list(self.request_object("GET", "api/tasks", params=params)["tasks"])
        except RequestRefused as problem:
            if page > 1 and "Invalid page" in str(problem):
                return []
            raise


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}
