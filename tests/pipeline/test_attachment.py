"""What a run does with the entries of ML backends that Label Studio has for a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ml_backend.labelstudio.client import LabelStudioUnavailable, ProjectInfo, RequestRefused
from ml_backend.labelstudio.connection import SECRET_HEADER
from ml_backend.pipeline import attachment
from ml_backend.pipeline.context import Services
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import RunReason

OURS, OTHER = "https://ours.example", "http://other.example"
MINUTE = [RunReason.EVERY_MINUTE]


@dataclass
class FakeLabelStudio:
    """Answers with entries and webhooks, or with a problem; remembers what was written and how often it was asked."""

    entries: list[dict[str, Any]] = field(default_factory=lambda: [entry(OURS)])
    hooks: list[dict[str, Any]] = field(default_factory=list)
    problem: Exception | None = None
    asked: int = 0

    def request(self, method: str, path: str, params: Any = None, body: Any = None) -> Any:
        if path.startswith("api/webhooks"):
            if method == "POST":
                self.hooks.append({"id": len(self.hooks), **body})
            return self.hooks
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        return {"static": [], "live": self.entries}


def entry(url: str, **more: Any) -> dict[str, Any]:
    return {"id": 1, "url": url, "title": "t", "readable_state": "Connected", "extra_params": None, **more}


Look = Callable[..., ProjectRecord | None]


@pytest.fixture
def label_studio() -> FakeLabelStudio:
    return FakeLabelStudio()


@pytest.fixture
def look(label_studio: FakeLabelStudio, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Look:
    """A run's look at project 7, which /setup made known."""
    monkeypatch.setattr(attachment, "ENTRY_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(attachment, "POLL_SECONDS", 0.01)
    sqlite_store.ensure_project(7, backend_url="http://proxy.example")
    services = Services(sqlite_store, cast(Any, label_studio), cast(Any, None), cast(Any, None), "minilm", "secret")

    def attached(*reasons: str, sampling: str = "Uncertainty sampling") -> ProjectRecord | None:
        project = sqlite_store.project(7)
        assert project is not None
        info = ProjectInfo(7, "t", "", "", sampling, 0, 0, 0)
        return attachment.update_attachment(services, project, info, [RunReason(reason) for reason in reasons])

    return attached


def state(store: Store) -> str:
    project = store.project(7)
    assert project is not None
    return project.state


def test_the_only_entry_is_ours_whatever_address_a_request_named(look: Look, label_studio: FakeLabelStudio):
    assert look("setup") is not None
    (hook,) = label_studio.hooks
    assert (hook["url"], hook["headers"]) == (f"{OURS}/webhook", {SECRET_HEADER: "secret"})


def test_without_an_entry_all_rests_until_there_is_one(look: Look, label_studio: FakeLabelStudio, sqlite_store: Store):
    look("setup")
    label_studio.entries = []
    assert look(RunReason.EVERY_MINUTE) is None
    assert state(sqlite_store) == "disconnected"
    sqlite_store.add_event(7, "ANNOTATION_CREATED", {})
    asked = label_studio.asked
    assert look("labels") is None
    assert label_studio.asked == asked, "events of a webhook that was left behind ask for nothing"
    assert sqlite_store.events(7) == []
    label_studio.entries = [entry(OURS)]
    label_studio.hooks.clear()
    assert look(RunReason.EVERY_MINUTE) is not None
    assert state(sqlite_store) == "new"
    assert len(label_studio.hooks) == 1


def test_an_entry_may_come_a_moment_after_the_setup(look: Look, label_studio: FakeLabelStudio, sqlite_store: Store):
    label_studio.entries = []
    request = label_studio.request

    def later(*args: Any, **more: Any) -> Any:
        if label_studio.asked == 2:
            label_studio.entries = [entry(OURS)]
        return request(*args, **more)

    label_studio.request = later  # type: ignore[method-assign]
    assert look("setup") is not None
    assert state(sqlite_store) == "new"


@pytest.mark.parametrize("known", [True, False], ids=["connected before", "never connected"])
def test_an_error_is_not_taken_for_a_missing_entry(
    look: Look, label_studio: FakeLabelStudio, sqlite_store: Store, known: bool
):
    if known:
        look("setup")
    label_studio.problem = RequestRefused("no permission")
    assert look(RunReason.EVERY_MINUTE) is not None
    label_studio.problem = LabelStudioUnavailable("does not answer")
    with pytest.raises(LabelStudioUnavailable):
        look(RunReason.EVERY_MINUTE)
    assert state(sqlite_store) == "new"


def test_labels_ask_for_a_look_only_where_a_person_changed_what_the_run_would_change_back(
    look: Look, label_studio: FakeLabelStudio
):
    look("setup")
    label_studio.entries = []
    assert look("labels") is not None
    assert look("labels", sampling="Sequential sampling") is None


def test_of_several_entries_ours_is_the_one_whose_address_is_known(
    look: Look, label_studio: FakeLabelStudio, sqlite_store: Store, caplog: pytest.LogCaptureFixture
):
    label_studio.entries = [entry(OTHER, extra_params={"batch_size": 3}), entry(OURS, extra_params={"batch_size": 4})]
    project = look("setup")
    assert project is not None, "it is connected, although not to whom"
    assert (label_studio.hooks, project.settings) == ([], {})
    assert "BACKEND_URL" in caplog.text
    sqlite_store.update_project(7, backend_url=OURS)
    project = look("setup")
    assert project is not None
    assert [hook["url"] for hook in label_studio.hooks] == [f"{OURS}/webhook"]
    assert project.settings == {"batch_size": 4}


def test_extra_params_count_when_a_person_changes_them_and_what_leaves_the_form_is_default(
    look: Look, label_studio: FakeLabelStudio, sqlite_store: Store
):
    label_studio.entries = [entry(OURS, extra_params={"strategy": "margin", "batch_size": 7})]
    project = look("setup")
    assert project is not None
    assert project.settings == {"strategy": "margin", "batch_size": 7}
    sqlite_store.update_project(7, settings={"strategy": "badge"})
    project = look(RunReason.EVERY_MINUTE)
    assert project is not None
    assert project.settings == {"strategy": "badge"}, "the form said nothing new"
    label_studio.entries = [entry(OURS, extra_params='{"batch_size": 9}')]
    project = look(RunReason.EVERY_MINUTE)
    assert project is not None
    assert project.settings == {"batch_size": 9}
    label_studio.entries = [entry(OURS, extra_params={"batch_size": "many"})]
    project = look(RunReason.EVERY_MINUTE)
    assert project is not None
    assert project.settings == {"batch_size": 9}


def test_a_webhook_that_somebody_removed_stays_away_until_the_address_changes(
    look: Look, label_studio: FakeLabelStudio
):
    look("setup")
    label_studio.hooks.clear()
    look(RunReason.EVERY_MINUTE)
    assert label_studio.hooks == []
    label_studio.entries = [entry(OTHER)]
    look(RunReason.EVERY_MINUTE)
    assert [hook["url"] for hook in label_studio.hooks] == [f"{OTHER}/webhook"]
