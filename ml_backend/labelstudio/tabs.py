"""Tabs of Label Studio's Data Manager that show chosen tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_backend.labelstudio.errors import LabelStudioUnavailable
from ml_backend.labelstudio.json_values import parsed_id
from ml_backend.labelstudio.session import Session

VIEWS = "api/dm/views/"
USUAL_TAB = "Default"
SELDOM_READ = (
    "inner_id",
    "annotations_results",
    "annotations_ids",
    "predictions_score",
    "predictions_model_versions",
    "predictions_results",
    "file_upload",
    "storage_filename",
    "created_at",
    "updated_at",
    "updated_by",
    "avg_lead_time",
    "draft_exists",
)
"""Columns that Label Studio hides in a tab that it makes itself."""
BESIDE_EDITOR = ("id", "completed_at", "cancelled_annotations", "total_predictions", "annotators")
"""Columns that it hides too while a task is open."""


def put_tab(client: Session, project_id: int, title: str, task_ids: Sequence[int]) -> int:
    """Make a tab with these tasks, instead of one with the same title; returns the tab's id.

    task_ids: MOST_TASKS at most. All members of the organization see the tab. Raises what `LabelStudio` raises.
    """
    body = {"project": project_id, "data": _tab(title, "or", task_ids)}
    views = client.request_objects("GET", VIEWS, params={"project": project_id})
    if not views:
        # Label Studio makes the tab with all tasks when somebody opens a project that has no tab.
        client.request("POST", VIEWS, body={"project": project_id, "data": _tab(USUAL_TAB, "and", [])})
    found = [view["id"] for view in views if isinstance(view.get("data"), dict) and view["data"].get("title") == title]
    if found:
        answer = client.request("PATCH", f"{VIEWS}{found[0]}/", params={"project": project_id}, body=body)
    else:
        answer = client.request("POST", VIEWS, body=body)
    number = parsed_id(answer.get("id")) if isinstance(answer, dict) else None
    if number is None:
        raise LabelStudioUnavailable("Label Studio answered without the id of the tab: look for it in the Data Manager")
    return number


def _tab(title: str, conjunction: str, task_ids: Sequence[int]) -> dict[str, Any]:
    filters = [
        {"filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": task_id} for task_id in task_ids
    ]
    return {
        "type": "list",
        "title": title,
        "target": "tasks",
        "ordering": [],
        "filters": {"conjunction": conjunction, "items": filters},
        "hiddenColumns": {
            "explore": [f"tasks:{name}" for name in SELDOM_READ],
            "labeling": [f"tasks:{name}" for name in (*BESIDE_EDITOR, *SELDOM_READ)],
        },
    }
