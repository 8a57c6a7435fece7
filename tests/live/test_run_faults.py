"""`run_project` interrupted at any step: the next run finishes the work, and nothing is lost."""

from __future__ import annotations

import itertools
from functools import partialmethod
from typing import Any

import pytest
from fake_label_studio.faults import Moment
from live_loop import CLASSES
from project_runs import MINUTE, MakeProject, Project

from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, RequestRefused
from ml_backend.pipeline import sync as syncing
from ml_backend.store import Store
from ml_backend.store.records import FirstRead


def _situation(project: Project, kind: str) -> str:
    """Make a project one run away from its next batch; the reason of that run."""
    if kind == "first run":
        return "setup"
    project.run("setup")
    if kind == "labels":
        project.label(3)
        return "labels"
    if kind == "no events":
        project.label(3, reported=False)
        project.client.request("DELETE", f"api/tasks/{project.batch.task_ids[-1]}/")
        return MINUTE
    project.change(model_version="")
    return MINUTE


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("kind", ["first run", "labels", "no events", "foreign version"])
def test_label_studio_gone_in_the_middle_of_any_step_costs_nothing(
    make_project: MakeProject, kind: str, moment: Moment
):
    """Break a run at each of its requests in turn, before and after it took effect; the next run makes it whole."""
    project = make_project(random_share=0.5)
    reason = _situation(project, kind)
    restore = project.save()
    project.run(reason)
    expected = _outcome(project)
    project.assert_whole()
    for nth in itertools.count():
        restore()
        project.studio.faults.break_at(moment=moment, skip=nth)
        try:
            project.run(reason)
            break  # it has no more requests than those that were let through
        except LabelStudioUnavailable:
            project.studio.faults.mend()
        project.run(reason)
        assert _outcome(project) == expected, f"broken at request {nth + 1}"
        project.assert_whole()
        assert project.record.state == "ready"
    assert nth > 3, "a run asks Label Studio several times"


def _outcome(project: Project) -> dict[str, Any]:
    """What has to be the same however a run was interrupted."""
    batch, status = project.batch, project.status
    return {
        "tasks in Label Studio": project.client.task_ids(project.id),
        "batch": batch.task_ids,
        "method": batch.method,
        "cycle": project.record.cycle,
        **{name: status[name] for name in ("labels", "labeled", "skipped", "open", "tasks", "embedded")},
        "head": (status["model"] or {}).get("n_labels"),
        "fitted labels": project.store.fitted_labels(project.id),
    }


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("state", ["planned", "predictions written", "version switched", "published"])
def test_a_crash_between_planned_and_published_is_settled_by_the_next_run(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, state: str
):
    project = make_project(random_share=0.5)
    project.run("setup")
    project.label(3)

    def crash(*_args: Any, **_more: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if state == "planned":
            patch.setattr(LabelStudio, "publish_batch", crash)
        elif state == "predictions written":
            patch.setattr(LabelStudio, "_change_project", crash)
        elif state == "version switched":
            patch.setattr(Store, "mark_batch", crash)
        else:
            patch.setattr(Store, "put_fitted_labels", crash)
        with pytest.raises(Killed):
            project.run()
    served = project.studio.tables.projects[project.id].model_version
    batches = project.store.batches(project.id)
    number = {b.version: b.number for b in batches}[served]
    assert number == (1 if state in {"planned", "predictions written"} else 2)
    unserved = [b for b in batches if b.version != served and b.number == 2]
    assert {b.state for b in unserved} <= {"planned"}
    assert len(project.history) == 1, "only a run that came to its end is in the history"
    project.run("start")
    assert not {b.version for b in unserved} & project.versions(), "what was never served is taken away at once"
    for lost in unserved:
        assert project.batch.task_ids == lost.task_ids, "the same cycle draws the same"
        assert project.batch_states == ["superseded", "removed", "published"]
    assert project.status["labeled"] == 3
    assert project.batch.method == "uherding"
    assert project.record.cycle == 1
    project.assert_whole()
    assert project.label(2) == project.batch.task_ids[:2]


def test_tasks_come_in_pages_and_a_run_that_was_interrupted_goes_on_with_the_next(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(LabelStudio, "task_pages", partialmethod(LabelStudio.task_pages, page_size=4))
    monkeypatch.setattr(syncing, "FIRST_READ_SECONDS", -1.0)
    project = make_project(11)
    newest = project.client.newest_update(project.id)
    assert project.run("setup") is True
    assert (project.status["tasks"], project.record.first_read) == (4, FirstRead(2, newest, 11))
    labelled = project.label(2)
    unreported = next(task for task in project.batch.task_ids if task not in labelled)
    project.person.annotate(unreported, CLASSES[0])  # on the page that was read
    assert project.run("continued") is True
    assert (project.status["tasks"], project.record.first_read) == (8, FirstRead(3, newest, 11))
    assert project.status["labeled"] == 2, "a label that was reported does not wait for the last page"
    assert project.run("continued") is False
    assert project.status["tasks"] == 11
    assert project.status["embedded"] == 11
    project.assert_whole()
    record = project.record
    assert (record.first_read, record.watermark) == (None, newest), "changes since its start are still to be read"
    assert project.status["labeled"] == 2
    project.run(MINUTE)
    assert project.status["labeled"] == 3
    assert project.record.watermark == project.client.newest_update(project.id) != newest


def test_a_batch_that_label_studio_did_not_keep_whole_is_not_served(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project()
    # The batch is imported by one request, however slow the first import was on a busy machine.
    monkeypatch.setattr(project.client._writer, "_single_seconds", 60.0)
    project.run("setup")
    first = project.batch
    project.label(3)
    project.studio.faults.dropped_predictions = 1
    with pytest.raises(RequestRefused, match="stored only 7 of 8 predictions"):
        project.run()
    assert project.studio.tables.projects[project.id].model_version == first.version
    project.studio.faults.mend()
    project.run()
    assert project.batch.number > first.number
    project.assert_whole()
