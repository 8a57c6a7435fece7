"""A project counts as deleted only by an answer of Label Studio: a proxy's 404 says nothing about it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from recording_server import Request, recording_server

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, ProjectGone

KEY = "legacy-token-of-forty-characters-00000000"


def read_project(status: int, body: str) -> None:
    with recording_server(lambda _: (status, body)) as server, closing(LabelStudio(server.url, KEY)) as client:
        client.project(3)


@pytest.mark.parametrize("status", [403, 404])
def test_only_a_404_of_label_studio_itself_means_that_a_project_is_gone(status: int):
    own = json.dumps({"id": "8e2", "status_code": status, "version": "1.23.2", "detail": "Not found."})
    with pytest.raises(ProjectGone, match="Not found"):
        read_project(status, own)
    for proxy in ("404 page not found", "<html>403 Forbidden</html>", '"gone"'):
        with pytest.raises(LabelStudioUnavailable, match="not Label Studio"):
            read_project(status, proxy)


def test_many_ids_are_requested_in_short_addresses_and_links_in_texts_stay_unresolved():
    def respond(request: Request) -> tuple[int, Any]:
        assert request.query["resolve_uri"] == "false"
        ids = json.loads(request.query["query"])["filters"]["items"][0]["value"]
        return 200, {"tasks": [{"id": i, "data": {"text": "s3://b/x"}, "updated_at": ""} for i in ids]}

    with recording_server(respond) as server, closing(LabelStudio(server.url, KEY)) as client:
        tasks = client.tasks_by_id(3, range(1_000_000, 1_001_000))
    assert [task.id for task in tasks] == list(range(1_000_000, 1_001_000))
    assert max(len(target) for target in server.targets) < 8000
