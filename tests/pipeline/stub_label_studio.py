"""One project of a Label Studio in memory, below the real client: it answers `request` and keeps what is published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ml_backend.labelstudio.client import LabelStudio, ProjectGone

PROJECT = 7
CONFIG = (
    '<View><Text name="message" value="$text"/><Choices name="topic" toName="message">'
    '<Choice value="bug"/><Choice value="praise"/></Choices></View>'
)


class StubLabelStudio(LabelStudio):
    """Project 7 with tasks by id; `published` is (version, items) as the client was given them."""

    def __init__(self, texts: dict[int, str]) -> None:
        super().__init__("http://stub", None)
        self.tasks = {
            i: {"id": i, "data": {"text": text}, "updated_at": "2026-01", "annotations": []}
            for i, text in texts.items()
        }
        self.fields: dict[str, Any] = {"title": "Mail", "label_config": CONFIG, "sampling": "Sequential sampling"}
        self.published: list[tuple[str, list[tuple[int, list[dict[str, Any]], int]]]] = []
        self.removed: list[str] = []
        self.backends = [{"id": 1, "url": "http://backend"}]
        self.gone = False

    def label(self, task_id: int, name: str, annotator: int = 1) -> None:
        """Submit an annotation."""
        item = {"from_name": "topic", "to_name": "message", "type": "choices", "value": {"choices": [name]}}
        annotation = {
            "id": task_id,
            "completed_by": annotator,
            "result": [item],
            "updated_at": f"2026-02-{task_id:04d}",
        }
        self.tasks[task_id] |= {"annotations": [annotation], "updated_at": annotation["updated_at"]}

    def publish_batch(
        self, project_id: int, version: str, items: Sequence[tuple[int, list[dict[str, Any]], int]]
    ) -> None:
        assert project_id == PROJECT
        self.published.append((version, list(items)))
        self.fields["model_version"] = version

    def request(self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None) -> Any:
        if path == "api/current-user/whoami":
            return {"email": "ann@example.org", "active_organization": 1}
        if path == "api/tasks":
            return {"tasks": self._listed(params or {})}
        if path == "api/webhooks/":
            return []
        if path.endswith("/model-versions/"):
            if method == "DELETE":
                self.removed.append(body["model_version"])
            return {"live": self.backends}
        assert path.rstrip("/") == f"api/projects/{PROJECT}", path
        if self.gone:
            raise ProjectGone("no such project")
        if method == "PATCH":
            self.fields |= body
        annotations = sum(len(task["annotations"]) for task in self.tasks.values())
        return {**self.fields, "task_number": len(self.tasks), "total_annotations_number": annotations}

    def _listed(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        query = json.loads(params["query"])
        tasks = sorted(self.tasks.values(), key=lambda task: task["id"])
        for item in query["filters"]["items"]:
            if item["filter"] == "filter:tasks:updated_at":
                tasks = [task for task in tasks if task["updated_at"] >= item["value"]]
            elif item["filter"] == "filter:tasks:id":
                tasks = [task for task in tasks if task["id"] in item["value"]]
            else:
                tasks = [task for task in tasks if task["annotations"]]
        if query["ordering"] == ["-tasks:updated_at"]:
            tasks.sort(key=lambda task: task["updated_at"], reverse=True)
        start = (params["page"] - 1) * params["page_size"]
        return tasks[start : start + params["page_size"]]
