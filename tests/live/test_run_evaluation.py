"""What is known of a head after a run, from the labels of a project."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from project_runs import MakeProject, Project

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
    assert 0 <= found["accuracy"]["low"] <= found["accuracy"]["value"] < found["accuracy"]["high"] <= 1
    assert found["accuracy"]["why"] == "12 tasks drawn at random"
    assert [quality["name"] for quality in found["classes"]] == list(project.status["labels"])
    assert sum(quality["labels"] for quality in found["classes"]) == 12
    assert found["stop"]["why"] == "advice appears with 120 labels (12 so far)"
    assert found["annotators"] is None
    (kept,) = project.store.evaluation_history(project.id)
    assert (kept.audits, kept.accuracy) == (12, found["accuracy"]["value"])
