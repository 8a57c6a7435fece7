"""Pairs of nearly equal texts: found once, kept, gone on with after a break, and grouped at each threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from live_loop import CLASSES, choice
from project_runs import MakeProject, Project

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.client import LabelStudioUnavailable
from ml_backend.pipeline.job_kinds import KINDS, WrongParameters
from ml_backend.pipeline.jobs import RUNS, near_duplicates
from ml_backend.pipeline.jobs.job import Job, JobFailed, JobStopped
from ml_backend.store.job_records import JobRecord
from ml_backend.store.states import JobState

LONG = "one two three four five six seven eight nine ten eleven twelve"


def job(project: Project, kind: str, number: int = 1, checkpoint: Any = None, **given: Any) -> Job:
    parameters = KINDS[kind].parse(given)
    record = JobRecord(number, project.id, kind, parameters, "ann", JobState.RUNNING, 0.0, checkpoint=checkpoint)
    return Job(record, project.services, lambda *_: True)


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """20 texts, and 5 that differ by a word each; two of these are equal."""
    made = make_project(20)
    texts = [{"text": f"{LONG} {word}", "gold": CLASSES[0]} for word in ("a1", "a1", "b2", "c3", "d4")]
    made.client.request("POST", f"api/projects/{made.id}/import", body=texts)
    made.run("setup")
    return made


def groups(project: Project, **given: Any) -> dict[str, Any]:
    return RUNS["groups"](job(project, "groups", **given))


def test_groups_are_the_texts_that_are_alike_or_equal_with_the_pairs_at_the_edge(project: Project):
    with pytest.raises(JobFailed, match="start the comparison first"):
        groups(project)
    assert RUNS["near_duplicates"](job(project, "near_duplicates"))["texts"] == 24
    members = sorted(project.client.task_ids(project.id))[-5:]
    answer = groups(project, threshold="0.85")
    (group,) = answer["groups"]
    assert sorted(text["task"] for text in group["texts"]) == members
    assert (group["size"], group["open"], group["is_mixed"]) == (5, members, False)
    assert all(pair["cosine"] >= 0.85 for pair in answer["above"])
    exact = groups(project, threshold="0.99")
    assert [text["task"] for text in exact["groups"][0]["texts"]] == members[:2], "equal texts need no pair"
    counts = {threshold: (n, tasks) for threshold, n, tasks, _ in answer["counts"]}
    assert counts[0.85] == (1, 5)
    assert counts[0.99] == (1, 2)
    assert all(pair["cosine"] < 0.99 for pair in exact["below"])


def test_groups_with_different_labels_are_pointed_out_and_agreeing_ones_say_their_label(project: Project):
    RUNS["near_duplicates"](job(project, "near_duplicates"))
    members = sorted(project.client.task_ids(project.id))[-5:]
    project.person.annotate(members[2], CLASSES[1])
    project.add_event("TASKS_CREATED", members[2])
    project.run()
    (group,) = groups(project, threshold=0.85)["groups"]
    assert (group["agreed"], group["texts"][0]["task"], len(group["open"])) == (CLASSES[1], members[2], 4)
    assert groups(project, threshold=0.85, which="mixed")["total"] == 0
    project.person.annotate(members[3], CLASSES[0])
    project.add_event("TASKS_CREATED", members[3])
    project.run()
    (group,) = groups(project, threshold=0.85, which="mixed")["groups"]
    assert (group["is_mixed"], group["agreed"]) == (True, None)


def test_tasks_deleted_since_leave_their_groups(project: Project):
    RUNS["near_duplicates"](job(project, "near_duplicates"))
    members = sorted(project.client.task_ids(project.id))[-5:]
    for task in members[:3]:
        project.client.request("DELETE", f"api/tasks/{task}/")
    project.add_event("TASKS_DELETED", *members[:3])
    project.run("tasks")
    (group,) = groups(project, threshold=0.85)["groups"]
    assert sorted(text["task"] for text in group["texts"]) == members[3:]


def test_an_interrupted_comparison_goes_on_and_a_stopped_one_leaves_the_last_result(
    project: Project, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(near_duplicates, "FEWEST_ROWS", 7)
    monkeypatch.setattr(near_duplicates, "PRODUCTS_AT_ONCE", 1)
    whole = RUNS["near_duplicates"](job(project, "near_duplicates", number=1))
    expected = groups(project, threshold=0.85)
    checkpoints: list[dict[str, Any]] = []

    def stopped(_done: int, _total: int, _phase: str, checkpoint: dict[str, Any] | None) -> bool:
        checkpoints.extend([checkpoint] if checkpoint else [])
        return len(checkpoints) < 2

    begun = job(project, "near_duplicates", number=2)
    begun.keep = stopped
    with pytest.raises(JobStopped):
        RUNS["near_duplicates"](begun)
    assert groups(project, threshold=0.85) == expected, "until another one is finished"
    rows: list[int] = []
    find = near_duplicates.partners

    def counted(units: Any, start: int, stop: int, *rest: Any) -> Any:
        rows.extend(range(start, stop))
        return find(units, start, stop, *rest)

    monkeypatch.setattr(near_duplicates, "partners", counted)
    gone_on = job(project, "near_duplicates", number=2, checkpoint=checkpoints[-1])
    assert RUNS["near_duplicates"](gone_on) == whole
    assert rows == list(range(14, 24))
    assert [file.name for file in project.store.files(project.id)] == ["near_duplicates/2/pairs"]
    assert groups(project, threshold=0.85)["groups"] == expected["groups"]


def test_what_an_interrupted_job_may_have_labelled_is_known_to_undo(project: Project):
    """Label Studio stored an annotation, and the worker died before it could note its id."""
    members = sorted(project.client.task_ids(project.id))[-5:]
    labelling = project.store.add_job(
        project.id, "label_group", KINDS["label_group"].parse({"tasks": members, "class": CLASSES[0]}), "ann"
    )
    checkpoints: list[dict[str, Any]] = []
    begun = Job(labelling, project.services, lambda *given: checkpoints.append(given[3]) or True)  # type: ignore[func-returns-value]
    annotate, made = project.client.annotate, 0

    def dying(*given: Any, **more: Any) -> int | None:
        nonlocal made
        annotate(*given, **more)
        made += 1
        if made == 3:
            raise LabelStudioUnavailable("the connection broke", may_have_taken_effect=True)
        return annotate_id(project, given[1])

    project.client.annotate = dying  # type: ignore[method-assign]
    try:
        with pytest.raises(LabelStudioUnavailable):
            RUNS["label_group"](begun)
    finally:
        del project.client.annotate
    owner = "worker"
    assert project.store.take_job(["label_group"], owner) is not None
    project.store.report_job(labelling.id, owner, 0, 5, "", checkpoints[-1])
    project.store.end_job(labelling.id, owner, JobState.FAILED, error="the connection broke")
    assert RUNS["undo_group_label"](job(project, "undo_group_label", job=labelling.id))["deleted"] == 3
    assert annotations(project, members) == []


def annotations(project: Project, tasks: list[int]) -> list[Annotation]:
    return [a for task in project.client.tasks_by_id(project.id, tasks) for a in task.annotations]


def annotate_id(project: Project, task: int) -> int:
    return annotations(project, [task])[0].annotation_id


@pytest.mark.parametrize(
    ("kind", "given", "sentence"),
    [
        ("groups", {"threshold": "0.5"}, "must be one of 0.85"),
        ("groups", {"threshold": "<b>"}, "must be one of 0.85"),
        ("label_group", {"tasks": "1,x", "class": "a"}, "Name the tasks"),
        ("label_group", {"tasks": "1"}, "Choose the label"),
        ("label_group", {"tasks": list(range(1, 1002)), "class": "a"}, "1,000 at most"),
        ("undo_group_label", {"job": "last"}, "by its number"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(kind: str, given: dict[str, Any], sentence: str):
    with pytest.raises(WrongParameters, match=sentence):
        KINDS[kind].parse(given)


def test_a_class_that_the_label_config_has_no_more_is_not_given(project: Project):
    members = sorted(project.client.task_ids(project.id))[-2:]
    with pytest.raises(JobFailed, match="no class 'gone' any more"):
        RUNS["label_group"](job(project, "label_group", tasks=members, **{"class": "gone"}))
    with pytest.raises(JobFailed, match="not known any more"):
        RUNS["undo_group_label"](job(project, "undo_group_label", job=999))


def test_a_worker_that_goes_on_gives_no_task_a_second_annotation(project: Project):
    members = sorted(project.client.task_ids(project.id))[-5:]
    given = {"tasks": members, "class": CLASSES[0]}
    annotation = project.client.annotate(project.id, members[0], [choice(CLASSES[0])])
    assert annotation is not None
    going_on = job(project, "label_group", checkpoint={"made": [], "next": members[0]}, **given)
    assert RUNS["label_group"](going_on) == {"labelled": 5, "left_out": 0}
    assert np.bincount([members.index(a.task_id) for a in annotations(project, members)]).tolist() == [1] * 5
