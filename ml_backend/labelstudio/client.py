"""The client of Label Studio's API, which sends as few and as small requests as possible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ml_backend.labelstudio.errors import (
    LabelStudioError,
    LabelStudioUnavailable,
    ProjectGone,
    RequestRefused,
    Unauthorized,
)
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.prediction_writer import PredictionWriter
from ml_backend.labelstudio.session import REPEATS, TIMEOUT_SECONDS
from ml_backend.labelstudio.task_lists import TaskLists
from ml_backend.labelstudio.tasks import RemoteTask, parse_task
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
MEMBERS_PER_PAGE = 100
MOST_MEMBERS = 10_000
PREDICTIONS_PER_REQUEST = 2000
PROJECT_FIELDS = (
    "id,title,label_config,model_version,sampling,task_number,total_annotations_number,skipped_annotations_number,"
    "maximum_annotations"
)
"""Without this list Label Studio computes ten more counts, which takes three times as long with 50,000 tasks."""


@dataclass(frozen=True)
class ProjectInfo:
    """A project as Label Studio describes it. maximum_annotations: how many people it asks for each task."""

    id: int
    title: str
    label_config: str
    model_version: str
    sampling: str
    task_number: int
    total_annotations: int
    skipped_annotations: int
    maximum_annotations: int = 1


class LabelStudio(TaskLists):
    """A client of one Label Studio with one key; safe to share between threads.

    Methods raise LabelStudioUnavailable, Unauthorized, ProjectGone or RequestRefused, whose messages name a remedy.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        proxy_authorization: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        repeats: int = REPEATS,
    ) -> None:
        super().__init__(url, api_key, proxy_authorization, timeout_seconds, repeats)
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
        return int(self.request_object("GET", self._memberships, params={"page_size": 1}).get("count") or 0)

    def member_names(self) -> dict[int, str]:
        """User id → name of the members of this key's organization, or e-mail address without one."""
        names: dict[int, str] = {}
        page = 1
        while page and len(names) < MOST_MEMBERS:
            params = {"page": page, "page_size": MEMBERS_PER_PAGE}
            listed = self.request_object("GET", self._memberships, params=params)
            users = [entry.get("user") for entry in listed.get("results") or [] if isinstance(entry, dict)]
            for user in users:
                if isinstance(user, dict) and (number := parsed_id(user.get("id"))) is not None:
                    names[number] = _name(user)
            page = page + 1 if listed.get("next") and users else 0
        return names

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
            maximum_annotations=project.get("maximum_annotations") or 1,
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
    ) -> int | None:
        """Submit an annotation of a task, as the user of this key; it is sent once, since each POST stores one.

        Returns its id, None if Label Studio does not say it.

        result: from `annotation_result`; skipped: whether the task is skipped, for which the result is []; lead_time:
        seconds that the annotation took, None if nobody measured them.
        """
        body: dict[str, Any] = {"result": result, "was_cancelled": skipped, "project": project_id}
        if lead_time is not None:
            body["lead_time"] = lead_time
        try:
            made = self.request("POST", f"api/tasks/{task_id}/annotations/", body=body)
        except LabelStudioUnavailable as problem:
            if not problem.may_have_taken_effect:
                raise
            sentence = f"{problem} It is unknown whether the annotation of task {task_id} was stored: look at the task."
            raise LabelStudioUnavailable(sentence, may_have_taken_effect=True) from None
        return parsed_id(made.get("id")) if isinstance(made, dict) else None

    def delete_annotation(self, annotation_id: int) -> None:
        """Delete an annotation. Raises RequestRefused also for one that does not exist."""
        self.request("DELETE", f"api/annotations/{annotation_id}/")

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
            self._write(project_id, version, chunk, "The batch is not served, and the next run publishes a new one.")
        before_switch()
        self._change_project(project_id, model_version=version)

    def add_predictions(
        self, project_id: int, version: str, items: Sequence[tuple[int, list[dict[str, Any]], float]]
    ) -> None:
        """Write (task id, result, score in 0..1) as predictions of a version that no task is served by.

        At most PREDICTIONS_PER_REQUEST of them. Raises RequestRefused if not every prediction was created.
        """
        predictions = [
            {"task": task_id, "result": result, "score": score, "model_version": version}
            for task_id, result, score in items
        ]
        self._write(project_id, version, predictions, "Those that it stored stay.")

    def model_versions(self, project_id: int) -> dict[str, int]:
        """Model version → number of its predictions, of all predictions in the project."""
        return self.request_object("GET", f"api/projects/{project_id}/model-versions/")

    def ask_again(self, task_id: int, people: int) -> bool:
        """Let a labelled task be served until so many people have labelled it, never to one who has.

        It is served by the score of its prediction, like others. Returns False if Label Studio does not have the task
        any more, or a version of it does not take the change.
        """
        return self._set_overlap(task_id, people, is_labeled=False)

    def ask_no_longer(self, task_id: int, people: int) -> None:
        """Let a task that was to be asked again count as labelled once so many people have labelled it."""
        try:
            task = self.request_object("GET", f"api/tasks/{task_id}/")
        except RequestRefused:
            return  # it was deleted
        if task.get("is_labeled"):
            return  # somebody labelled it again, or it was never opened for that
        labelled_by = {a.annotator for a in parse_task(task).annotations if not a.cancelled}
        self._set_overlap(task_id, people, is_labeled=len(labelled_by) >= people)

    def _set_overlap(self, task_id: int, people: int, is_labeled: bool) -> bool:
        # Label Studio does not derive the one from the other before the next annotation.
        body = {"overlap": people, "is_labeled": is_labeled}
        try:
            task = self.request("PATCH", f"api/tasks/{task_id}/", body=body)
        except RequestRefused:
            return False
        return isinstance(task, dict) and bool(task.get("is_labeled")) is is_labeled and task.get("overlap") == people

    def remove_version(self, project_id: int, version: str) -> None:
        """Delete the predictions of one version, and no others."""
        self.request("DELETE", f"api/projects/{project_id}/model-versions/", body={"model_version": version})

    def set_sampling(self, project_id: int) -> None:
        """Set the project to serve tasks with the lowest prediction score first."""
        self._change_project(project_id, sampling=UNCERTAINTY_SAMPLING)

    @property
    def _memberships(self) -> str:
        return f"api/organizations/{self._known_user().get('active_organization')}/memberships"

    def _write(self, project_id: int, version: str, predictions: list[dict[str, Any]], otherwise: str) -> None:
        """Write predictions by one request. otherwise: what becomes of them if not all are created."""
        created = self._writer.write(project_id, predictions)
        if created != len(predictions):
            raise RequestRefused(
                f"Label Studio stored only {created} of {len(predictions)} predictions of {version!r}; see its "
                f"log for the reason. {otherwise}"
            )

    def _known_user(self, again: bool = False) -> dict[str, Any]:
        if again or self._user is None:
            self._user = self.whoami()
        return self._user

    def _change_project(self, project_id: int, **changes: Any) -> None:
        # Without a list of fields Label Studio computes all counts of the project for the response.
        self.request("PATCH", f"api/projects/{project_id}/", params={"include": "id"}, body=changes)


def _name(user: dict[str, Any]) -> str:
    """What people call a user of Label Studio."""
    full = " ".join(str(user.get(part) or "").strip() for part in ("first_name", "last_name")).strip()
    return full or str(user.get("email") or user.get("username") or f"user {user.get('id')}")
