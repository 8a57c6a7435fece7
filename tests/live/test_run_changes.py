"""How `run_project` finds changed tasks and labels: by events, by comparison, and despite wrong counters."""

from __future__ import annotations

from typing import Any

import pytest
from live_loop import CLASSES, choice, gold_texts
from project_runs import MINUTE, MakeProject, Project

from ml_backend.labelstudio.client import LabelStudioUnavailable
from ml_backend.pipeline import embed as embedding
from ml_backend.store.states import RunReason


def test_changes_that_no_webhook_reported_are_found_by_the_minutes_comparison(make_project: MakeProject):
    project = make_project(20, retrain_every=100)
    project.run("setup")
    tasks, person = project.batch.task_ids, project.person
    untouched, changed, removed = (person.annotate(task, CLASSES[0]) for task in tasks[:3])
    project.run(MINUTE)
    assert project.status["labeled"] == 3
    person.update(changed, CLASSES[1])
    person.delete(removed)
    person.skip(tasks[3])
    project.client.request("DELETE", f"api/tasks/{tasks[4]}/")
    project.client.request("POST", f"api/projects/{project.id}/import", body=gold_texts(3, 200))
    assert untouched
    project.run("labels")
    assert project.status["labeled"] == 3, "a run for labels that no event names reads none"
    project.run(MINUTE)
    status = project.status
    assert project.labels == {CLASSES[0]: 1, CLASSES[1]: 1}
    assert (status["labeled"], status["skipped"], status["tasks"]) == (2, 1, 22)
    assert "there are new tasks" in project.batch.why


def test_only_deletions_that_no_webhook_reported_are_found_by_counting(make_project: MakeProject):
    project = make_project(20, retrain_every=100)
    project.run("setup")
    first, second = project.batch.task_ids[:2]
    annotation = project.person.annotate(first, CLASSES[0])
    project.run(MINUTE)
    deleted = project.studio.tables.annotations.pop(annotation)  # without a new time on the task
    project.studio.tables.count(project.studio.tables.tasks[first])
    project.run(MINUTE)
    assert project.status["labeled"] == 1, "a difference is followed once it was seen twice"
    project.run(MINUTE)
    assert project.status["labeled"] == 0
    project.studio.tables.annotations[annotation] = deleted
    project.studio.tables.remove_task(second)
    project.run(MINUTE)
    assert project.status["tasks"] == 19


def test_a_correction_that_no_webhook_reported_is_read_though_the_first_attempt_failed(make_project: MakeProject):
    """No count differs after a correction: only the time of the last change leads to it."""
    project = make_project(20, retrain_every=2)
    project.run("setup")
    first, second = project.batch.task_ids[:2]
    corrected = project.person.annotate(first, CLASSES[0])
    project.person.annotate(second, CLASSES[1])
    project.run(MINUTE)
    assert project.labels == {CLASSES[0]: 1, CLASSES[1]: 1}
    project.person.update(corrected, CLASSES[1])
    project.studio.faults.break_at("GET", "^/api/tasks", skip=1)  # the newest time is read, and then no task
    with pytest.raises(LabelStudioUnavailable):
        project.run(MINUTE)
    project.studio.faults.mend()
    project.run(MINUTE)
    assert project.labels == {CLASSES[1]: 2}


def test_a_task_whose_deletion_was_reported_is_removed_by_a_run_for_labels(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    task = project.batch.task_ids[4]
    project.client.request("DELETE", f"api/tasks/{task}/")
    project.add_event("TASKS_DELETED", task)
    project.run("labels")
    assert task not in project.store.task_ids(project.id)


def test_an_event_that_names_no_annotation_leads_to_a_comparison_at_once(make_project: MakeProject):
    project = make_project()
    project.run("setup")
    project.label(1, reported=False)
    project.store.add_event(project.id, "ANNOTATIONS_CREATED", {"project": {"id": project.id}})
    project.run("labels")
    assert project.status["labeled"] == 1


def test_a_project_whose_tasks_are_all_deleted_has_no_head_any_more(make_project: MakeProject):
    project = make_project(8)
    project.run("setup")
    project.label(3)
    project.run()
    assert project.status["model"] is not None
    for task in project.client.task_ids(project.id):
        project.client.request("DELETE", f"api/tasks/{task}/")
    project.run(MINUTE)
    status = project.status
    assert (status["model"], status["tasks"], status["labeled"], status["state"]) == (None, 0, 0, "ready")


def test_texts_are_embedded_in_chunks_until_none_is_left(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 8)
    project = make_project(20)
    assert project.run("setup") is True, "the first batch is chosen from the first chunk"
    assert (project.batch.number, project.status["to_embed"]) == (1, 12)
    assert project.run("continued") is False
    assert project.status["to_embed"] == 0


def test_a_request_interrupts_embedding_after_the_present_chunk(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(8)
    project.run("setup")
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 8)
    project.client.request("POST", f"api/projects/{project.id}/import", body=gold_texts(20, 300))
    project.store.request_run(project.id, RunReason.LABELS)
    assert project.run(MINUTE) is True
    assert project.status["to_embed"] == 12
    project.store.take_requests(project.id)
    assert project.run("continued") is False


def fitted(project: Project) -> list[int]:
    """Tasks whose labels the last fit used, in the order of their ids."""
    return sorted(i for i, classes in project.store.fitted_labels(project.id).items() if classes is not None)


def test_a_label_is_learned_from_when_its_text_is_embedded_and_not_before(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 4)
    project = make_project(20, retrain_every=2)
    labelled = sorted(project.client.task_ids(project.id))[:4]
    for i, task in enumerate(labelled):
        project.person.annotate(task, CLASSES[i % 2])
    project.run("setup")
    first_two = labelled[:2]  # half of the first chunk are texts of labelled tasks
    assert fitted(project) == first_two
    while project.run("continued"):
        pass
    assert fitted(project) == labelled
    assert project.status["model"]["n_labels"] == 4


def test_a_counter_that_lies_costs_no_label(make_project: MakeProject):
    """An import that overtakes an annotation leaves the task's counter at 0: no list of annotated tasks has it."""
    project = make_project(20, retrain_every=100)
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
    project.label(1, reported=False)
    for _ in range(3):
        project.run(MINUTE)
    assert project.status["labeled"] == 3


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
def test_an_imported_result_of_any_shape_stops_nothing(make_project: MakeProject, result: Any):
    project = make_project(8, retrain_every=100)
    labelled = {"data": gold_texts(1, 300)[0], "annotations": [{"result": result}]}
    project.client.request("POST", f"api/projects/{project.id}/import", body=[labelled])
    project.run("setup")
    status = project.status
    assert (status["labeled"], status["without_answer"], status["state"]) == (0, 1, "ready")
    project.assert_whole()
