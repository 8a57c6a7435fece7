"""What a run does about the ML backend entries that Label Studio lists for a project."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ml_backend.labelstudio.client import LabelStudioUnavailable, ProjectGone, ProjectInfo, RequestRefused
from ml_backend.labelstudio.connection import SECRET_HEADER
from ml_backend.pipeline import attachment
from ml_backend.pipeline.context import Services
from ml_backend.store import Store
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import BatchState, RunReason

OURS, OTHER = "https://ours.example", "http://other.example"
CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t"><Choice value="bug"/><Choice value="praise"/>'
    "</Choices></View>"
)
MINUTE = [RunReason.EVERY_MINUTE]


@dataclass
class FakeLabelStudio:
    """Returns entries and webhooks, or raises `problem`; records new webhooks and counts the requests for entries."""

    entries: list[dict[str, Any]] = field(default_factory=lambda: [entry(OURS)])
    hooks: list[dict[str, Any]] = field(default_factory=list)
    problem: Exception | None = None
    requests_for_entries: int = 0

    def request(self, method: str, path: str, params: Any = None, body: Any = None) -> Any:
        if path.startswith("api/webhooks"):
            if method == "POST":
                self.hooks.append({"id": len(self.hooks), **body})
            return self.hooks
        self.requests_for_entries += 1
        if self.problem is not None:
            raise self.problem
        return {"static": [], "live": self.entries}

    def request_objects(self, method: str, path: str, params: Any = None) -> list[dict[str, Any]]:
        answer = self.request(method, path, params)
        return list(answer if isinstance(answer, list) else answer["live"])


def entry(url: str, **changes: Any) -> dict[str, Any]:
    return {"id": 1, "url": url, "title": "t", "readable_state": "Connected", "extra_params": None, **changes}


Update = Callable[..., ProjectRecord | None]


@pytest.fixture
def label_studio() -> FakeLabelStudio:
    return FakeLabelStudio()


@pytest.fixture
def update(label_studio: FakeLabelStudio, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> Update:
    """Updates the attachment of project 7, which a /setup has created, as a run with these reasons does."""
    monkeypatch.setattr(attachment, "ENTRY_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(attachment, "POLL_SECONDS", 0.01)
    sqlite_store.ensure_project(7, backend_url="http://proxy.example")
    services = Services(sqlite_store, cast(Any, label_studio), cast(Any, None), cast(Any, None), "minilm", "secret")

    def update_attachment_of_7(
        *reasons: str, sampling: str = "Uncertainty sampling", label_config: str = ""
    ) -> ProjectRecord | None:
        project = sqlite_store.project(7)
        assert project is not None
        info = ProjectInfo(7, "t", label_config, "", sampling, 0, 0, 0)
        return attachment.update_attachment(services, project, info, [RunReason(reason) for reason in reasons])

    return update_attachment_of_7


def state(store: Store) -> str:
    project = store.project(7)
    assert project is not None
    return project.state


def test_a_single_entry_is_ours_whatever_address_setup_was_sent_to(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    assert sqlite_store.accepts_common_webhook_secret(7)
    assert update("setup") is not None
    (hook,) = label_studio.hooks
    assert (hook["url"], hook["headers"]) == (
        f"{OURS}/webhook",
        {SECRET_HEADER: sqlite_store.project_webhook_secret(7, "secret")},
    )
    assert not sqlite_store.accepts_common_webhook_secret(7)


def test_a_project_without_an_entry_is_disconnected_until_there_is_one(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    update("setup")
    label_studio.entries = []
    assert update(RunReason.EVERY_MINUTE) is None
    assert state(sqlite_store) == "disconnected"
    sqlite_store.add_event(7, "ANNOTATION_CREATED", {})
    requests_for_entries = label_studio.requests_for_entries
    assert update("labels") is None
    assert label_studio.requests_for_entries == requests_for_entries, (
        "events of a leftover webhook must cause no request"
    )
    assert sqlite_store.events(7) == []
    label_studio.entries = [entry(OURS)]
    label_studio.hooks.clear()
    assert update(RunReason.EVERY_MINUTE) is not None
    assert state(sqlite_store) == "new"
    assert len(label_studio.hooks) == 1


def test_a_run_after_setup_waits_a_moment_for_the_entry(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    label_studio.entries = []
    request = label_studio.request

    def later(*args: Any, **options: Any) -> Any:
        if label_studio.requests_for_entries == 2:
            label_studio.entries = [entry(OURS)]
        return request(*args, **options)

    label_studio.request = later  # type: ignore[method-assign]
    assert update("setup") is not None
    assert state(sqlite_store) == "new"


@pytest.mark.parametrize("connected_before", [True, False], ids=["connected before", "never connected"])
def test_an_error_is_not_taken_for_a_missing_entry(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store, connected_before: bool
):
    if connected_before:
        update("setup")
    for refusal in (RequestRefused("no permission"), ProjectGone("not shown to this key")):
        label_studio.problem = refusal
        assert update(RunReason.EVERY_MINUTE) is not None
    label_studio.problem = LabelStudioUnavailable("does not answer")
    with pytest.raises(LabelStudioUnavailable):
        update(RunReason.EVERY_MINUTE)
    assert state(sqlite_store) == "new"


def test_labels_cause_a_check_of_the_entries_only_if_the_sampling_was_changed(
    update: Update, label_studio: FakeLabelStudio
):
    update("setup")
    label_studio.entries = []
    assert update("labels") is not None
    assert update("labels", sampling="Sequential sampling") is None


def test_labels_cause_a_check_of_the_entries_if_the_model_version_was_changed(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    update("setup")
    batch = sqlite_store.plan_batch(7, "badge", "why", None, [1], size=1)
    sqlite_store.mark_batch(7, batch.number, BatchState.PUBLISHED)
    label_studio.entries = []
    assert update("labels") is None


def test_extra_params_that_describe_an_unknown_class_are_refused_until_the_label_config_has_it(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    sqlite_store.update_project(7, label_config=CONFIG)
    label_studio.entries = [entry(OURS, extra_params={"class_descriptions": {"bug": "A fault.", "idea": "A wish."}})]
    project = update(RunReason.EVERY_MINUTE, label_config=CONFIG)
    assert project is not None
    assert project.settings == {}
    assert "no class 'idea'; it has 'bug', 'praise'" in str(stored_problem(sqlite_store))
    project = update(RunReason.EVERY_MINUTE, label_config=CONFIG.replace("praise", "idea"))
    assert project is not None
    assert project.settings == {"class_descriptions": {"bug": "A fault.", "idea": "A wish."}}
    assert stored_problem(sqlite_store) is None


def test_settings_changed_on_the_page_while_the_entries_are_listed_are_kept(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    label_studio.entries = [entry(OURS, extra_params={"batch_size": 7})]
    request = label_studio.request

    def meanwhile(*args: Any, **more: Any) -> Any:
        sqlite_store.update_project(7, settings={"strategy": "margin"})
        return request(*args, **more)

    label_studio.request = meanwhile  # type: ignore[method-assign]
    project = update("setup")
    assert project is not None
    assert project.settings == {"strategy": "margin", "batch_size": 7}


def test_of_several_entries_ours_is_the_one_with_the_configured_address(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store, caplog: pytest.LogCaptureFixture
):
    label_studio.entries = [entry(OTHER, extra_params={"batch_size": 3}), entry(OURS, extra_params={"batch_size": 4})]
    project = update("setup")
    assert project is not None, "it is connected, although it is unknown which entry is ours"
    assert (label_studio.hooks, project.settings) == ([], {})
    assert "BACKEND_URL" in caplog.text
    sqlite_store.update_project(7, backend_url=OURS)
    project = update("setup")
    assert project is not None
    assert [hook["url"] for hook in label_studio.hooks] == [f"{OURS}/webhook"]
    assert project.settings == {"batch_size": 4}


def test_changed_extra_params_become_the_settings_and_removed_ones_return_to_defaults(
    update: Update, label_studio: FakeLabelStudio, sqlite_store: Store
):
    label_studio.entries = [entry(OURS, extra_params={"strategy": "margin", "batch_size": 7})]
    project = update("setup")
    assert project is not None
    assert project.settings == {"strategy": "margin", "batch_size": 7}
    (change,) = sqlite_store.setting_changes(7)
    assert (change.who, change.changes) == (
        "extra params in Label Studio",
        {"strategy": ["uherding", "margin"], "batch_size": [20, 7]},
    )
    sqlite_store.update_project(7, settings={"strategy": "badge"})
    project = update(RunReason.EVERY_MINUTE)
    assert project is not None
    assert project.settings == {"strategy": "badge"}, "the form has not changed"
    label_studio.entries = [entry(OURS, extra_params='{"batch_size": 9}')]
    project = update(RunReason.EVERY_MINUTE)
    assert project is not None
    assert project.settings == {"batch_size": 9}
    label_studio.entries = [entry(OURS, extra_params={"batch_size": "many"})]
    project = update(RunReason.EVERY_MINUTE)
    assert project is not None
    assert project.settings == {"batch_size": 9}
    assert "batch_size" in str(stored_problem(sqlite_store)), "the page must say that they were refused"
    label_studio.entries = [entry(OURS, extra_params='"{\\"batch_size\\": 11}"')]
    project = update(RunReason.EVERY_MINUTE)
    assert project is not None
    assert (project.settings, stored_problem(sqlite_store)) == ({"batch_size": 11}, None)


def stored_problem(store: Store) -> str | None:
    project = store.project(7)
    assert project is not None
    return project.settings_problem


def test_a_removed_webhook_is_made_again_only_when_the_address_changes(update: Update, label_studio: FakeLabelStudio):
    update("setup")
    label_studio.hooks.clear()
    update(RunReason.EVERY_MINUTE)
    assert label_studio.hooks == []
    label_studio.entries = [entry(OTHER)]
    update(RunReason.EVERY_MINUTE)
    assert [hook["url"] for hook in label_studio.hooks] == [f"{OTHER}/webhook"]
