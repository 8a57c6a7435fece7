"""What the pipeline asks of Label Studio, in as few and as small requests as it can be asked.

The SDK authenticates (legacy tokens and personal access tokens) and sends; lists of tasks are read as plain JSON,
since building the SDK's task models takes longer than Label Studio takes to answer.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import label_studio_sdk
from label_studio_sdk.core.api_error import ApiError

from ml_backend.labelstudio.prediction_writer import PredictionWriter
from ml_backend.labelstudio.remote_task import RemoteTask, remote_task

UNCERTAINTY_SAMPLING = "Uncertainty sampling"
TIMEOUT_SECONDS = 300.0
PREDICTIONS_AT_ONCE = 2000
IDS_AT_ONCE = 200
"""Ids go into the address, and servers take some 8,000 characters of it."""
PROJECT_FIELDS = (
    "id,title,label_config,model_version,sampling,task_number,total_annotations_number,skipped_annotations_number"
)
"""Without this list Label Studio counts ten more things, which takes three times as long at 50,000 tasks."""


class LabelStudioError(Exception):
    """Something is wrong between us and Label Studio; the message names it and the remedy."""


class LabelStudioUnavailable(LabelStudioError):
    """Label Studio does not answer, or answers that it failed itself."""


class Unauthorized(LabelStudioError):
    """Label Studio does not take our key."""


class ProjectGone(LabelStudioError):
    """There is no such project, or this key may not see it."""


class RequestRefused(LabelStudioError):
    """Label Studio understood and said no; the message is its reason."""


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


class LabelStudio:
    """One Label Studio, by its address and a key; safe to share between threads.

    Every method raises LabelStudioUnavailable, Unauthorized, ProjectGone or RequestRefused, each with a remedy.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        self.url = url
        self._api_key = api_key
        self._lock = threading.Lock()
        self._sdk: Any = None
        self._identity: str | None = None
        self._writer = PredictionWriter(self.request)
        self._spent = threading.local()

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            if self._sdk is not None:
                self._sdk._client_wrapper.httpx_client.httpx_client.close()
                self._sdk = None

    def whoami(self) -> dict[str, Any]:
        """The user whose key this is."""
        return dict(self.request("GET", "api/current-user/whoami"))

    def identity(self, again: bool = False) -> str:
        """Whose key this is, in which organization and where: what decides which projects are seen.

        Asked once, and again where something hangs on it.
        """
        if again or self._identity is None:
            me = self.whoami()
            self._identity = f"{me.get('email')} of organization {me.get('active_organization')} at {self.url}"
        return self._identity

    def version(self) -> str:
        """Label Studio's version."""
        return str(self.request("GET", "api/version").get("release", "unknown"))

    def project(self, project_id: int) -> ProjectInfo:
        """The project, with the numbers that a reconciliation compares."""
        found = self.request("GET", f"api/projects/{project_id}", params={"include": PROJECT_FIELDS})
        return ProjectInfo(
            id=project_id,
            title=found.get("title") or "",
            label_config=found.get("label_config") or "",
            model_version=found.get("model_version") or "",
            sampling=found.get("sampling") or "",
            task_number=found.get("task_number") or 0,
            total_annotations=found.get("total_annotations_number") or 0,
            skipped_annotations=found.get("skipped_annotations_number") or 0,
        )

    def newest_update(self, project_id: int) -> str | None:
        """When any task of the project changed last, or None without tasks."""
        found = self._tasks(project_id, 1, 1, with_annotations=False, ordering="-tasks:updated_at")
        return str(found[0]["updated_at"]) if found else None

    def tasks_page(
        self,
        project_id: int,
        page: int,
        size: int,
        updated_after: str | None = None,
        annotated_only: bool = False,
    ) -> list[RemoteTask]:
        """One page (from 1) of the tasks in the order of their ids; an empty list behind the last page.

        updated_after: only tasks changed at that time or later; annotated_only: only those with annotations or skips.
        """
        filters = []
        if updated_after is not None:
            filters.append(_filter("updated_at", "greater_or_equal", "Datetime", updated_after))
        conjunction = "and"
        if annotated_only:
            conjunction = "or"
            filters = [_filter(f"{kind}_annotations", "greater", "Number", 0) for kind in ("total", "cancelled")]
        return [remote_task(t) for t in self._tasks(project_id, page, size, filters=filters, conjunction=conjunction)]

    def tasks_by_id(self, project_id: int, task_ids: Sequence[int]) -> list[RemoteTask]:
        """Those of the tasks that exist in this project."""
        found: list[RemoteTask] = []
        for start in range(0, len(task_ids), IDS_AT_ONCE):
            some = list(task_ids[start : start + IDS_AT_ONCE])
            wanted = [_filter("id", "in_list", "Number", some)]
            found += [remote_task(t) for t in self._tasks(project_id, 1, len(some), filters=wanted)]
        return found

    def task_ids(self, project_id: int) -> set[int]:
        """Ids of all tasks."""
        size, page, found = 10_000, 1, set[int]()
        while True:
            ids = [t["id"] for t in self._tasks(project_id, page, size, with_annotations=False)]
            found.update(ids)
            if len(ids) < size:
                return found
            page += 1

    def publish_batch(
        self, project_id: int, version: str, items: Sequence[tuple[int, list[dict[str, Any]], int]]
    ) -> None:
        """Write (task, result, rank) as predictions of `version`, then make it the project's model version.

        Label Studio serves the lowest score first and takes scores from 0 to 1 only, others it drops: the score is the
        rank as a share of the batch. Raises RequestRefused when not every prediction arrived, before anything is
        switched.
        """
        total = max(1, len(items))
        body = [
            {"task": task_id, "result": result, "score": rank / total, "model_version": version}
            for task_id, result, rank in items
        ]
        for start in range(0, len(body), PREDICTIONS_AT_ONCE):
            part = body[start : start + PREDICTIONS_AT_ONCE]
            kept = self._writer.write(project_id, part)
            if kept != len(part):
                raise RequestRefused(
                    f"Label Studio kept {kept} of {len(part)} predictions of {version!r}; its log says why. "
                    "The batch is not served; the next run publishes anew."
                )
        self._change_project(project_id, model_version=version)

    def remove_version(self, project_id: int, version: str) -> None:
        """Delete the predictions of one version, and no others."""
        self.request("DELETE", f"api/projects/{project_id}/model-versions/", body={"model_version": version})

    def set_sampling(self, project_id: int) -> None:
        """Have the project serve the lowest prediction score first."""
        self._change_project(project_id, sampling=UNCERTAINTY_SAMPLING)

    def take_spent(self) -> tuple[int, float]:
        """Requests of this thread since it asked last, and the seconds that Label Studio took to answer them."""
        spent = getattr(self._spent, "value", (0, 0.0))
        self._spent.value = (0, 0.0)
        return spent

    def request(self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        """One request by the SDK's authenticated client; answers the JSON, or None without one."""
        started = time.monotonic()
        try:
            return self._answer(method, path, params, body)
        finally:
            requests, seconds = getattr(self._spent, "value", (0, 0.0))
            self._spent.value = (requests + 1, seconds + time.monotonic() - started)

    def _answer(self, method: str, path: str, params: dict[str, Any] | None, body: Any) -> Any:
        try:
            answer = self._client()._client_wrapper.httpx_client.request(path, method=method, params=params, json=body)
        except ApiError as problem:
            raise self._rejected(problem.status_code or 401, str(problem.body), path) from None
        except httpx.HTTPError as problem:
            raise LabelStudioUnavailable(
                f"Label Studio does not answer at {self.url} ({type(problem).__name__}: {problem}). "
                "Start it, or set LABEL_STUDIO_URL to where it is."
            ) from None
        if answer.status_code >= 400:
            raise self._rejected(answer.status_code, answer.text, path)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise LabelStudioUnavailable(
                f"what answers at {self.url} is not Label Studio (no JSON at /{path}); check LABEL_STUDIO_URL"
            ) from None

    def _change_project(self, project_id: int, **changes: Any) -> None:
        # The answer has to name a field, or Label Studio counts all there is of the project for it.
        self.request("PATCH", f"api/projects/{project_id}/", params={"include": "id"}, body=changes)

    def _client(self) -> Any:
        if not self._api_key:
            raise Unauthorized(
                "no key for Label Studio: set LABEL_STUDIO_API_KEY to the token under Account & Settings ▸ Legacy "
                "Token or Personal Access Token"
            )
        with self._lock:
            if self._sdk is None:
                make: Any = label_studio_sdk.LabelStudio
                self._sdk = make(base_url=self.url, api_key=self._api_key, timeout=TIMEOUT_SECONDS)
            return self._sdk

    def _rejected(self, status: int, text: str, path: str) -> LabelStudioError:
        said = _detail(text)
        if status == 401 or (status == 403 and "token" in said.lower()):
            return Unauthorized(
                f"Label Studio at {self.url} does not take LABEL_STUDIO_API_KEY ({said}). Copy the token anew from "
                "Account & Settings; a legacy token works only while legacy tokens are allowed for the organization."
            )
        if status in {403, 404} and path.startswith("api/projects/") and _is_label_studios(text):
            return ProjectGone(f"Label Studio shows no project at /{path} to this key ({said})")
        if status in {403, 404} and not _is_label_studios(text):
            return LabelStudioUnavailable(
                f"what answers at {self.url} is not Label Studio ({status} at /{path}: {said}); if it is a proxy, "
                "Label Studio behind it may be starting, otherwise check LABEL_STUDIO_URL"
            )
        if status >= 500 or status == 429:
            return LabelStudioUnavailable(f"Label Studio failed with {status} at /{path}: {said}")
        return RequestRefused(f"Label Studio refused /{path} with {status}: {said}")

    def _tasks(
        self,
        project_id: int,
        page: int,
        size: int,
        with_annotations: bool = True,
        ordering: str = "tasks:id",
        filters: Sequence[dict[str, Any]] = (),
        conjunction: str = "and",
    ) -> list[dict[str, Any]]:
        query = {"ordering": [ordering], "filters": {"conjunction": conjunction, "items": list(filters)}}
        params = {"project": project_id, "page": page, "page_size": size, "query": json.dumps(query)}
        # A link to a storage stays the link that it is; resolved, it would look like a text.
        params["resolve_uri"] = "false"
        if with_annotations:
            params["fields"] = "all"
        try:
            return list(self.request("GET", "api/tasks", params=params)["tasks"])
        except RequestRefused as problem:
            if page > 1 and "Invalid page" in str(problem):
                return []
            raise


def _filter(column: str, operator: str, kind: str, value: Any) -> dict[str, Any]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def _is_label_studios(text: str) -> bool:
    """Whether an error was said by Label Studio itself; a proxy before it says 404 as well."""
    try:
        body = json.loads(text)
    except ValueError:
        return False
    return isinstance(body, dict) and "detail" in body


def _detail(text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text[:300]
    if not isinstance(body, dict):
        return text[:300]
    # "Validation error" says nothing; the reasons are beside it, by field.
    reasons = body.get("validation_errors")
    if isinstance(reasons, dict):
        said = [str(reason) for some in reasons.values() for reason in (some if isinstance(some, list) else [some])]
        return " ".join(said)[:600]
    return str(body.get("detail") or body)[:300]
