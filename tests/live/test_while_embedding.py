"""What people see while texts are embedded: how far it is, and the labels that they give meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from live_loop import CLASSES
from local_backend import WordHashes
from project_runs import MakeProject, Project

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.learning import Embedder
from ml_backend.pipeline import embed as embedding
from ml_backend.pipeline.chunks import FIRST_CHUNK_TEXTS
from ml_backend.store import Store


class Watched(WordHashes):
    """Calls `before` with the number of the chunk, from 1, before it embeds the chunk; class names are no chunk."""

    def __init__(self, before: Callable[[int], None]) -> None:
        self.chunks = 0
        self._before = before

    def encode(self, texts: Any) -> Any:
        self.chunks += 1
        self._before(self.chunks)
        return super().encode(texts)

    def encode_class_texts(self, texts: Any) -> Any:
        return super().encode(texts)


def watched(project: Project, before: Callable[[int], None]) -> Watched:
    """Let the project embed with this embedder."""
    embedder = Watched(before)
    project.services = replace(project.services, embedder=lambda _name: cast(Embedder, embedder))
    return embedder


def label(project: Project, task: int) -> None:
    """Label a task, with the event and the request that the webhook causes."""
    project.person.annotate(task, CLASSES[0])
    project.add_event("TASKS_CREATED", task)
    project.store.request_run(project.id, "labels")


def test_a_label_given_before_the_first_batch_shows_after_the_present_chunk(make_project: MakeProject):
    project = make_project(60)
    labeled: list[int] = []

    def before(chunk: int) -> None:
        labeled.append(project.status["labeled"])
        if chunk == 1:
            label(project, max(project.store.task_ids(project.id)))

    watched(project, before)
    project.run("setup")
    assert labeled[:2] == [0, 1]
    assert project.status["model"]["n_labels"] == 1, "the first batch knows it"
    project.run()
    assert (project.status["labeled"], project.status["events_waiting"]) == (1, 0)
    project.assert_whole()


def test_a_label_given_later_ends_the_embedding_and_shows_before_the_next_chunk(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", FIRST_CHUNK_TEXTS)
    project = make_project(80)
    assert project.run("setup") is True
    labelled, *_ = project.batch.task_ids
    given = watched(project, lambda _: label(project, labelled))
    assert project.run("continued") is True
    assert given.chunks == 1
    shown: list[int] = []
    learned = watched(project, lambda _: shown.append(project.status["labeled"]))
    assert project.run("continued", "labels") is True
    assert shown == [1], "it embeds one chunk, and then it learns"
    assert learned.chunks == 1


def test_the_status_says_how_far_reading_and_embedding_are(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 40)
    project = make_project(60)
    progress: list[Any] = []
    upsert = Store.upsert_tasks

    def reading(store: Store, *args: Any) -> None:
        progress.append(project.status["progress"])
        upsert(store, *args)

    monkeypatch.setattr(Store, "upsert_tasks", reading)
    watched(project, lambda _: progress.append(project.status["progress"]))
    project.run("setup")
    assert progress[:3] == [
        {"what": "reading tasks", "done": 0, "total": 60},
        {"what": "embedding texts", "done": 0, "total": 60},
        {"what": "embedding texts", "done": FIRST_CHUNK_TEXTS, "total": 60},
    ]
    assert project.status["progress"] == {"what": "embedding texts", "done": 40, "total": 60}
    while project.run("continued"):
        pass
    assert project.status["progress"] is None


def test_nothing_is_left_to_embed_only_once_the_batch_is_chosen_from_all_texts(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedding, "TEXTS_PER_CLAIM", 40)
    project = make_project(60)
    project.run("setup")
    first, left = project.batch.version, []
    publish = LabelStudio.publish_batch

    def publishing(client: LabelStudio, *arguments: Any, **options: Any) -> None:
        left.append(project.status["to_embed"])
        publish(client, *arguments, **options)

    monkeypatch.setattr(LabelStudio, "publish_batch", publishing)
    project.run("continued")
    assert project.batch.version != first
    assert left[0] > 0
    assert project.status["to_embed"] == 0


def test_a_model_is_loaded_while_tasks_are_read_for_the_first_time_only(make_project: MakeProject):
    project = make_project(20)
    ahead: list[str] = []
    project.services = replace(project.services, load_ahead=ahead.append)
    project.run("setup")
    assert ahead == [WordHashes.name]
    project.run("every minute")
    assert ahead == [WordHashes.name]
