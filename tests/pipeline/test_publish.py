"""Which batches' predictions are in Label Studio, and for how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, ProjectInfo
from ml_backend.pipeline import publish as publishing
from ml_backend.pipeline.publish import (
    LONGEST_KEPT_SECONDS,
    SUPERSEDED_KEPT_SECONDS,
    finish_interrupted_batches,
    publish,
    remove_superseded,
)
from ml_backend.store import Store
from ml_backend.store.leases import LeaseLost
from ml_backend.store.states import RunReason

INFO = ProjectInfo(7, "", "", "Active learning", "Uncertainty sampling", 9, 0, 0)


class Versions:
    """A Label Studio that knows only which versions have predictions."""

    def __init__(self) -> None:
        self.versions: list[str] = []
        self.sampling = INFO.sampling
        self.sampling_at_publication: list[str] = []

    def set_sampling(self, _project_id: int) -> None:
        self.sampling = INFO.sampling

    def publish_batch(self, _project_id: int, version: str, _items: Any, before_switch: Callable[[], None]) -> None:
        self.versions.append(version)
        before_switch()
        self.sampling_at_publication.append(self.sampling)

    def remove_version(self, _project_id: int, version: str) -> None:
        self.versions.remove(version)


def plan(store: Store) -> Any:
    return store.plan_batch(7, method="badge", why="", head_version=None, task_ids=[1, 2], size=2)


def test_predictions_of_superseded_batches_stay_for_a_day_so_that_open_tasks_can_be_submitted(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    sqlite_store.ensure_project(7)
    label_studio, info = Versions(), INFO
    client = cast(LabelStudio, label_studio)
    batches = []
    for _ in range(3):
        batches.append(plan(sqlite_store))
        publish(sqlite_store, client, info, batches[-1], {})
        info = replace(info, model_version=batches[-1].version)
        remove_superseded(sqlite_store, client, 7, people_label=False)
    assert label_studio.versions == [batch.version for batch in batches]
    serving = finish_interrupted_batches(sqlite_store, client, info)
    assert serving is not None
    assert serving.version == batches[-1].version
    assert label_studio.versions == [batch.version for batch in batches]
    later = time.time() + SUPERSEDED_KEPT_SECONDS + 1
    monkeypatch.setattr(publishing.time, "time", lambda: later)
    remove_superseded(sqlite_store, client, 7, people_label=False)
    assert label_studio.versions == [batches[-1].version], "the served batch stays however old it is"


@pytest.fixture
def superseded(sqlite_store: Store) -> Versions:
    """Five batches were published one after the other."""
    sqlite_store.ensure_project(7)
    label_studio = Versions()
    for _ in range(5):
        publish(sqlite_store, cast(LabelStudio, label_studio), INFO, plan(sqlite_store), {})
    return label_studio


def remove(store: Store, label_studio: Versions, people_label: bool) -> int:
    """Number of versions that are left."""
    remove_superseded(store, cast(LabelStudio, label_studio), 7, people_label)
    return len(label_studio.versions)


def test_while_people_label_old_predictions_wait_for_days_and_then_go_one_by_one(
    sqlite_store: Store, superseded: Versions, monkeypatch: pytest.MonkeyPatch
):
    now = time.time()
    monkeypatch.setattr(publishing.time, "time", lambda: now + SUPERSEDED_KEPT_SECONDS + 1)
    assert remove(sqlite_store, superseded, people_label=True) == 5
    monkeypatch.setattr(publishing.time, "time", lambda: now + LONGEST_KEPT_SECONDS + 1)
    assert [remove(sqlite_store, superseded, people_label=True) for _ in range(2)] == [4, 3]


def test_a_label_that_arrives_waits_for_the_removal_of_one_batch_only(
    sqlite_store: Store, superseded: Versions, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(publishing, "SUPERSEDED_KEPT_SECONDS", -1.0)
    sqlite_store.request_run(7, RunReason.LABELS)
    assert remove(sqlite_store, superseded, people_label=False) == 4
    sqlite_store.take_requests(7)
    assert remove(sqlite_store, superseded, people_label=False) == 1


def test_removing_many_batches_leaves_other_projects_their_turn(
    sqlite_store: Store, superseded: Versions, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(publishing, "SUPERSEDED_KEPT_SECONDS", -1.0)
    monkeypatch.setattr(publishing, "REMOVAL_SECONDS", -1.0)
    assert remove(sqlite_store, superseded, people_label=False) == 4


def test_the_first_batch_is_served_in_its_order_from_the_first_moment(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    label_studio = Versions()
    label_studio.sampling = "Sequential sampling"
    info = replace(INFO, sampling=label_studio.sampling)
    publish(sqlite_store, cast(LabelStudio, label_studio), info, plan(sqlite_store), {})
    assert label_studio.sampling_at_publication == [INFO.sampling]


def test_predictions_of_a_batch_that_a_crash_kept_from_being_served_are_removed_at_once(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    label_studio = Versions()
    client = cast(LabelStudio, label_studio)
    served, lost = plan(sqlite_store), plan(sqlite_store)
    label_studio.versions = [served.version, lost.version]
    serving = finish_interrupted_batches(sqlite_store, client, replace(INFO, model_version=served.version))
    assert serving is not None
    assert serving.number == served.number
    assert label_studio.versions == [served.version]


def test_predictions_that_could_not_be_removed_are_removed_by_the_next_run(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    sqlite_store.ensure_project(7)
    label_studio = Versions()
    client = cast(LabelStudio, label_studio)
    label_studio.versions = [plan(sqlite_store).version]

    def unavailable(*_: Any) -> None:
        raise LabelStudioUnavailable("gone for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(label_studio, "remove_version", unavailable)
        with pytest.raises(LabelStudioUnavailable):
            finish_interrupted_batches(sqlite_store, client, INFO)
    finish_interrupted_batches(sqlite_store, client, INFO)
    assert label_studio.versions == []


class TakenOver(Versions):
    """A Label Studio that answers so late that another worker has taken over and removed what it found."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store
        self.served: list[str] = []

    def publish_batch(self, _project_id: int, version: str, _items: Any, before_switch: Callable[[], None]) -> None:
        take_over(self._store)
        self.versions.append(version)
        before_switch()
        self.served.append(version)


def take_over(store: Store) -> None:
    store.delete_leases(store.lease_owners())
    assert store.acquire_lease(7, "next", 60)


def test_a_run_that_was_frozen_while_it_published_does_not_switch_and_leaves_no_predictions(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    sqlite_store.acquire_lease(7, "frozen", 60)
    label_studio, batch = TakenOver(sqlite_store), plan(sqlite_store)
    with pytest.raises(LeaseLost):
        publish(sqlite_store.under_lease(7, "frozen"), cast(LabelStudio, label_studio), INFO, batch, {})
    assert (label_studio.served, label_studio.versions) == ([], [])
    assert [b.state for b in sqlite_store.batches(7)] == ["planned"]


def test_a_run_that_was_frozen_does_not_remove_what_the_next_one_publishes(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    sqlite_store.acquire_lease(7, "frozen", 60)
    label_studio, batch = Versions(), plan(sqlite_store)
    label_studio.versions.append(batch.version)
    take_over(sqlite_store)
    with pytest.raises(LeaseLost):
        finish_interrupted_batches(sqlite_store.under_lease(7, "frozen"), cast(LabelStudio, label_studio), INFO)
    assert label_studio.versions == [batch.version]
