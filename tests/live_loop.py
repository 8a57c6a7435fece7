"""People who label in Label Studio, real or fake, and the state of the backend."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.messages import label_config, messages
from ml_backend.labelstudio.client import LabelStudio, LabelStudioError
from ml_backend.settings import Settings
from ml_backend.store import Store

PATIENCE = 60.0
LOOK_EVERY = 0.02
HTTP = httpx.Client(timeout=20, verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
"""The client for requests to backends; one for all, since each new one reads the certificate store."""
MESSAGES = messages()
CLASSES = sorted({message.label for message in MESSAGES})


class Studio(Protocol):
    """A Label Studio that runs: its address, and its first user's token."""

    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...


class Backend(Protocol):
    """A backend: its address, its key of Label Studio, and where its data and its log are."""

    api_key: str
    folder: Path
    port: int

    @property
    def url(self) -> str: ...
    @property
    def log(self) -> Path: ...


def wait_until(description: str, happened: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The value of `happened()`, once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        answer = happened()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {description}"
        time.sleep(LOOK_EVERY)


def choice(label: str) -> dict[str, Any]:
    """A result item that chooses one class of the messages' config."""
    return {"from_name": "topic", "to_name": "message", "type": "choices", "value": {"choices": [label]}}


@dataclass
class Person:
    """Somebody who labels through Label Studio's own API, as the browser does."""

    client: LabelStudio
    project_id: int
    served: list[int] = field(default_factory=list)

    def next_task(self) -> dict[str, Any] | None:
        """The task that Label Studio serves next; None when there is none."""
        try:
            task = self.client.request("GET", f"api/projects/{self.project_id}/next")
        except LabelStudioError:
            return None
        self.served.append(task["id"])
        return dict(task)

    def annotate(self, task_id: int, label: str) -> int:
        """Submit a task; returns the annotation's id."""
        return self.submit(task_id, [choice(label)])

    def submit(self, task_id: int, result: list[dict[str, Any]], cancelled: bool = False) -> int:
        """Submit any result; returns the annotation's id."""
        body = {"result": result, "was_cancelled": cancelled, "lead_time": 1.0, "project": self.project_id}
        return int(self.client.request("POST", f"api/tasks/{task_id}/annotations/", body=body)["id"])

    def skip(self, task_id: int) -> int:
        """Press 'Skip'; returns the annotation's id."""
        return self.submit(task_id, [], cancelled=True)

    def update(self, annotation_id: int, label: str) -> None:
        """Choose another label and press 'Update'."""
        self.client.request("PATCH", f"api/annotations/{annotation_id}/", body={"result": [choice(label)]})

    def delete(self, annotation_id: int) -> None:
        """Delete an annotation."""
        self.client.request("DELETE", f"api/annotations/{annotation_id}/")

    def label_next(self) -> int:
        """Label the task that is served next with its gold label; returns the task's id."""
        task = self.next_task()
        assert task is not None, "Label Studio served nothing"
        self.annotate(task["id"], task["data"]["gold"])
        return int(task["id"])


@dataclass
class Loop:
    """A project in Label Studio, connected to a backend."""

    label_studio: Studio
    backend: Backend
    client: LabelStudio
    project_id: int
    auth: tuple[str, str] | None = None

    def person(self, client: LabelStudio | None = None) -> Person:
        """Somebody who labels in this project."""
        return Person(client or self.client, self.project_id)

    def manage(self, action: str, task_ids: list[int]) -> None:
        """Perform an action of the Data Manager on these tasks."""
        body = {"selectedItems": {"all": False, "included": task_ids}, "project": str(self.project_id)}
        self.client.request("POST", "api/dm/actions", params={"id": action, "project": self.project_id}, body=body)

    def status(self) -> dict[str, Any]:
        """The project's status as the backend gives it, once it has confirmed the project."""

        def found() -> httpx.Response | None:
            answer = HTTP.get(f"{self.backend.url}/projects/{self.project_id}/status", auth=self.auth)
            return answer if answer.status_code != 404 else None

        answer: httpx.Response = wait_until("the project is confirmed", found)
        return dict(answer.raise_for_status().json())

    def batch(self, after: int = 0) -> dict[str, Any]:
        """The served batch, once its number is above `after` and the backend is idle."""

        def served() -> dict[str, Any] | None:
            status = self.status()
            batch = status.get("batch")
            if not batch or batch["number"] <= after:
                return None
            return dict(batch) if batch["version"] == self.model_version() else None

        return dict(wait_until(f"a batch after number {after}", served))

    def model_version(self) -> str:
        """The model version by which Label Studio serves tasks."""
        return self.client.project(self.project_id).model_version

    def settings(self, **changes: Any) -> httpx.Response:
        """PATCH the project's settings with the Label Studio key."""
        return HTTP.patch(
            f"{self.backend.url}/projects/{self.project_id}/settings",
            json=changes,
            headers={"Authorization": f"Token {self.backend.api_key}"},
        )

    def until(self, seconds: float = PATIENCE, **counts: Any) -> dict[str, Any]:
        """The status once it has these values, as `labeled=3, skipped=1`."""
        status: dict[str, Any] = {}

        def counted() -> bool:
            status.update(self.status())
            return all(status.get(name) == value for name, value in counts.items())

        try:
            wait_until(f"a status with {counts}", counted, seconds)
        except AssertionError as problem:
            values = {name: status.get(name) for name in [*counts, "state", "phase", "error", "labels"]}
            raise AssertionError(f"{problem}; it says {values}") from None
        return status

    def embedded(self) -> dict[str, Any]:
        """The status once every text has its vector and a batch chosen from all of them is served."""

        def done() -> dict[str, Any] | None:
            status = self.status()
            counted = status["embedded"] and not status["to_embed"] and status["queue_remaining"]
            return status if status["batch"] and counted else None

        return dict(wait_until("all texts embedded", done, seconds=120))

    def import_texts(self, texts: list[dict[str, Any]]) -> list[int]:
        """Import tasks; returns their ids."""
        path = f"api/projects/{self.project_id}/import?return_task_ids=true"
        return list(self.client.request("POST", path, body=texts)["task_ids"])

    def log(self) -> str:
        """The backend's log so far."""
        return self.backend.log.read_text(errors="replace")

    def ever_published(self) -> set[int]:
        """Tasks of all batches that were published or are being published."""
        store = self.store()
        batches = store.batches(self.project_id, limit=1000)
        store.close()
        return {task_id for batch in batches for task_id in batch.task_ids}

    def serving(self) -> list[int]:
        """Tasks of the batch by whose version Label Studio serves, best first; none while that version is not ours."""
        version, store = self.model_version(), self.store()
        batches = store.batches(self.project_id, limit=1000)
        store.close()
        return next((batch.task_ids for batch in batches if batch.version == version), [])

    def store(self) -> Store:
        """The backend's own database."""
        return Store(f"sqlite:///{self.backend.folder / 'active_learning.db'}")


def new_project(client: LabelStudio, texts: list[dict[str, Any]], config: str | None = None, **more: Any) -> int:
    """A project with tasks."""
    body = {"title": "messages", "label_config": config or label_config(CLASSES), **more}
    project_id = int(client.request("POST", "api/projects", body=body)["id"])
    if texts:
        client.request("POST", f"api/projects/{project_id}/import", body=texts)
    return project_id


def gold_texts(n: int, start: int = 0) -> list[dict[str, Any]]:
    """n messages with their gold label."""
    return [{"text": m.text, "gold": m.label} for m in MESSAGES[start : start + n]]


def connected(
    label_studio: Studio,
    client: LabelStudio,
    backend: Backend,
    texts: list[dict[str, Any]],
    config: str | None = None,
    project_id: int | None = None,
    auth: tuple[str, str] | None = None,
    **settings: Any,
) -> Loop:
    """A new or an existing project, connected by the code of the `connect` command, with these settings."""
    if project_id is None:
        project_id = new_project(client, texts, config)
    own = Settings(
        label_studio_url=label_studio.url,
        label_studio_api_key=label_studio.token,
        model_dir=backend.folder,
        port=backend.port,
        basic_auth_user=auth[0] if auth else None,
        basic_auth_pass=auth[1] if auth else None,
    )
    list(connect_project(own, project_id, backend.url, [f"{name}={value}" for name, value in settings.items()]))
    return Loop(label_studio, backend, client, project_id, auth)


def label_some(project: Loop, n: int) -> None:
    """Label n tasks as they are served."""
    person = project.person()
    for _ in range(n):
        person.label_next()


def assert_served_as_published(project: Loop) -> None:
    """Label Studio serves the newest batch, and no predictions are left of batches that were never served."""
    batch, store = project.batch(), project.store()
    served = {b.version for b in store.batches(project.project_id) if b.state in {"published", "superseded"}}
    store.close()
    assert set(project.client.request("GET", f"api/projects/{project.project_id}/model-versions/")) == served
    labelled = {task.id for task in project.client.tasks_page(project.project_id, 1, 100, annotated_only=True)}
    left = [task for task in batch["task_ids"] if task not in labelled]
    person = project.person()
    assert [person.label_next() for _ in range(2)] == left[:2]
