"""Which of the projects that requests named are taken on, and how often Label Studio is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from ml_backend import logs
from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, ProjectGone, Unauthorized
from ml_backend.pipeline.versions import NO_MODEL
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.candidates import PAUSES, SECONDS_PER_REQUEST, CandidateConfirmation
from ml_backend.worker.queue import TaskQueue

OURS = "http://backend:9090"
OTHER = "http://other:9090"


class FakeClient:
    """A Label Studio with the entries of some projects; other projects are gone.

    entries: project → address and stored version of each entry; answers: address → version that its server answers when
    Label Studio calls it; probed: projects whose backends it was made to call.
    """

    def __init__(self) -> None:
        self.entries: dict[int, dict[str, str | None]] = {}
        self.answers: dict[str, str] = {}
        self.asked: list[int] = []
        self.probed: list[int] = []
        self.problem: Exception | None = None

    def request(self, _method: str, path: str, params: Any = None, body: Any = None) -> Any:
        project_id = int(path.split("/")[2])
        self.asked.append(project_id)
        if self.problem is not None:
            raise self.problem
        if project_id not in self.entries:
            raise ProjectGone("no such project", 404)
        return {"live": self._listed(project_id)}

    def request_objects(self, _method: str, _path: str, params: dict[str, int]) -> list[dict[str, Any]]:
        project_id = params["project"]
        self.probed.append(project_id)
        self.entries[project_id] |= {url: self.answers.get(url) for url in self.entries[project_id]}
        return self._listed(project_id)

    def _listed(self, project_id: int) -> list[dict[str, Any]]:
        entries = self.entries[project_id].items()
        return [{"id": n, "url": url, "model_version": version} for n, (url, version) in enumerate(entries)]


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def confirmation(sqlite_store: Store, client: FakeClient, tmp_path: Path) -> CandidateConfirmation:
    queue = TaskQueue(Settings(model_dir=tmp_path))
    return CandidateConfirmation(sqlite_store, queue, cast(LabelStudio, client), None)


@pytest.fixture
def with_address(sqlite_store: Store, client: FakeClient, tmp_path: Path) -> CandidateConfirmation:
    """A confirmation that knows BACKEND_URL."""
    queue = TaskQueue(Settings(model_dir=tmp_path))
    return CandidateConfirmation(sqlite_store, queue, cast(LabelStudio, client), OURS)


def confirm_until_decided(confirmation: CandidateConfirmation, store: Store, project_id: int) -> bool:
    """Try until the candidate is taken on or dropped; returns whether it is taken on."""
    while store.candidate(project_id) is not None:
        confirmation.confirm_next()
        if store.candidate(project_id) is not None:
            store.postpone_candidate(project_id, 0.0)
    return store.project(project_id) is not None


def test_a_project_whose_entry_is_ours_is_taken_on_and_read(
    confirmation: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    client.entries = {7: {OURS: NO_MODEL}, 8: {OTHER: "their model", OURS: NO_MODEL}, 9: {OTHER: "their model"}}
    for project_id in (7, 8, 9):
        sqlite_store.add_candidate(project_id, OURS)
    assert {confirmation.confirm_next() for _ in range(3)} == {SECONDS_PER_REQUEST}
    assert [(project.id, project.backend_url) for project in sqlite_store.projects()] == [(7, OURS), (8, OURS)]
    assert sqlite_store.take_requests(7) == ["setup"]
    assert sqlite_store.candidate(7) is None
    assert sqlite_store.pending_projects() == [8], "of 9 no entry is known to be ours"
    assert client.probed == []


@pytest.mark.parametrize("named", [OURS, OTHER, None])
def test_a_project_whose_only_backend_is_another_program_is_not_taken_on_whatever_address_a_stranger_writes(
    confirmation: CandidateConfirmation,
    with_address: CandidateConfirmation,
    client: FakeClient,
    sqlite_store: Store,
    named: str | None,
):
    client.entries, client.answers = {7: {OTHER: None}}, {OTHER: "their model"}
    for either in (confirmation, with_address):
        sqlite_store.add_candidate(7, named)
        assert not confirm_until_decided(either, sqlite_store, 7)
    assert client.probed == [7, 7], "Label Studio calls their backend once for each candidate"


def test_a_backend_that_label_studio_reaches_under_another_name_is_ours_by_its_answer(
    with_address: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    client.entries = {7: {"http://proxy.example/al": NO_MODEL}}
    sqlite_store.add_candidate(7, OURS)
    assert confirm_until_decided(with_address, sqlite_store, 7)
    assert client.asked == [7]


def test_the_configured_address_is_ours_whatever_version_is_stored(
    with_address: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    client.entries = {7: {f"{OURS}/": "head of 20 labels 0123abcd"}}
    sqlite_store.add_candidate(7)
    assert confirm_until_decided(with_address, sqlite_store, 7)
    assert client.probed == []


def test_a_project_that_is_known_only_by_an_event_is_ours_once_label_studio_has_called(
    confirmation: CandidateConfirmation, client: FakeClient, sqlite_store: Store
):
    client.entries, client.answers = {7: {OURS: "head of 20 labels 0123abcd"}}, {OURS: NO_MODEL}
    sqlite_store.add_candidate(7)
    assert confirm_until_decided(confirmation, sqlite_store, 7)
    assert client.probed == [7]


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
    client.entries = {7: {}}
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
    client.entries, client.problem = {7: {OURS: NO_MODEL}}, problem
    sqlite_store.add_candidate(7, OURS)
    for _ in range(len(PAUSES) + 3):
        assert confirmation.confirm_next() > SECONDS_PER_REQUEST
        sqlite_store.add_candidate(7)
    client.problem = None
    confirmation.confirm_next()
    assert [project.id for project in sqlite_store.projects()] == [7]


def test_every_line_of_the_log_names_its_project(
    confirmation: CandidateConfirmation,
    client: FakeClient,
    sqlite_store: Store,
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level("INFO", logger="ml_backend.worker.candidates")
    caplog.handler.addFilter(logs._add_context)
    client.entries = {7: {OURS: NO_MODEL}}
    for project_id in (7, 8):  # the second one is gone
        sqlite_store.add_candidate(project_id, OURS)
        confirmation.confirm_next()
    client.problem = LabelStudioUnavailable("no answer")
    sqlite_store.add_candidate(9, OURS)
    confirmation.confirm_next()
    caplog.handler.removeFilter(logs._add_context)
    assert [getattr(record, "fields", {}) for record in caplog.records] == [{"project": n} for n in (7, 8, 9)]
