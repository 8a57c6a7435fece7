"""When `run_project` publishes a batch, and which one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_loop import CLASSES, choice
from local_backend import WordHashes
from project_runs import ADDRESS, MINUTE, MakeProject

from ml_backend.labelstudio.connection import webhooks
from ml_backend.learning.cycle import Cycle
from ml_backend.pipeline import publish as publishing
from ml_backend.pipeline import run as running


def test_the_first_run_reads_embeds_and_publishes_the_initial_methods_choice(make_project: MakeProject):
    project = make_project(20)
    assert project.run("setup") is False
    batch = project.batch
    assert (batch.number, batch.method, batch.size) == (1, "typiclust", 6)
    head = project.store.current_head(project.id)
    assert head is not None
    assert (head.version, head.n_labels) == (batch.head_version, 0), "it knows the class names"
    assert len(batch.task_ids) == 8, "a reserve of two behind it, so that it lasts until the next"
    project.assert_whole()
    scores = [prediction.score for prediction in project.served_predictions()]
    assert scores == [rank / 8 for rank in range(8)], "the best has rank 0 and is served first"
    record = project.record
    assert (record.state, record.error, record.phase, record.cycle) == ("ready", None, "up to date", 0)
    assert (record.title, record.attached, record.entry_url) == ("messages", True, ADDRESS)
    assert record.watermark == project.client.newest_update(project.id)
    assert project.client.project(project.id).sampling == "Uncertainty sampling"
    (hook,) = webhooks(project.client, project.id)
    assert hook.headers
    status = project.status
    assert (status["tasks"], status["embedded"], status["labeled"], status["queue_remaining"]) == (20, 20, 0, 8)
    (run,) = project.history
    assert (run.batch, run.version, run.reasons) == (1, batch.version, ["setup"])
    assert list(run.seconds) == ["wait", "sync", "embed", "pool", "fit", "query", "publish"]


def test_a_run_without_news_changes_nothing(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    batch, before = project.batch, len(project.studio.studio.requests)
    for reason in (MINUTE, "labels", "start", "extra params"):
        project.run(reason)
    assert project.batch == batch
    changing = {method for method, _ in project.studio.studio.requests[before:]} - {"GET"}
    assert changing == set(), "nothing is written to Label Studio"


def test_labels_bring_a_head_and_the_next_batch_once_there_are_enough(make_project: MakeProject):
    project = make_project(20, retrain_every=3)
    project.run("setup")
    first = project.batch
    labelled = project.label(2)
    assert project.run() is False
    assert project.batch == first, "two labels are not three"
    assert len(project.history) == 1
    assert project.status["labeled"] == 2
    labelled += project.label(1)
    assert labelled == first.task_ids[:3]
    project.run()
    second = project.batch
    assert (second.number, second.method) == (2, "uherding")
    assert "3 labels are new or changed (retrain_every is 3)" in second.why
    assert not set(second.task_ids) & set(labelled)
    assert project.batch_states == ["superseded", "published"]
    head = project.store.current_head(project.id)
    assert head is not None
    assert (head.n_labels, second.head_version) == (3, head.version)
    assert project.record.cycle == 1
    project.assert_whole()
    predicted = project.served_predictions()
    assert all(p.result[0]["value"]["choices"][0] in CLASSES for p in predicted), "the batch carries its predictions"


def test_the_batch_is_chosen_with_the_cycles_number_in_its_seed(make_project: MakeProject):
    """Offline, cycle n draws with [seed, n]: a live batch has to be that of its own cycle."""
    project = make_project(
        40, strategy="random", initial="random", batch_size=6, retrain_every=6, seed=7, random_share=0.0
    )
    project.run("setup")
    ids = sorted(project.client.task_ids(project.id))
    labelled: list[int] = []
    for cycle in range(3):
        arrays = project.services.arrays.arrays(project.id, WordHashes.name)
        labels = [-1] * len(ids)
        for task in labelled:
            labels[ids.index(task)] = CLASSES.index(project.studio.tables.tasks[task].data["gold"])
        plan = Cycle("random", "random", 6, seed=7)
        proposed = plan.propose(arrays.vectors, np.array(labels), len(CLASSES), cycle, reserve=5)
        assert project.batch.task_ids == [ids[row] for row in [*proposed.rows, *proposed.reserve_rows]]
        unlabelled = sorted(set(ids) - set(labelled))
        drawn = np.random.default_rng([7, cycle]).choice(unlabelled, 6, replace=False)
        assert set(project.batch.task_ids[:6]) == set(drawn.tolist())
        labelled += project.label(6)
        project.run()
        assert project.batch.why == "6 labels are new or changed (retrain_every is 6)"
    assert project.record.cycle == 3


def test_two_cycles_over_the_same_open_tasks_draw_differently(make_project: MakeProject):
    """Labels that come and go leave the same rows open, and the number of the cycle alone decides."""
    project = make_project(30, strategy="random", initial="random", batch_size=10, retrain_every=1)
    project.run("setup")
    first = project.batch.task_ids
    (task,) = project.label(1)
    project.run()
    for annotation in list(project.studio.tables.annotations_of(task)):
        project.person.delete(annotation.id)
    project.add_event("TASKS_CREATED", task)
    project.run()
    assert project.record.cycle == 2
    third = project.batch.task_ids
    assert project.status["labeled"] == 0
    assert third != first


def test_tasks_drawn_at_random_are_stored_with_the_batch_and_measured_by_what_was_shown(make_project: MakeProject):
    project = make_project(40, strategy="random", initial="random", retrain_every=2, random_share=1.0)
    project.run("setup")
    for _ in range(2):
        project.label(4)
        project.run()
    batches = project.store.batches(project.id)
    assert len(batches) == 3
    for batch in batches:
        assert sorted(batch.random_task_ids) == sorted(batch.task_ids)
    runs = project.history
    assert [(run.asked, run.random_asked) for run in runs] == [(0, 0), (4, 4), (4, 4)]


def test_the_share_of_right_predictions_is_that_of_the_predictions_shown(make_project: MakeProject):
    """Annotators open tasks before a new batch predicts otherwise, submit some after it, and correct labels."""
    project = make_project(60, batch_size=8, retrain_every=4)
    project.run("setup")
    first = project.batch
    assert first.predicted is not None
    shown = dict(zip(first.task_ids, first.predicted, strict=True))
    golds = {task.id: task.data["gold"] for task in project.client.tasks_by_id(project.id, first.task_ids)}
    expected = [shown[task] == [golds[task]] for task in project.label(4)]
    project.run()

    def shown_class(task: dict[str, Any]) -> str:
        by_version = {p["model_version"]: p for p in task["predictions"]}
        prediction = by_version[project.client.project(project.id).model_version]
        return str(prediction["result"][0]["value"]["choices"][0])

    for _ in range(5):
        opened = project.person.next_task()
        assert opened is not None
        seen = shown_class(opened)
        began_with = next(p["id"] for p in opened["predictions"] if p["model_version"] == project.batch.version)
        others = [task for task in project.batch.task_ids if task not in project.person.served][:4]
        for task_id in others:
            task = project.client.request("GET", f"api/tasks/{task_id}/")
            expected.append(shown_class(task) == task["data"]["gold"])
            project.person.annotate(task_id, task["data"]["gold"])
        project.add_event("TASKS_CREATED", *others)
        project.run()
        body = {"result": [choice(opened["data"]["gold"])], "parent_prediction": began_with, "lead_time": 1.0}
        project.client.request("POST", f"api/tasks/{opened['id']}/annotations/", body=body)
        expected.append(seen == opened["data"]["gold"])
        first = project.client.tasks_by_id(project.id, [others[0]])[0].annotations[0]
        project.person.update(first.annotation_id, CLASSES[0])
        project.add_event("TASKS_CREATED", opened["id"], others[0])
    project.add_event("START_TRAINING")
    project.run("training")
    assert (sum(run.asked for run in project.history), sum(run.right for run in project.history)) == (
        len(expected),
        sum(expected),
    )
    assert 0 < sum(expected) < len(expected)


def test_a_batch_that_runs_low_is_followed_before_it_ends(make_project: MakeProject):
    project = make_project(30, batch_size=6, retrain_every=6)
    project.run("setup")
    first = project.batch
    assert len(first.task_ids) == 11
    for left, number in ((5, 1), (4, 2)):
        skips = 11 - left - len(project.person.served)
        for _ in range(skips):
            task = project.person.next_task()
            project.person.skip(task["id"])
            project.add_event("TASKS_CREATED", task["id"])
        project.run()
        assert project.batch.number == number
    assert "only 4 published tasks are left" in project.batch.why
    project.assert_whole()


def test_training_that_was_asked_for_happens_without_enough_labels(make_project: MakeProject):
    project = make_project(20, retrain_every=100)
    project.run("setup")
    project.label(2)
    project.run()
    assert project.batch.number == 1
    project.store.add_event(project.id, "START_TRAINING", {"action": "START_TRAINING"})
    project.run("training")
    assert "training was asked for" in project.batch.why
    assert project.history[-1].why.startswith("training was asked for")
    head = project.store.current_head(project.id)
    assert head is not None
    assert head.n_labels == 2


def test_superseded_batches_go_after_a_day_and_no_other(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch):
    project = make_project(30)
    project.run("setup")
    old = project.batch.version
    project.label(3)
    project.run()
    assert project.versions() == {old, project.batch.version}
    both = {old, project.batch.version}
    monkeypatch.setattr(publishing, "SUPERSEDED_KEPT_SECONDS", -1.0)
    project.run(MINUTE)
    assert project.versions() == both, "three labels were given just now"
    monkeypatch.setattr(running, "RECENT_SECONDS", -1.0)
    project.run(MINUTE)
    assert project.versions() == {project.batch.version}
    project.assert_whole()


def test_sampling_that_a_person_changed_is_put_back_without_a_new_batch(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    batch = project.batch
    project.change(sampling="Uniform sampling")
    project.run(MINUTE)
    assert project.client.project(project.id).sampling == "Uncertainty sampling"
    assert project.batch == batch


def test_a_model_version_that_somebody_else_set_is_followed_by_a_batch_published_anew(
    make_project: MakeProject, caplog: pytest.LogCaptureFixture
):
    project = make_project()
    project.run("setup")
    first = project.batch
    theirs = {"task": first.task_ids[0], "result": [], "score": 0.5, "model_version": "theirs"}
    project.client.request("POST", f"api/projects/{project.id}/import/predictions", body=[theirs])
    project.change(model_version="theirs", sampling="Uniform sampling")
    project.run(MINUTE)
    assert project.batch.number == 2
    assert project.batch.task_ids == first.task_ids, "no label is new: the same cycle, the same choice"
    assert "'theirs'" in caplog.text
    assert project.client.project(project.id).sampling == "Uncertainty sampling"
    assert "theirs" in project.versions(), "what others predicted stays"
    assert [prediction.task for prediction in project.served_predictions()] == project.batch.task_ids
