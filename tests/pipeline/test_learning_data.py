"""What a run computes from what changed equals what a new worker computes from everything, after random changes."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio import labels as labels_module
from ml_backend.labelstudio.client import LabelStudio, ProjectInfo
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.labelstudio.labels import labels
from ml_backend.learning import Embedder
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.context import RunContext, Services
from ml_backend.pipeline.counts import counts
from ml_backend.pipeline.learning_data import LearningData, learning_data
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.learning_records import BatchRecord
from ml_backend.store.records import ProjectCounts, TaskRecord
from ml_backend.store.states import BatchState

PROJECT, MODEL = 1, "m"
BATCH = BatchRecord(1, PROJECT, "v", "", "", None, [2, 4, 6, 8, 99], 5, BatchState.PUBLISHED, 0.0, 1.0)
Fitted = dict[int, tuple[str, ...]]


def config(*classes: str, choice: str = "single") -> LabelConfig:
    choices = "".join(f'<Choice value="{name}"/>' for name in classes)
    return parse(
        f'<View><Text name="t" value="$x"/><Choices name="c" toName="t" choice="{choice}">{choices}</Choices></View>'
    )


CONFIGS = [config("a", "b"), config("b", "c", "a"), config("a", "b", "c", choice="multiple")]


def read(store: Store, cache: ArrayCache, by: LabelConfig) -> LearningData:
    """What a run of a worker with this memory learns from."""
    nowhere = LabelStudio("http://localhost:9", "key")
    services = Services(store, nowhere, cache, lambda _: Embedder(MODEL), MODEL, webhook_secret="")
    info = ProjectInfo(PROJECT, "", "", "", "", 0, 0, 0)
    run = RunContext(services, store.ensure_project(PROJECT), info, ProjectSettings(), by, reasons=())
    return learning_data(run, MODEL)


class RandomProject:
    """A project whose tasks, annotations and vectors change at random, and the labels of its last fit."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.draw = random.Random(seed)
        self.config = CONFIGS[0]
        self.fitted: Fitted = {}
        self.annotated_until_fit: set[int] = set()
        self._next_task = 20
        self._put_tasks(range(1, 20))

    def change(self) -> None:
        """Change something."""
        ids = sorted(self.store.task_ids(PROJECT))
        changes = {
            lambda: self._annotate(self.draw.sample(ids, min(3, len(ids)))): 8,
            lambda: self.store.replace_annotations(PROJECT, {self.draw.choice(ids): []}): 2,
            lambda: self._put_tasks([self._new_id(), self._new_id()]): 2,
            lambda: self._put_tasks(self.draw.sample(ids, 2)): 2,
            lambda: self._put_tasks([self.draw.randrange(1, self._next_task)]): 1,
            lambda: self.store.remove_tasks(PROJECT, self.draw.sample(ids, 2)): 1,
            self._embed: 2,
            lambda: setattr(self, "config", self.draw.choice(CONFIGS)): 1,
        }
        self.draw.choices(list(changes), list(changes.values()))[0]()

    def fit(self, data: LearningData) -> None:
        """Store what a fit stores."""
        self.store.put_fitted_labels(PROJECT, dict.fromkeys(data.first) | data.changed)
        self.fitted = self.usable(data)
        self.annotated_until_fit |= {a.task_id for a in self.store.annotations(PROJECT)}

    def usable(self, data: LearningData) -> Fitted:
        """The labels of tasks whose text has a vector."""
        embedded = set(data.pool.task_ids[data.pool.embedded].tolist())
        by_task = labels(self.store.annotations(PROJECT), self.config).by_task
        return {task_id: chosen for task_id, chosen in by_task.items() if task_id in embedded}

    def _new_id(self) -> int:
        self._next_task += 1
        return self._next_task

    def _put_tasks(self, ids: list[int] | range) -> None:
        texts = {i: self.draw.choice("abcdefghijklmnopqrstuvwxyz") for i in ids}
        no_text = {i for i in ids if self.draw.random() < 0.1}
        records = [
            TaskRecord(PROJECT, i, None if i in no_text else texts[i], "x" if i in no_text else None) for i in ids
        ]
        self.store.upsert_tasks(PROJECT, records, {t: t for t in texts.values()})

    def _embed(self) -> None:
        texts = self.draw.sample("abcdefghijklmnopqrstuvwxyz", 6)
        self.store.put_embeddings(MODEL, texts, np.array([[ord(t), 1] for t in texts], dtype=np.float32))

    def _annotate(self, ids: list[int]) -> None:
        people = (1, 2, 3, None)
        self.store.replace_annotations(
            PROJECT,
            {i: [self._annotation(i, n, p) for n, p in enumerate(people) if self.draw.random() < 0.5] for i in ids},
        )

    def _annotation(self, task_id: int, n: int, annotator: int | None) -> Annotation:
        chosen = self.draw.choice([["a"], ["b"], ["c"], ["a", "b"], ["gone"], [], 5])
        result = [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": chosen}}]
        created = self.draw.choice([None, 1000.0 * self.draw.random()])
        day = f"2026-01-{self.draw.randrange(1, 9)}"
        return Annotation(10 * task_id + n, task_id, annotator, self.draw.random() < 0.2, result, day, None, created)


def counted(data: LearningData, by: LabelConfig) -> ProjectCounts:
    return counts(data, ProjectSettings(), by, BATCH, missing=0, changed=len(data.changed))


def assert_counts(seen: ProjectCounts, data: LearningData, texts: dict[int, str]) -> None:
    """Counts of labels and copies, by dictionaries. texts: task id → its text, of tasks that have one."""
    by_task, by_text = data.labels.by_task, defaultdict(set)
    for task_id in by_task.keys() & texts.keys():
        by_text[texts[task_id]].add(by_task[task_id])
    agreed = {text for text, labels_given in by_text.items() if len(labels_given) == 1}
    open_tasks, fresh, copies = (
        sorted(data.pool.task_ids[rows].tolist()) for rows in (data.pool.open, data.pool.fresh, data.pool.copies)
    )
    fresh_texts = {texts[i] for i in fresh}
    first_copies = {texts[i]: i for i in reversed(copies) if texts[i] not in fresh_texts}
    assert {name: n for name, n in seen.labels.items() if n} == Counter(name for c in by_task.values() for name in c)
    assert seen.copies_to_label == sum(texts[i] in agreed for i in open_tasks)
    assert seen.duplicates == len(texts) - len(set(texts.values()))
    assert seen.unpublished == len({*fresh, *first_copies.values()} - set(BATCH.task_ids))


def assert_equal(kept: LearningData, new: LearningData, by: LabelConfig) -> None:
    """The data of a worker that has read the project before equals that of a new worker."""
    assert kept.labels == new.labels
    for name in ("task_ids", "embedded", "labels", "fresh", "copies", "open"):
        np.testing.assert_array_equal(getattr(kept.pool, name), getattr(new.pool, name), err_msg=name)
    for name in ("changed", "first", "labelled_first", "annotators", "pace", "is_empty"):
        assert getattr(kept, name) == getattr(new, name), name
    assert counted(kept, by) == counted(new, by)
    assert kept.pool.labels.dtype == new.pool.labels.dtype


@pytest.mark.parametrize("seed", range(4))
def test_what_is_read_after_changes_equals_what_is_read_from_everything(sqlite_store: Store, seed: int):
    project, cache = RandomProject(sqlite_store, seed), ArrayCache(sqlite_store)
    for _ in range(40):
        for _ in range(project.draw.randrange(3)):
            project.change()
        kept = read(sqlite_store, cache, project.config)
        assert_equal(kept, read(sqlite_store, ArrayCache(sqlite_store), project.config), project.config)
        texts = {i: text for i, text, problem in sqlite_store.tasks(PROJECT) if text and not problem}
        assert_counts(counted(kept, project.config), kept, texts)
        annotations = sqlite_store.annotations(PROJECT)
        assert kept.labels == labels(annotations, project.config)
        usable = project.usable(kept)
        added = {i: chosen for i, chosen in usable.items() if project.fitted.get(i) != chosen}
        assert kept.changed == added | dict.fromkeys(project.fitted.keys() - usable.keys())
        assert kept.first.keys() == {a.task_id for a in annotations} - project.annotated_until_fit
        assert kept.annotators == len({a.annotator for a in annotations} - {None})
        assert kept.pool.labeled == len(usable)
        if project.draw.random() < 0.2:
            project.fit(kept)


def test_a_run_after_a_label_reads_the_annotations_of_its_task_only(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    project, cache = RandomProject(sqlite_store, 0), ArrayCache(sqlite_store)
    project._annotate(list(range(1, 20)))
    read(sqlite_store, cache, CONFIGS[0])
    answers: list[Annotation] = []
    answer_of = labels_module._answer
    monkeypatch.setattr(labels_module, "_answer", lambda a, by: answers.append(a) or answer_of(a, by))
    result = [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": ["a"]}}]
    sqlite_store.replace_annotations(PROJECT, {7: [Annotation(70, 7, 1, False, result, "")]})
    data = read(sqlite_store, cache, CONFIGS[0])
    assert data.labels.by_task[7] == ("a",)
    assert {a.task_id for a in answers} == {7}
    project.fit(data)
    assert not read(sqlite_store, cache, replace(CONFIGS[0], notes=CONFIGS[0].notes)).changed
