"""Which of the projects that requests named are taken on, and how often Label Studio is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, ProjectGone, Unauthorized
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.candidates import PAUSES, SECONDS_PER_REQUEST, CandidateConfirmation
from ml_backend.worker.queue import TaskQueue

OURS = "http://backend:9090"


class FakeClient:
    """A Label Studio with the entries of some projects; other projects are gone."""

    def __init__(self) -> None:
        self.entries: dict[int, list[str]] = {}
        self.asked: list[int] = []
        self.problem: Exception | None = None

    def request(self, _method: str, path: str, params: Any = None, body: Any = None) -> Any:
        project_id = int(path.split("/")[2])
        self.asked.append(project_id)
        if self.problem is not None:
            raise self.problem
        if project_id not in self.entries:
            raise ProjectGone("no such project", 404)
        return {"live": [{"id": n, "url": url} for n, url in enumerate(self.entries[project_id])]}


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def confirmation(sqlite_store: Store, client: FakeClient, tmp_path: Path) -> CandidateConfirmation:
    queue = TaskQueue(Settings(model_dir=tmp_path))
    return CandidateConfirmation(sqlite_store, queue, cast(LabelStudio, client), None)


def test_a_project_whose_entry_is_ours_is_taken_on_and_read(
    confirmation: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    client.entries = {7: [OURS], 8: ["http://other", OURS], 9: ["http://other", "http://another"]}
    for project_id in (7, 8, 9):
        sqlite_store.add_candidate(project_id, OURS)
    assert {confirmation.confirm_next() for _ in range(3)} == {SECONDS_PER_REQUEST}
    assert [(project.id, project.backend_url) for project in sqlite_store.projects()] == [(7, OURS), (8, OURS)]
    assert sqlite_store.take_requests(7) == ["setup"]
    assert sqlite_store.candidate(7) is None
    assert sqlite_store.pending_projects() == [8], "of 9 no entry is known to be ours"


def test_an_invented_project_costs_one_request(
    confirmation: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    sqlite_store.add_candidate(1234)
    for _ in range(3):
        confirmation.confirm_next()
    assert client.asked == [1234]
    assert sqlite_store.candidate(1234) is None
    assert sqlite_store.projects() == []


def test_a_project_without_an_entry_is_asked_for_a_few_times_and_dropped(
    confirmation: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    client.entries = {7: []}
    sqlite_store.add_candidate(7, OURS)
    while sqlite_store.candidate(7) is not None:
        confirmation.confirm_next()
        assert len(client.asked) <= len(PAUSES) + 1
        sqlite_store.add_candidate(7) if sqlite_store.candidate(7) else None  # due at once
    assert len(client.asked) == len(PAUSES) + 1
    assert sqlite_store.projects() == []


@pytest.mark.parametrize("problem", [LabelStudioUnavailable("down"), Unauthorized("wrong key")])
def test_while_label_studio_cannot_be_asked_candidates_stay(
    confirmation: CandidateConfirmation, client: FakeClient, sqlite_store: Store, problem: Exception
):
    client.entries, client.problem = {7: [OURS]}, problem
    sqlite_store.add_candidate(7, OURS)
    for _ in range(len(PAUSES) + 3):
        assert confirmation.confirm_next() > SECONDS_PER_REQUEST
        sqlite_store.add_candidate(7)
    client.problem = None
    confirmation.confirm_next()
    assert [project.id for project in sqlite_store.projects()] == [7]
