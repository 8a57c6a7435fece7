"""What an annotator does through the client: take the task that is served next, and submit or skip it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from recording_server import Request, recording_server

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable
from ml_backend.labelstudio.tasks import RemoteTask

KEY = "legacy-token-of-forty-characters-00000000"
ITEM = {"from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": ["ham"]}}


def exchange(status: int, body: Any, call: Callable[[LabelStudio], Any]) -> tuple[Any, list[Request]]:
    """What the call returns when Label Studio responds like this, and the requests that it sent."""
    with recording_server(lambda _: (status, body)) as server, closing(LabelStudio(server.url, KEY)) as client:
        return call(client), server.requests


def test_the_next_task_is_the_one_that_label_studio_serves():
    served = {"id": 7, "data": {"text": "a"}, "annotations": [], "predictions": []}
    task, requests = exchange(200, served, lambda c: c.next_task(3))
    assert task == RemoteTask(7, {"text": "a"}, "")
    assert requests == [Request("GET", "/api/projects/3/next")]


def test_there_is_no_next_task_when_label_studio_serves_none():
    task, _ = exchange(
        404, {"detail": "There are no tasks remaining to be annotated by a@b.c"}, lambda c: c.next_task(3)
    )
    assert task is None
    with pytest.raises(LabelStudioUnavailable, match="not Label Studio"):
        exchange(404, "404 page not found", lambda c: c.next_task(3))


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda c: c.annotate(3, 7, [ITEM]), {"result": [ITEM], "was_cancelled": False, "project": 3}),
        (
            lambda c: c.annotate(3, 7, [], skipped=True, lead_time=1.5),
            {"result": [], "was_cancelled": True, "project": 3, "lead_time": 1.5},
        ),
    ],
    ids=["annotated", "skipped"],
)
def test_an_annotation_is_submitted_to_its_task(call: Callable[[LabelStudio], None], body: dict[str, Any]):
    _, requests = exchange(201, {"id": 1}, call)
    assert requests == [Request("POST", "/api/tasks/7/annotations/", body=body)]
