"""What an annotator does through the client: take the task that is served next, and submit or skip it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from recording_server import Request, recording_server

from ml_backend.labelstudio.client import LabelStudio, LabelStudioError, LabelStudioUnavailable, ProjectGone
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
    def respond(request: Request) -> tuple[int, Any]:
        return (404, {"detail": "There are no tasks for a@b.c"}) if request.path.endswith("/next") else (200, {})

    with recording_server(respond) as server, closing(LabelStudio(server.url, KEY)) as client:
        assert client.next_task(3) is None
    with pytest.raises(LabelStudioUnavailable, match="not Label Studio"):
        exchange(404, "404 page not found", lambda c: c.next_task(3))


@pytest.mark.parametrize(
    ("status", "detail"), [(404, "No Project matches the given query."), (403, "You do not have permission.")]
)
def test_a_project_that_the_user_may_not_label_in_is_no_project_without_tasks(status: int, detail: str):
    with pytest.raises(ProjectGone, match=detail):
        exchange(status, {"detail": detail}, lambda c: c.next_task(3))


@pytest.mark.parametrize(("status", "is_unknown"), [(500, True), (502, True), (429, False), (400, False)])
def test_an_annotation_is_sent_once_and_if_label_studio_fails_its_fate_is_said_to_be_unknown(
    status: int, is_unknown: bool
):
    with (
        recording_server(lambda _: (status, {"detail": "no"})) as server,
        closing(LabelStudio(server.url, KEY)) as client,
    ):
        with pytest.raises(LabelStudioError, match="no") as failed:
            client.annotate(3, 7, [ITEM])
        assert len(server.requests) == 1
    assert ("unknown whether the annotation of task 7 was stored" in str(failed.value)) is is_unknown


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
