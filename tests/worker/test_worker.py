"""When runs happen: one at a time per project, one more for what was asked meanwhile, again after a failure."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from ml_backend.labelstudio.client import LabelStudioUnavailable
from ml_backend.pipeline.context import Services
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker import worker as worker_module
from ml_backend.worker.queue import TaskQueue
from ml_backend.worker.worker import Worker


class Doorbell:
    """A queue that only notes the rings."""

    def __init__(self) -> None:
        self.rings: list[tuple[int, float]] = []

    def wake_worker(self, project_id: int, delay: float = 0.0) -> None:
        self.rings.append((project_id, delay))


@pytest.fixture
def doorbell() -> Doorbell:
    return Doorbell()


@pytest.fixture
def make_worker(sqlite_store: Store, doorbell: Doorbell, tmp_path: Path) -> Callable[[], Worker]:
    sqlite_store.ensure_project(7)

    def make() -> Worker:
        services = cast(Services, None)  # the runs of these tests need none
        return Worker(Settings(model_dir=tmp_path), sqlite_store, cast(TaskQueue, doorbell), services)

    return make


def runs(monkeypatch: pytest.MonkeyPatch, *bodies: Callable[[], bool]) -> list[list[str]]:
    """Have the next runs do this; answers the reasons of each run so far."""
    seen: list[list[str]] = []
    left = list(bodies)

    def run_project(_services: Any, _project_id: int, reasons: list[str]) -> bool:
        seen.append(reasons)
        return left.pop(0)() if left else False

    monkeypatch.setattr(worker_module, "run_project", run_project)
    return seen


def test_what_is_asked_while_another_worker_runs_leads_to_one_more_run_at_once(
    make_worker: Callable[[], Worker], sqlite_store: Store, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
):
    first, second = make_worker(), make_worker()

    def meanwhile() -> bool:
        sqlite_store.request_run(7, "labels")
        second.run(7)  # its ring finds the lease taken
        sqlite_store.request_run(7, "labels")
        return False

    seen = runs(monkeypatch, meanwhile)
    sqlite_store.request_run(7, "start")
    first.run(7)
    assert seen == [["start"]]
    assert doorbell.rings == [(7, 0.0)]
    second.run(7)
    assert seen == [["start"], ["labels"]]
    assert doorbell.rings == [(7, 0.0)], "nothing was asked for any more"


def test_a_failed_run_is_tried_again_later_and_keeps_its_reasons(
    make_worker: Callable[[], Worker], sqlite_store: Store, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
):
    def unavailable() -> bool:
        raise LabelStudioUnavailable("Label Studio does not answer")

    def broken() -> bool:
        raise ZeroDivisionError

    seen = runs(monkeypatch, unavailable, broken)
    worker = make_worker()
    sqlite_store.request_run(7, "labels")
    worker.run(7)
    project = sqlite_store.project(7)
    assert project is not None
    assert (project.state, project.error) == ("waiting", "Label Studio does not answer")
    worker.run(7)
    project = sqlite_store.project(7)
    assert project is not None
    assert project.state == "failed"
    worker.run(7)
    assert doorbell.rings == [(7, 2.0), (7, 4.0)], "each pause is longer"
    assert seen == [["labels"]] * 3
    assert sqlite_store.pending_projects() == []


def test_unfinished_work_goes_on_at_once(
    make_worker: Callable[[], Worker], sqlite_store: Store, doorbell: Doorbell, monkeypatch: pytest.MonkeyPatch
):
    seen = runs(monkeypatch, lambda: True)
    worker = make_worker()
    worker.run(7)
    assert doorbell.rings == [(7, 0.0)]
    worker.run(7)
    assert seen == [["unasked"], ["continued"]]


def test_a_worker_that_was_killed_is_dead_although_nobody_has_waited_for_it():
    sleeper = subprocess.Popen(["sleep", "60"])
    assert worker_module.is_running(sleeper.pid)
    sleeper.kill()
    deadline = time.monotonic() + 5
    while worker_module.is_running(sleeper.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert Path(f"/proc/{sleeper.pid}").exists()
    sleeper.wait()
    assert not worker_module.is_running(sleeper.pid)
