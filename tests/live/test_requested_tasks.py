"""Tasks that people asked for are served first, the strategy goes on behind them, and the runs come to rest."""

from __future__ import annotations

import time

import numpy as np
import pytest
from live_loop import CLASSES, gold_texts
from local_backend import WordHashes
from project_runs import MINUTE, MakeProject, Project

from ml_backend.labelstudio.label_config import parse
from ml_backend.learning.cycle import Cycle
from ml_backend.pipeline.requested import requested_rows, without

ASKED = "requested"


def ask(project: Project, *tasks: int) -> None:
    """Ask for tasks as a page does, and run."""
    project.store.request_tasks(project.id, tasks, "ann", "search: refund")
    project.run(ASKED)


def assert_at_rest(project: Project) -> None:
    """Further runs publish nothing."""
    number, history = project.batch.number, len(project.history)
    for reason in (MINUTE, ASKED, "labels"):
        project.run(reason)
    assert (project.batch.number, len(project.history)) == (number, history)


def test_tasks_come_first_in_the_order_asked_and_the_strategy_goes_on_behind(make_project: MakeProject):
    project = make_project(40, batch_size=6, retrain_every=6)
    project.run("setup")
    ids = sorted(project.client.task_ids(project.id))
    before = project.batch.task_ids
    unpublished = [task for task in ids if task not in before]
    asked = [unpublished[9], unpublished[2], before[8]]
    ask(project, *asked)
    batch = project.batch
    assert batch.task_ids[:3] == asked, "also the one that was published further behind"
    assert batch.requested_task_ids == asked
    assert batch.size == 3 + 6
    assert "tasks were asked for" in batch.why
    assert len(set(batch.task_ids)) == len(batch.task_ids)
    assert [project.person.label_next() for _ in range(3)] == asked
    project.assert_whole()
    project.add_event("TASKS_CREATED", *asked)
    project.run()
    assert project.store.requested_tasks(project.id) == {}
    assert_at_rest(project)
    project.label(3)
    project.run()
    assert project.batch.requested_task_ids == []
    assert not set(asked) & set(project.batch.task_ids)


def test_later_requests_come_behind_earlier_ones_and_each_changes_the_batch_once(make_project: MakeProject):
    project = make_project(30)
    project.run("setup")
    first, second, third = project.batch.task_ids[-3:]
    ask(project, first)
    assert_at_rest(project)
    ask(project, third, second, first)
    assert project.batch.task_ids[:3] == [first, third, second]
    assert_at_rest(project)


def test_what_the_strategy_chooses_behind_is_what_it_chooses_offline_without_those_tasks(make_project: MakeProject):
    """Also the draws at random: each open task that nobody asked for has the same chance."""
    plan = {"strategy": "margin", "batch_size": 6, "seed": 3, "random_share": 0.5}
    project = make_project(40, retrain_every=6, class_names="off", **plan)
    project.run("setup")
    labelled = project.label(6)
    project.run()
    ids = sorted(project.client.task_ids(project.id))
    asked = [task for task in ids if task not in project.batch.task_ids and task not in labelled][:4]
    ask(project, *asked)
    arrays = project.services.arrays.arrays(project.id, WordHashes.name)
    labels = np.full(len(ids), -1)
    for task in labelled:
        labels[ids.index(task)] = CLASSES.index(project.studio.tables.tasks[task].data["gold"])
    candidates = (labels < 0) & ~np.isin(ids, asked)
    behind = project.batch.task_ids[4:]
    proposed = Cycle(initial="random", **plan).propose(
        arrays.vectors, labels, len(CLASSES), project.record.cycle, candidates, reserve=len(behind) - 6
    )
    assert behind == [ids[row] for row in [*proposed.rows, *proposed.reserve_rows]]
    drawn = project.batch.random_task_ids
    assert drawn == [ids[row] for row in proposed.random_rows]
    assert drawn
    assert not set(drawn) & set(asked)


def test_a_pool_without_requests_stays_the_same_object(make_project: MakeProject):
    project = make_project(10)
    project.run("setup")
    _, pool = project.services.arrays.pool(project.id, WordHashes.name, parse(project.record.label_config))
    assert without(pool, requested_rows(project.store, project.id, pool)) is pool


def test_a_text_is_asked_for_once_however_many_copies_it_has(make_project: MakeProject):
    project = make_project(12)
    text = gold_texts(13)[12]
    twins = project.client.request(
        "POST", f"api/projects/{project.id}/import?return_task_ids=true", body=[text, text, text]
    )["task_ids"]
    project.run("setup")
    ask(project, twins[1], twins[0])
    assert project.batch.task_ids[0] == twins[1]
    assert not {twins[0], twins[2]} & set(project.batch.task_ids)
    assert list(project.store.requested_tasks(project.id)) == [twins[1]]
    assert project.status["unpublished"] == 12 - (len(project.batch.task_ids) - 1)
    assert_at_rest(project)
    project.label(1)
    project.run()
    ask(project, twins[0])
    assert project.batch.task_ids[0] == twins[0], "a copy of a labelled text is served to who asks for it"
    assert_at_rest(project)


def test_the_last_open_text_asked_for_by_its_copy_is_not_published_again_and_again(make_project: MakeProject):
    project = make_project(2, batch_size=2, retrain_every=1)
    text = gold_texts(3)[2]
    path = f"api/projects/{project.id}/import?return_task_ids=true"
    twins = project.client.request("POST", path, body=[text, text])["task_ids"]
    project.run("setup")
    ask(project, twins[1])
    assert (project.status["queue_remaining"], project.status["unpublished"]) == (3, 0)
    project.label(3)
    project.run()
    assert_at_rest(project)


def test_tasks_that_were_skipped_labelled_or_deleted_meanwhile_are_asked_for_no_longer(make_project: MakeProject):
    project = make_project(30)
    project.run("setup")
    skipped, labelled, deleted, left = project.batch.task_ids[-4:]
    project.store.request_tasks(project.id, [skipped, labelled, deleted, left], "ann", "map")
    project.person.skip(skipped)
    project.person.annotate(labelled, CLASSES[0])
    project.client.request("DELETE", f"api/tasks/{deleted}/")
    project.add_event("TASKS_CREATED", skipped, labelled)
    project.add_event("TASKS_DELETED", deleted)
    project.run(ASKED)
    assert project.store.requested_tasks(project.id) == {left: "map"}
    assert project.batch.requested_task_ids == [left]
    assert_at_rest(project)


def test_tasks_that_are_withdrawn_lose_their_place_at_once(make_project: MakeProject):
    project = make_project(40)
    project.run("setup")
    unpublished = sorted(project.client.task_ids(project.id) - set(project.batch.task_ids))
    ask(project, *unpublished[:3])
    project.store.drop_requested_tasks(project.id, unpublished[1:3])
    project.run(ASKED)
    assert project.batch.requested_task_ids == unpublished[:1]
    assert "not to be served first any more" in project.batch.why
    assert_at_rest(project)
    project.store.drop_requested_tasks(project.id)
    project.run(ASKED)
    assert project.batch.requested_task_ids == []
    assert_at_rest(project)


def test_a_task_without_a_vector_is_served_when_somebody_asks_for_it(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(20)
    project.run("setup")
    new = project.client.request(
        "POST", f"api/projects/{project.id}/import?return_task_ids=true", body=gold_texts(1, start=30)
    )["task_ids"]
    project.add_event("TASKS_CREATED", *new)
    monkeypatch.setattr("ml_backend.pipeline.run.embed", lambda *_: 1)
    ask(project, *new)
    assert project.status["to_embed"] == 1
    assert project.batch.task_ids[0] == new[0]
    assert_at_rest(project)
    monkeypatch.undo()
    project.run(MINUTE)
    assert project.batch.task_ids[0] == new[0], "also once it has one"
    assert_at_rest(project)


def test_while_paused_requests_wait_and_come_first_afterwards(make_project: MakeProject):
    project = make_project(20)
    project.run("setup")
    number, asked = project.batch.number, project.batch.task_ids[-1]
    project.store.update_project(project.id, paused_at=time.time(), paused_by="ann")
    ask(project, asked)
    assert project.batch.number == number
    assert list(project.store.requested_tasks(project.id)) == [asked]
    project.store.update_project(project.id, paused_at=None, paused_by=None)
    project.run(ASKED)
    assert project.batch.task_ids[0] == asked
    assert_at_rest(project)
