"""What is known of a head after a run, from the labels of a project."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from live_loop import CLASSES, Person
from project_runs import MINUTE, MakeProject, Project

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.pipeline import request_evaluation as request_module
from ml_backend.pipeline.evaluate_head import evaluate_head
from ml_backend.pipeline.evaluation_input import EvaluationInput
from ml_backend.store import Store


class AtOnce:
    """Evaluates a head when it is put."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.put_heads: list[str] = []

    def put(self, given: EvaluationInput) -> None:
        self.put_heads.append(given.head_version)
        evaluate_head(self.store, given)

    def has(self, project_id: int, head_version: str) -> bool:
        return False


class Never(AtOnce):
    """Ends before it evaluates what is put, like a process that is killed."""

    def put(self, given: EvaluationInput) -> None:
        self.put_heads.append(given.head_version)


def evaluated(project: Project, evaluations: AtOnce | None = None) -> AtOnce:
    """Let the runs of a project evaluate heads from now on."""
    chosen = evaluations or AtOnce(project.store)
    project.services = replace(project.services, evaluations=chosen)
    return chosen


def body(project: Project) -> dict[str, Any]:
    """The newest evaluation, which is of the newest head."""
    found = project.store.newest_evaluation(project.id)
    head = project.store.current_head(project.id)
    assert found is not None
    assert head is not None
    assert found.body is not None
    assert (found.head_version, found.at, found.labels) == (head.version, head.created_at, found.body["labels"])
    return found.body


def test_labels_bring_an_evaluation_of_the_head_that_they_made(make_project: MakeProject):
    project = make_project(60, random_share=1.0, retrain_every=12, batch_size=20)
    evaluations = evaluated(project)
    project.run("setup")
    assert (evaluations.put_heads, project.store.newest_evaluation(project.id)) == ([], None), "there are no labels"
    project.label(12)
    project.run()
    found = body(project)
    assert (found["labels"], found["open"]) == (12, 48)
    assert (found["accuracy"]["audits"], found["accuracy"]["audits_skipped"]) == (12, 0)
    assert found["accuracy"]["basis"] == "audits"
    assert 0 <= found["accuracy"]["low"] <= found["accuracy"]["value"] + 1e-9 < found["accuracy"]["high"] <= 1
    assert found["accuracy"]["why"].startswith("12 tasks drawn at random")
    assert [quality["name"] for quality in found["classes"]] == list(project.status["labels"])
    assert sum(quality["labels"] for quality in found["classes"]) == 12
    assert found["stop"]["why"] == "advice on when to stop appears with 120 labels (12 so far)"
    assert found["annotators"] is None
    (kept,) = project.store.evaluation_history(project.id)
    assert (kept.audits, kept.accuracy) == (12, found["accuracy"]["value"])


def test_what_goes_wrong_in_an_evaluation_is_logged_and_leaves_the_run_alone(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    project = make_project(30, retrain_every=6)
    evaluations = evaluated(project)
    project.run("setup")

    def broken(*_given: Any) -> None:
        raise RuntimeError("odd labels")

    monkeypatch.setattr(request_module, "_input", broken)
    project.label(6)
    project.run()
    assert (project.record.state, project.batch.number, evaluations.put_heads) == ("ready", 2, [])
    assert f"project {project.id}: its head cannot be evaluated" in caplog.text


def test_a_head_that_no_process_evaluated_is_evaluated_by_a_later_run_from_the_labels_of_its_fit(
    make_project: MakeProject,
):
    project = make_project(40, retrain_every=8, batch_size=10, random_share=1.0)
    killed = evaluated(project, Never(project.store))
    project.run("setup")
    project.label(8)
    project.run()
    assert (len(killed.put_heads), project.store.newest_evaluation(project.id)) == (1, None)
    project.label(2)  # too few for another head
    again = evaluated(project)
    project.run(MINUTE)
    assert again.put_heads == killed.put_heads
    assert (body(project)["labels"], body(project)["accuracy"]["audits"]) == (8, 8)
    project.run(MINUTE)
    assert again.put_heads == killed.put_heads, "it is evaluated once"


def test_skipped_random_tasks_are_counted_and_a_deleted_label_leaves(make_project: MakeProject):
    project = make_project(40, retrain_every=6, batch_size=10, random_share=1.0)
    evaluated(project)
    project.run("setup")
    task = project.person.next_task()
    assert task is not None
    project.person.skip(task["id"])
    labelled = project.label(6)
    project.add_event("TASKS_CREATED", task["id"])
    project.run()
    accuracy = body(project)["accuracy"]
    assert (accuracy["audits"], accuracy["audits_skipped"]) == (6, 1)
    assert "1 more such task was skipped" in accuracy["why"]
    for annotation in list(project.studio.tables.annotations_of(labelled[0])):
        project.person.delete(annotation.id)
    project.add_event("TASKS_CREATED", labelled[0])
    project.label(5)
    project.run()
    assert (body(project)["labels"], body(project)["accuracy"]["audits"]) == (10, 10)
    assert len(project.store.evaluation_history(project.id)) == 2


def test_two_people_who_disagree_are_found_although_their_task_has_no_label(
    make_project: MakeProject, second_user: LabelStudio
):
    project = make_project(40, retrain_every=6, batch_size=10)
    evaluated(project)
    project.run("setup")
    first, *others = project.label(7)
    task = project.studio.tables.tasks[first]
    gold = project.studio.tables.annotations_of(first)[0].result[0]["value"]["choices"][0]
    other = next(name for name in CLASSES if name != gold)
    Person(second_user, project.id).annotate(task.id, other)
    project.run()
    found = body(project)
    (disagreement,) = found["disagreements"]
    assert disagreement["task"] == first
    assert [vote["classes"] for vote in disagreement["votes"]] == [[gold], [other]]
    assert disagreement["predicted"] is not None, "the head never learned from this task"
    assert [person["others"] for person in found["people"]] == [{"tasks": 1, "same": 0.0}] * 2
    assert found["labels"] == len(others)
