"""What the status says during and after runs is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from live_loop import CLASSES, Loop, gold_texts, new_project
from local_backend import LocalBackend, WordHashes
from project_runs import MINUTE, MakeProject

from ml_backend.commands.connect import connect_project
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.store import Store
from ml_backend.store.states import ProjectState


def test_before_and_during_the_first_read_the_status_says_that_tasks_are_read(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    project = make_project(20)
    assert project.status["next"].startswith("The tasks were not read yet")
    said: list[str] = []
    upsert = Store.upsert_tasks

    def watched(store: Store, *args: Any) -> None:
        upsert(store, *args)
        said.append(project.status["next"])

    monkeypatch.setattr(Store, "upsert_tasks", watched)
    project.run("setup")
    assert said == ["The tasks are being read from Label Studio, 20 so far."]
    assert "after 3 more new or changed labels" in project.status["next"]


def test_an_empty_project_has_no_tasks_only_after_they_were_read(make_project: MakeProject):
    project = make_project(0)
    assert project.status["next"].startswith("The tasks were not read yet")
    project.run("setup")
    assert project.status["next"].startswith("There are no tasks yet")


def test_labels_that_no_fit_has_used_are_counted_also_when_they_are_changed_or_have_no_vector(
    make_project: MakeProject,
):
    project = make_project(30, retrain_every=4)
    project.run("setup")
    tasks = project.label(4)
    project.run()
    assert project.status["changed"] == 0
    annotation = project.client.tasks_by_id(project.id, [tasks[0]])[0].annotations[0]
    project.person.update(annotation.annotation_id, CLASSES[1])
    project.add_event("TASKS_CREATED", tasks[0])
    project.label(2)
    project.run()
    assert project.status["changed"] == 3
    assert "chooses new tasks after 1 more new or changed label," in project.status["next"]


@pytest.mark.parametrize("state", [ProjectState.UNSUPPORTED, ProjectState.WAITING, ProjectState.MISSING])
def test_a_solved_problem_is_not_shown_while_the_run_goes_on(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, state: ProjectState
):
    project = make_project(20)
    project.store.update_project(project.id, state=state, error="a problem of the last run")
    during: list[tuple[str, str | None]] = []
    upsert = Store.put_embeddings

    def watched(store: Store, *args: Any) -> None:
        upsert(store, *args)
        during.append((project.record.state, project.record.error))

    monkeypatch.setattr(Store, "put_embeddings", watched)
    project.run(MINUTE)
    assert set(during) == {("new", None)}
    assert (project.record.state, project.record.error) == ("ready", None)


def test_a_project_goes_on_when_its_model_cannot_be_loaded_and_another_is_chosen(make_project: MakeProject):
    project = make_project(20, embedding_model="owner/nowhere")
    loaded = project.services.embedder(WordHashes.name)

    def embedder(name: str) -> Any:
        if name == "owner/nowhere":
            raise ModelNotAvailable("the hub has no model owner/nowhere")
        return loaded

    project.services = replace(project.services, embedder=embedder)
    with pytest.raises(ModelNotAvailable, match="owner/nowhere"):
        project.run("setup")
    project.store.update_project(project.id, settings={})
    project.run("settings")
    assert project.record.state == "ready"
    project.assert_whole()


def test_copies_without_the_label_of_their_text_are_counted_until_they_have_one(make_project: MakeProject):
    project = make_project(12)
    copies = [{"data": {"text": "the same words", "gold": CLASSES[0]}} for _ in range(3)]
    project.client.request("POST", f"api/projects/{project.id}/import", body=copies)
    project.run("setup")
    assert (project.status["duplicates"], project.status["copies_to_label"]) == (2, 0), "no copy has a label"
    same = sorted(project.store.task_ids(project.id))[-3:]
    project.person.annotate(same[0], CLASSES[0])
    project.add_event("TASKS_CREATED", same[0])
    project.run()
    assert project.status["copies_to_label"] == 2
    project.person.annotate(same[1], CLASSES[1])
    project.add_event("TASKS_CREATED", same[1])
    project.run()
    assert project.status["copies_to_label"] == 0, "label-copies leaves out texts with different labels"


def test_a_connection_promises_a_first_batch_only_before_there_is_one(loop: Callable[..., Loop]):
    project = loop(gold_texts(8))
    backend = cast(LocalBackend, project.backend)
    watch = f"watch {backend.url}/projects/{project.project_id}"
    assert project.embedded()["batch"]
    assert list(connect_project(backend.settings, project.project_id, backend.url, []))[-1] == watch
    other = new_project(project.client, gold_texts(8))
    last = list(connect_project(backend.settings, other, backend.url, []))[-1]
    assert last.startswith("the first batch comes as soon as texts are embedded; watch ")
    empty = new_project(project.client, [])
    last = list(connect_project(backend.settings, empty, backend.url, []))[-1]
    assert last.startswith("the first batch comes as soon as tasks are imported and their texts embedded; watch ")
