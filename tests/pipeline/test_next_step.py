"""What the status says that a project waits for, in each of its states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ml_backend.pipeline.next_step import LEARNS, REMEDIES, STOPPED, labels_received, learns_soon, next_step, remedy
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import BatchRecord
from ml_backend.store.records import FirstRead, ProjectCounts, ProjectRecord
from ml_backend.store.states import BatchState, ProjectState

BATCH = BatchRecord(3, 7, "v", "margin", "", None, [1, 2, 3], 3, BatchState.PUBLISHED, 0.0, 1.0)
READ = {"text_source": "text"}


def sentence(
    project: dict[str, Any],
    counts: dict[str, Any],
    batch: BatchRecord | None = BATCH,
    problems: int = 0,
    settings: ProjectSettings | None = None,
) -> str:
    record = ProjectRecord(7, **{"state": ProjectState.READY, **project})
    queue = {"queue_remaining": 8, "queue_low": 5, "unpublished": 22}
    whole = {"tasks": 40, "open": 30, "labels": {"a": 5, "b": 5}, **queue, **counts}
    return next_step(record, ProjectCounts(**whole), batch, settings or ProjectSettings(), problems)


@pytest.mark.parametrize(
    ("project", "counts", "batch", "words"),
    [
        ({"state": ProjectState.NEW}, {"tasks": 0}, None, "The tasks were not read yet"),
        (
            {**READ, "first_read": FirstRead(2, None)},
            {"tasks": 1200},
            None,
            "being read from Label Studio, 1,200 so far",
        ),
        (READ, {"tasks": 0, "labels": {}}, None, "There are no tasks yet"),
        (READ, {"labels": {}}, None, "The first batch comes as soon as"),
        (READ, {"to_embed": 20}, None, "The first batch comes as soon as"),
        (READ, {}, None, "The next run publishes a batch."),
        (READ, {}, BATCH, "after 5 more new or changed labels, or when fewer than 5 of the chosen tasks are left."),
        (READ, {"queue_remaining": 4}, BATCH, "The next run publishes a batch."),
        (READ, {"queue_remaining": 4, "unpublished": 0}, BATCH, "after 5 more new or changed labels."),
        (READ, {"changed": 4}, BATCH, "after 1 more new or changed label, or"),
        (READ, {"changed": 2, "unpublished": 0}, BATCH, "after 3 more new or changed labels."),
        (READ, {"changed": 6}, BATCH, "The next run publishes a batch."),
        (READ, {"open": 0, "queue_remaining": 0}, BATCH, "Nothing is left to label"),
        ({**READ, "state": ProjectState.NEW}, {}, BATCH, "after 5 more"),
    ],
)
def test_a_project_that_runs_says_what_the_next_batch_waits_for(
    project: dict[str, Any], counts: dict[str, Any], batch: BatchRecord | None, words: str
):
    assert words in sentence(project, counts, batch)


def test_tasks_without_a_usable_text_are_the_reason_why_nothing_comes():
    said = sentence(READ, {"open": 0}, None, problems=40, settings=ProjectSettings(text_fields=["body"]))
    assert "No task has a usable text" in said
    assert "'body'" in said


@pytest.mark.parametrize("state", STOPPED)
@pytest.mark.parametrize("counts", [{}, {"changed": 6}, {"tasks": 0}], ids=str)
def test_a_project_that_does_not_run_promises_no_batch(state: ProjectState, counts: dict[str, Any]):
    said = sentence({**READ, "state": state}, counts)
    assert said.startswith("Nothing ")
    assert "more new or changed" not in said


def test_every_state_has_its_sentence_and_its_remedy():
    assert set(STOPPED) == set(REMEDIES) == set(ProjectState) - {ProjectState.NEW, ProjectState.READY}
    assert remedy(ProjectRecord(7, state=ProjectState.FAILED)) is None, "there is no error"
    for state in STOPPED:
        assert remedy(ProjectRecord(7, state=state, error="problem")) == REMEDIES[state]


def test_another_embedding_model_is_the_remedy_only_if_the_project_chose_one():
    for settings, is_named in (({"embedding_model": "owner/name"}, True), ({}, False)):
        project = ProjectRecord(7, state=ProjectState.WAITING, error="problem", settings=settings)
        assert ("choose another" in str(remedy(project))) == is_named
    refused = replace(project, error="Label Studio does not accept the key", settings={"embedding_model": "owner/name"})
    assert "choose another" not in str(remedy(refused))


def test_the_model_learns_soon_from_enough_labels_unless_something_is_in_the_way():
    assert labels_received({"ANNOTATION_CREATED": 2, "ANNOTATIONS_DELETED": 1, "TASKS_CREATED": 5}) == 3
    project = ProjectRecord(7, state=ProjectState.READY, counts=ProjectCounts(changed=3))
    settings = ProjectSettings(retrain_every=5)
    assert [learns_soon(project, received, settings) for received in (0, 1, 2)] == [False, False, True]
    assert not learns_soon(replace(project, paused_at=1.0), 2, settings)
    assert not learns_soon(replace(project, state=ProjectState.WAITING), 2, settings)
    said = [next_step(project, project.counts, None, settings, 0, received) == LEARNS for received in (1, 2)]
    assert said == [False, True]


def test_settings_that_cannot_be_used_are_remedied_by_others():
    project = ProjectRecord(7, state=ProjectState.FAILED, error="SettingsError", settings={"strategy": "removed"})
    assert "Choose other values" in str(remedy(project))
