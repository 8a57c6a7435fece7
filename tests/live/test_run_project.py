"""`run_project` by itself: what one run makes of a project, and of whatever the run before it left behind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partialmethod
from typing import Any

import numpy as np
import pytest
from fake_label_studio.faults import Moment
from live_loop import CLASSES, Person, choice, gold_texts, new_project
from local_backend import services
from studios import Fake

from ml_backend.commands.demo.messages import label_config
from ml_backend.labelstudio.client import LabelStudio, LabelStudioUnavailable, RequestRefused
from ml_backend.labelstudio.connection import webhooks
from ml_backend.learning.cycle import Cycle
from ml_backend.pipeline import publish as publishing
from ml_backend.pipeline import sync as syncing
from ml_backend.pipeline.run import run_project
from ml_backend.store import Store
from ml_backend.store.records import BatchRecord, ProjectRecord
from ml_backend.web.status import project_status

ADDRESS = "http://127.0.0.1:9"
"""Nobody listens there: a run reads what Label Studio has kept of the backend and never needs the backend itself."""
MINUTE = "every minute"


class Project:
    """A project with its backend in the fake, a store that knows of it from /setup, and runs of it by hand."""

    def __init__(self, studio: Fake, client: LabelStudio, store: Store, n: int, **settings: Any) -> None:
        self.studio, self.client, self.store = studio.server, client, store
        self.id = new_project(client, gold_texts(n))
        self.studio.add_backend(self.id, ADDRESS)
        store.ensure_project(self.id, label_config=label_config(CLASSES), backend_url=ADDRESS, settings=settings)
        self.services = services(store, client)
        self.person = Person(client, self.id)

    def run(self, *reasons: str) -> bool:
        """One run; for the labels that came, when nothing else is said."""
        return run_project(self.services, self.id, list(reasons or ("labels",)))

    def tell(self, action: str, *tasks: int) -> None:
        """What the webhook would have kept."""
        body = {"action": action, "tasks": [{"id": task} for task in tasks]}
        self.store.add_event(self.id, action, body)

    def label(self, n: int, tell: bool = True) -> list[int]:
        """Label what is served next."""
        tasks = [self.person.label_next() for _ in range(n)]
        if tell:
            self.tell("TASKS_CREATED", *tasks)
        return tasks

    @property
    def record(self) -> ProjectRecord:
        project = self.store.project(self.id)
        assert project is not None
        return project

    @property
    def batch(self) -> BatchRecord:
        batch = self.store.current_batch(self.id)
        assert batch is not None
        return batch

    @property
    def status(self) -> dict[str, Any]:
        return project_status(self.store, self.id)

    def served(self) -> list[int]:
        """Tasks with a prediction of the project's model version, by score, as Label Studio has them."""
        tables = self.studio.tables
        version = tables.projects[self.id].model_version
        mine = [p for p in tables.predictions.values() if (p.project, p.model_version) == (self.id, version)]
        return [p.task for p in sorted(mine, key=lambda p: p.score or 0.0)]

    def versions(self) -> set[str]:
        """Model versions that predictions in Label Studio carry."""
        return {p.model_version for p in self.studio.tables.predictions.values() if p.project == self.id}

    def assert_whole(self) -> None:
        """The published batch is what is served, in its order, and nothing is left of what never was."""
        batch = self.batch
        assert self.studio.tables.projects[self.id].model_version == batch.version
        assert self.served() == batch.task_ids
        known = {b.version: b.state for b in self.store.batches(self.id, limit=100)}
        assert {known[version] for version in self.versions()} <= {"published", "superseded"}
        assert [b.state for b in self.store.open_batches(self.id)] == ["published"]
        assert self.store.events(self.id) == []


@pytest.fixture
def make(fake_label_studio: Fake, client: LabelStudio, sqlite_store: Store) -> Iterator[Any]:
    """Makes a project of n texts; settings by name."""

    def made(n: int = 20, **settings: Any) -> Project:
        chosen = {"batch_size": 6, "retrain_every": 3, **settings}
        return Project(fake_label_studio, client, sqlite_store, n, **chosen)

    yield made
    fake_label_studio.server.faults.mend()


def test_the_first_run_reads_embeds_and_publishes_the_initial_methods_choice(make: Any):
    project = make(20)
    assert project.run("setup") is False
    batch = project.batch
    assert (batch.number, batch.method, batch.size, batch.head_version) == (1, "typiclust", 6, None)
    assert len(batch.task_ids) == 8, "a reserve of two behind it, so that it lasts until the next"
    project.assert_whole()
    record = project.record
    assert (record.state, record.error, record.cycle) == ("ready", None, 0)
    assert project.client.project(project.id).sampling == "Uncertainty sampling"
    (hook,) = webhooks(project.client, project.id)
    assert hook.headers
    status = project.status
    assert (status["tasks"], status["embedded"], status["labeled"], status["queue_remaining"]) == (20, 20, 0, 8)


def test_a_run_without_news_changes_nothing(make: Any):
    project = make()
    project.run("setup")
    batch, before = project.batch, len(project.studio.studio.requests)
    for reason in (MINUTE, "labels", "start", "extra params"):
        project.run(reason)
    assert project.batch == batch
    changing = {method for method, _ in project.studio.studio.requests[before:]} - {"GET"}
    assert changing == set(), "nothing is written to Label Studio"


def test_labels_bring_a_head_and_the_next_batch_once_there_are_enough(make: Any):
    project = make(20, retrain_every=3)
    project.run("setup")
    first = project.batch
    labelled = project.label(2)
    project.run()
    assert project.batch == first, "two labels are not three"
    assert project.status["labeled"] == 2
    labelled += project.label(1)
    assert labelled == first.task_ids[:3]
    project.run()
    second = project.batch
    assert (second.number, second.method) == (2, "uherding")
    assert "3 labels are new or changed (retrain_every is 3)" in second.why
    assert not set(second.task_ids) & set(labelled)
    head = project.store.current_head(project.id)
    assert head is not None
    assert (head.n_labels, second.head_version) == (3, head.version)
    assert project.record.cycle == 1
    predicted = [p for p in project.studio.tables.predictions.values() if p.model_version == second.version]
    assert all(p.result[0]["value"]["choices"][0] in CLASSES for p in predicted), "the batch carries its predictions"
    project.assert_whole()


def test_the_batch_is_chosen_with_the_cycles_number_in_its_seed(make: Any):
    """Offline, cycle n draws with [seed, n]: a live batch has to be that of its own cycle."""
    project = make(40, strategy="random", initial="random", batch_size=6, retrain_every=6, seed=7)
    project.run("setup")
    ids = sorted(project.client.task_ids(project.id))
    labelled: list[int] = []
    for cycle in range(3):
        arrays = project.services.arrays.arrays(project.id, "word-hashes")
        labels = [-1] * len(ids)
        for task in labelled:
            labels[ids.index(task)] = CLASSES.index(project.studio.tables.tasks[task].data["gold"])
        plan = Cycle("random", "random", 6, seed=7)
        proposed = plan.propose(arrays.vectors, np.array(labels), len(CLASSES), cycle, reserve=5)
        assert project.batch.task_ids == [ids[row] for row in [*proposed.rows, *proposed.reserve_rows]]
        labelled += project.label(6)
        project.run()
    assert project.record.cycle == 3


def test_two_cycles_over_the_same_open_tasks_draw_differently(make: Any):
    """Labels that come and go leave the same rows open, and the number of the cycle alone decides."""
    project = make(30, strategy="random", initial="random", batch_size=10, retrain_every=1)
    project.run("setup")
    first = project.batch.task_ids
    (task,) = project.label(1)
    project.run()
    for annotation in list(project.studio.tables.annotations_of(task)):
        project.person.delete(annotation.id)
    project.tell("TASKS_CREATED", task)
    project.run()
    assert project.record.cycle == 2
    third = project.batch.task_ids
    assert project.status["labeled"] == 0
    assert third != first


def test_a_batch_that_runs_low_is_followed_before_it_ends(make: Any):
    project = make(30, batch_size=6, retrain_every=6)
    project.run("setup")
    first = project.batch
    assert len(first.task_ids) == 11
    for left, number in ((5, 1), (4, 2)):
        skips = 11 - left - len(project.person.served)
        for _ in range(skips):
            task = project.person.next_task()
            project.person.skip(task["id"])
            project.tell("TASKS_CREATED", task["id"])
        project.run()
        assert project.batch.number == number
    assert "only 4 tasks of the batch are left" in project.batch.why
    project.assert_whole()


def test_settings_that_changed_bring_the_next_batch_at_once_and_once(make: Any):
    project = make(20)
    project.run("setup")
    project.store.update_project(project.id, settings={"batch_size": 4, "strategy": "random", "retrain_every": 3})
    project.run("settings")
    batch = project.batch
    assert (batch.number, batch.size) == (2, 4)
    assert "the project's settings changed" in batch.why
    assert project.record.cycle == 0, "no label is new: the cycle is the same"
    project.run("settings")
    assert project.batch == batch


def test_a_setting_that_is_new_with_an_upgrade_brings_no_batch_while_it_has_its_default(make: Any):
    project = make(20)
    project.run("setup")
    batch, used = project.batch, project.record.settings_used
    project.store.update_project(project.id, settings_used={k: v for k, v in used.items() if k != "subpool"})
    project.run("start")
    assert project.batch == batch
    project.store.update_project(project.id, settings={"batch_size": 6, "retrain_every": 3, "subpool": 10})
    project.run("settings")
    assert "the project's settings changed" in project.batch.why


def test_a_changed_label_config_brings_new_classes_and_keeps_labels_that_still_count(make: Any):
    project = make(20, retrain_every=100)
    project.run("setup")
    tasks = project.batch.task_ids
    for task, label in zip(tasks, (CLASSES[0], CLASSES[1], CLASSES[2]), strict=False):
        project.person.annotate(task, label)
        project.tell("TASKS_CREATED", task)
    project.run()
    classes = [*CLASSES[1:], "Something new"]
    project.client.request("PATCH", f"api/projects/{project.id}/", body={"label_config": label_config(classes)})
    project.run("project")
    status = project.status
    assert (status["labeled"], status["unknown_choices"]) == (2, {CLASSES[0]: 1})
    assert list(status["labels"]) == classes
    assert "the label config changed" in project.batch.why
    head = project.store.current_head(project.id)
    assert head is not None
    assert head.classes == classes
    project.assert_whole()


def test_a_label_config_that_is_not_supported_rests_until_it_is_mended(make: Any):
    project = make()
    project.run("setup")
    batch = project.batch
    rating = '<View><Text name="message" value="$text"/><Rating name="stars" toName="message"/></View>'
    path = f"api/projects/{project.id}/"
    project.client.request("PATCH", path, body={"label_config": rating})
    assert project.run("project") is False
    record = project.record
    assert record.state == "unsupported"
    assert "<Rating>" in (record.error or "")
    assert project.batch == batch
    project.label(3)
    project.run()
    project.client.request("PATCH", path, body={"label_config": label_config(CLASSES)})
    project.run("project")
    assert (project.record.state, project.record.error, project.status["labeled"]) == ("ready", None, 3)
    project.assert_whole()


def test_a_deleted_project_is_forgotten(make: Any):
    project = make()
    project.run("setup")
    project.client.request("DELETE", f"api/projects/{project.id}/")
    assert project.run(MINUTE) is False
    assert project.store.project(project.id) is None
    assert project.store.task_count(project.id) == 0
    assert project.run(MINUTE) is False, "a run of an unknown project is none"


def test_a_project_that_another_key_cannot_see_is_kept(make: Any, fake_label_studio: Fake):
    project = make()
    project.run("setup")
    stranger = fake_label_studio.server.add_user("stranger@example.com", "e" * 40, organization=2)
    other = LabelStudio(fake_label_studio.url, stranger.key)
    assert run_project(services(project.store, other), project.id, [MINUTE]) is False
    other.close()
    fake_label_studio.server.remove_user(stranger)
    record = project.record
    assert record.state == "missing"
    assert "LABEL_STUDIO_API_KEY" in (record.error or "")
    assert project.store.task_count(project.id) == 20
    project.label(3, tell=False)
    project.run(MINUTE)
    assert (project.record.state, project.status["labeled"]) == ("ready", 3)
    project.assert_whole()


def test_a_removed_backend_stops_all_until_it_is_back(make: Any):
    project = make()
    project.run("setup")
    batch = project.batch
    (entry,) = project.studio.tables.backends_of(project.id)
    project.client.request("DELETE", f"api/ml/{entry.id}")
    project.client.request("PATCH", f"api/projects/{project.id}/", body={"sampling": "Sequential sampling"})
    labelled = [project.person.annotate(task, CLASSES[i]) for i, task in enumerate(batch.task_ids[:4])]
    assert len(labelled) == 4
    project.tell("TASKS_CREATED", *batch.task_ids[:4])
    before = len(project.studio.studio.requests)
    assert project.run() is False
    assert project.record.state == "disconnected"
    assert {method for method, _ in project.studio.studio.requests[before:]} == {"GET"}
    project.studio.add_backend(project.id, ADDRESS)
    project.run("setup")
    assert (project.record.state, project.status["labeled"], project.batch.number) == ("ready", 4, 2)
    project.assert_whole()


def test_a_model_version_that_somebody_else_set_is_followed_by_a_batch_published_anew(
    make: Any, caplog: pytest.LogCaptureFixture
):
    project = make()
    project.run("setup")
    first = project.batch
    theirs = {"task": first.task_ids[0], "result": [], "score": 0.5, "model_version": "theirs"}
    project.client.request("POST", f"api/projects/{project.id}/import/predictions", body=[theirs])
    path = f"api/projects/{project.id}/"
    project.client.request("PATCH", path, body={"model_version": "theirs", "sampling": "Uniform sampling"})
    project.run(MINUTE)
    assert project.batch.number == 2
    assert project.batch.task_ids == first.task_ids, "no label is new: the same cycle, the same choice"
    assert "'theirs'" in caplog.text
    assert project.client.project(project.id).sampling == "Uncertainty sampling"
    assert "theirs" in project.versions(), "what others predicted stays"
    assert project.served() == project.batch.task_ids


def _situation(project: Project, kind: str) -> str:
    """Make a project one run away from its next batch; the reason of that run."""
    if kind == "first run":
        return "setup"
    project.run("setup")
    if kind == "labels":
        project.label(3)
        return "labels"
    if kind == "no events":
        project.label(3, tell=False)
        project.client.request("DELETE", f"api/tasks/{project.batch.task_ids[-1]}/")
        return MINUTE
    project.client.request("PATCH", f"api/projects/{project.id}/", body={"model_version": ""})
    return MINUTE


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("kind", ["first run", "labels", "no events", "foreign version"])
def test_label_studio_gone_in_the_middle_of_any_step_costs_nothing(make: Any, kind: str, moment: Moment):
    """Break a run at each of its requests in turn, before and after it took effect; the next run makes it whole."""
    undisturbed = make()
    undisturbed.run(_situation(undisturbed, kind))
    expected = _outcome(undisturbed)
    undisturbed.assert_whole()
    for nth in itertools.count():
        project = make()
        reason = _situation(project, kind)
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
    """What has to be the same however a run was interrupted; tasks by their place in the project."""
    place = {task: i for i, task in enumerate(sorted(project.client.task_ids(project.id)))}
    batch, status = project.batch, project.status
    return {
        "batch": [place[task] for task in batch.task_ids],
        "method": batch.method,
        "cycle": project.record.cycle,
        **{name: status[name] for name in ("labels", "labeled", "skipped", "open", "tasks", "embedded")},
        "head": (status["model"] or {}).get("n_labels"),
        "snapshot": {place[task]: label for task, label in project.store.label_snapshot(project.id).items()},
    }


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("state", ["planned", "predictions written", "version switched", "published"])
def test_a_crash_between_planned_and_published_is_settled_by_the_next_run(
    make: Any, monkeypatch: pytest.MonkeyPatch, state: str
):
    project = make()
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
            patch.setattr(Store, "put_label_snapshot", crash)
        with pytest.raises(Killed):
            project.run()
    served = project.studio.tables.projects[project.id].model_version
    number = {b.version: b.number for b in project.store.batches(project.id)}[served]
    assert number == (1 if state in {"planned", "predictions written"} else 2)
    unserved = {b.version for b in project.store.batches(project.id) if b.version != served and b.number == 2}
    project.run("start")
    assert not unserved & project.versions(), "what was never served is taken away at once"
    assert project.status["labeled"] == 3
    assert project.batch.method == "uherding"
    assert project.record.cycle == 1
    project.assert_whole()
    assert project.label(2) == project.batch.task_ids[:2]


def test_changes_that_no_webhook_reported_are_found_by_the_minutes_comparison(make: Any):
    project = make(20, retrain_every=100)
    project.run("setup")
    tasks, person = project.batch.task_ids, project.person
    kept, changed, removed = (person.annotate(task, CLASSES[0]) for task in tasks[:3])
    project.run(MINUTE)
    assert project.status["labeled"] == 3
    person.update(changed, CLASSES[1])
    person.delete(removed)
    person.skip(tasks[3])
    project.client.request("DELETE", f"api/tasks/{tasks[4]}/")
    project.client.request("POST", f"api/projects/{project.id}/import", body=gold_texts(3, 200))
    assert kept
    project.run("labels")
    assert project.status["labeled"] == 3, "a run for labels that no event names reads none"
    project.run(MINUTE)
    status = project.status
    assert (status["labels"][CLASSES[0]], status["labels"][CLASSES[1]]) == (1, 1)
    assert (status["labeled"], status["skipped"], status["tasks"]) == (2, 1, 22)
    assert "there are new tasks" in project.batch.why


def test_only_deletions_that_no_webhook_reported_are_found_by_counting(make: Any):
    project = make(20, retrain_every=100)
    project.run("setup")
    first, second = project.batch.task_ids[:2]
    annotation = project.person.annotate(first, CLASSES[0])
    project.run(MINUTE)
    gone = project.studio.tables.annotations.pop(annotation)  # without a new time on the task
    project.studio.tables.count(project.studio.tables.tasks[first])
    project.run(MINUTE)
    assert project.status["labeled"] == 0
    project.studio.tables.annotations[annotation] = gone
    project.studio.tables.remove_task(second)
    project.run(MINUTE)
    assert project.status["tasks"] == 19


def test_a_counter_that_lies_costs_no_label(make: Any):
    """An import that overtakes an annotation leaves the task's counter at 0: no list of annotated tasks has it."""
    project = make(20, retrain_every=100)
    project.run("setup")
    project.studio.faults.stale_counters = True
    labelled = project.label(2)
    project.run()
    assert project.status["labeled"] == 2
    project.client.request("POST", f"api/projects/{project.id}/import", body=gold_texts(2, 300))
    assert project.studio.tables.tasks[labelled[0]].total_annotations == 0
    for _ in range(3):
        project.run(MINUTE)
        assert project.status["labeled"] == 2
    project.label(1, tell=False)
    for _ in range(3):
        project.run(MINUTE)
    assert project.status["labeled"] == 3


def test_tasks_come_in_pages_and_a_run_that_was_interrupted_goes_on_with_the_next(
    make: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(LabelStudio, "task_pages", partialmethod(LabelStudio.task_pages, page_size=4))
    monkeypatch.setattr(syncing, "FIRST_READ_SECONDS", -1.0)
    project = make(11)
    pages = [project.run("setup"), project.run("continued"), project.run("continued")]
    assert pages == [True, True, False]
    assert project.status["tasks"] == 11
    assert project.status["embedded"] == 11
    project.assert_whole()


def test_a_batch_that_label_studio_did_not_keep_whole_is_not_served(make: Any):
    project = make()
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


def test_superseded_batches_go_after_a_day_and_no_other(make: Any, monkeypatch: pytest.MonkeyPatch):
    project = make(30)
    project.run("setup")
    old = project.batch.version
    project.label(3)
    project.run()
    assert project.versions() == {old, project.batch.version}
    monkeypatch.setattr(publishing, "SUPERSEDED_KEPT_SECONDS", -1.0)
    project.run(MINUTE)
    assert project.versions() == {project.batch.version}
    project.assert_whole()


def test_training_that_was_asked_for_happens_without_enough_labels(make: Any):
    project = make(20, retrain_every=100)
    project.run("setup")
    project.label(2)
    project.run()
    assert project.batch.number == 1
    project.store.add_event(project.id, "START_TRAINING", {"action": "START_TRAINING"})
    project.run("training")
    assert "training was asked for" in project.batch.why
    head = project.store.current_head(project.id)
    assert head is not None
    assert head.n_labels == 2


ODD_RESULTS: list[Any] = [
    [],
    [{"value": None}],
    [{"from_name": "topic"}],
    [{**choice(CLASSES[0]), "from_name": "other"}],
    ["loose"],
    [{**choice(CLASSES[0]), "value": {"choices": None}}],
    [{**choice(CLASSES[0]), "value": ["loose"]}],
    [{**choice(CLASSES[0]), "value": "loose"}],
    [{**choice(CLASSES[0]), "value": 7}],
    [{**choice(CLASSES[0]), "value": {"choices": 7}}],
]


@pytest.mark.parametrize("result", ODD_RESULTS, ids=str)
def test_an_imported_result_of_any_shape_stops_nothing(make: Any, result: Any):
    project = make(8, retrain_every=100)
    labelled = {"data": gold_texts(1, 300)[0], "annotations": [{"result": result}]}
    project.client.request("POST", f"api/projects/{project.id}/import", body=[labelled])
    project.run("setup")
    status = project.status
    assert (status["labeled"], status["without_answer"], status["state"]) == (0, 1, "ready")
    project.assert_whole()
