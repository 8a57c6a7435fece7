"""Tabs of Label Studio's Data Manager that show chosen tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.labelstudio.errors import LabelStudioUnavailable
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.session import Session

VIEWS = "api/dm/views/"
MOST_TASKS = 200
"""Each task is a filter of its own, which the Data Manager shows and people can remove."""


def put_tab(client: Session, project_id: int, title: str, task_ids: Sequence[int]) -> int:
    """Make a tab with these tasks, instead of one with the same title; returns the tab's id.

    task_ids: MOST_TASKS at most. All members of the organization see the tab. Raises what `LabelStudio` raises.
    """
    body = {"project": project_id, "data": _tab(title, task_ids)}
    found = [
        view["id"]
        for view in client.request_objects("GET", VIEWS, params={"project": project_id})
        if isinstance(view.get("data"), dict) and view["data"].get("title") == title
    ]
    if found:
        answer = client.request("PATCH", f"{VIEWS}{found[0]}/", params={"project": project_id}, body=body)
    else:
        answer = client.request("POST", VIEWS, body=body)
    number = parsed_id(answer.get("id")) if isinstance(answer, dict) else None
    if number is None:
        raise LabelStudioUnavailable("Label Studio answered without the id of the tab: look for it in the Data Manager")
    return number


def _tab(title: str, task_ids: Sequence[int]) -> dict[str, Any]:
    filters = [
        {"filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": task_id} for task_id in task_ids
    ]
    return {
        "type": "list",
        "title": title,
        "target": "tasks",
        "ordering": [],
        "filters": {"conjunction": "or", "items": filters},
    }
