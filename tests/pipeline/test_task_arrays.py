from __future__ import annotations

import numpy as np
import pytest

from ml_backend.annotation import Annotation
from ml_backend.pipeline.task_arrays import ArrayCache, TaskArrays
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

Texts = dict[int, str | None]


def keep(store: Store, texts: Texts) -> None:
    """Tasks by id; None is a task with a problem. The hash of a text is the text."""
    records = [TaskRecord(1, i, t, None if t else "empty") for i, t in texts.items()]
    store.upsert_tasks(1, records, {t: t for t in texts.values() if t})


def embed(store: Store, *texts: str) -> None:
    store.put_embeddings("m", texts, np.array([[len(t), ord(t[0])] for t in texts], dtype=np.float32))


def annotate(store: Store, task_id: int, *annotation_ids: int) -> None:
    store.replace_annotations(1, {task_id: [Annotation(a, task_id, 1, False, [], "") for a in annotation_ids]})


def same(kept: TaskArrays, store: Store) -> None:
    """What was kept level is what somebody who reads everything finds."""
    fresh = ArrayCache(store).arrays(1, "m")
    np.testing.assert_array_equal(kept.task_ids, fresh.task_ids)
    np.testing.assert_array_equal(kept.embedded, fresh.embedded)
    np.testing.assert_array_equal(kept.vectors[kept.embedded], fresh.vectors[fresh.embedded])
    assert not kept.vectors[~kept.embedded].any()
    np.testing.assert_array_equal(kept.texts == -1, fresh.texts == -1)
    np.testing.assert_array_equal(kept.texts[:, None] == kept.texts, fresh.texts[:, None] == fresh.texts)
    assert kept.annotations == fresh.annotations
    assert kept.missing() == fresh.missing()


def test_arrays_stay_level_with_every_kind_of_change(store: Store):
    cache = ArrayCache(store)
    assert len(cache.arrays(1, "m").task_ids) == 0
    keep(store, {2: "a", 4: "bb", 6: None, 8: "a"})
    embed(store, "a")
    same(cache.arrays(1, "m"), store)
    embed(store, "bb")
    same(cache.arrays(1, "m"), store)
    annotate(store, 2, 10)
    annotate(store, 4, 11, 12)
    same(cache.arrays(1, "m"), store)
    annotate(store, 4)
    keep(store, {9: "ccc", 10: "bb"})
    same(cache.arrays(1, "m"), store)
    keep(store, {2: "changed", 6: "now a text", 8: None})
    embed(store, "changed", "ccc")
    same(cache.arrays(1, "m"), store)
    store.remove_tasks(1, [4])
    same(cache.arrays(1, "m"), store)
    keep(store, {5: "between", 11: "behind"})
    same(cache.arrays(1, "m"), store)
    store.ensure_project(1)
    store.forget_project(1)
    same(cache.arrays(1, "m"), store)


def test_a_change_by_another_process_is_seen(store: Store, database_url: str):
    keep(store, {1: "a"})
    embed(store, "a")
    cache = ArrayCache(store)
    cache.arrays(1, "m")
    other = Store(database_url)
    keep(other, {2: "b"})
    annotate(other, 1, 5)
    embed(other, "b")
    other.close()
    same(cache.arrays(1, "m"), store)


def test_a_label_reads_only_the_tasks_that_it_is_about(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    keep(sqlite_store, {i: f"text {i}" for i in range(1, 50)})
    embed(sqlite_store, *(f"text {i}" for i in range(1, 50)))
    cache = ArrayCache(sqlite_store)
    before = cache.arrays(1, "m").vectors
    annotate(sqlite_store, 7, 1)
    asked = []
    monkeypatch.setattr(
        Store, "tasks", lambda self, project, ids=None, read=Store.tasks: asked.append(ids) or read(self, project, ids)
    )
    monkeypatch.setattr(Store, "vectors_by_task", lambda *_: pytest.fail("all vectors were read"))
    after = cache.arrays(1, "m")
    assert asked == [{7}]
    assert set(after.annotations) == {7}
    assert np.shares_memory(before, after.vectors), "the matrix was copied"


def test_new_tasks_seldom_move_the_matrix(sqlite_store: Store):
    keep(sqlite_store, {i: f"text {i}" for i in range(1, 101)})
    embed(sqlite_store, *(f"text {i}" for i in range(1, 101)))
    cache = ArrayCache(sqlite_store)
    before = cache.arrays(1, "m").vectors
    keep(sqlite_store, {101: "new"})
    embed(sqlite_store, "new")
    after = cache.arrays(1, "m")
    assert after.embedded.all()
    assert np.shares_memory(before, after.vectors)


def test_another_model_has_other_vectors(sqlite_store: Store):
    keep(sqlite_store, {1: "a"})
    embed(sqlite_store, "a")
    cache = ArrayCache(sqlite_store)
    assert cache.arrays(1, "m").embedded.all()
    assert not cache.arrays(1, "other").embedded.any()
    assert cache.arrays(1, "m").embedded.all()


def test_only_the_projects_used_last_are_kept(sqlite_store: Store):
    cache = ArrayCache(sqlite_store, max_projects=2)
    first = cache.arrays(1, "m")
    cache.arrays(2, "m")
    assert cache.arrays(1, "m") is first
    cache.arrays(3, "m")
    cache.arrays(4, "m")
    assert cache.arrays(1, "m") is not first
