from __future__ import annotations

import numpy as np
import pytest

from ml_backend.annotation import Annotation
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.task_arrays import TaskArrays
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

Texts = dict[int, str | None]


def put_tasks(store: Store, texts: Texts) -> None:
    """Store tasks by id; None is a task with a problem. The hash of a text is the text itself."""
    records = [TaskRecord(1, i, t, None if t else "empty") for i, t in texts.items()]
    store.upsert_tasks(1, records, {t: t for t in texts.values() if t})


def embed(store: Store, *texts: str) -> None:
    store.put_embeddings("m", texts, np.array([[len(t), ord(t[0])] for t in texts], dtype=np.float32))


def annotate(store: Store, task_id: int, *annotation_ids: int) -> None:
    store.replace_annotations(1, {task_id: [Annotation(a, task_id, 1, False, [], "") for a in annotation_ids]})


def assert_up_to_date(arrays: TaskArrays, store: Store) -> None:
    """The arrays equal those of a new cache that reads everything."""
    fresh = ArrayCache(store).arrays(1, "m")
    np.testing.assert_array_equal(arrays.task_ids, fresh.task_ids)
    np.testing.assert_array_equal(arrays.embedded, fresh.embedded)
    np.testing.assert_array_equal(arrays.vectors[arrays.embedded], fresh.vectors[fresh.embedded])
    assert not arrays.vectors[~arrays.embedded].any()
    np.testing.assert_array_equal(arrays.texts == -1, fresh.texts == -1)
    np.testing.assert_array_equal(arrays.texts[:, None] == arrays.texts, fresh.texts[:, None] == fresh.texts)
    assert arrays.annotations == fresh.annotations
    assert arrays.missing() == fresh.missing()


def test_arrays_follow_every_kind_of_change(store: Store):
    cache = ArrayCache(store)
    assert len(cache.arrays(1, "m").task_ids) == 0
    put_tasks(store, {2: "a", 4: "bb", 6: None, 8: "a"})
    embed(store, "a")
    assert_up_to_date(cache.arrays(1, "m"), store)
    embed(store, "bb")
    assert_up_to_date(cache.arrays(1, "m"), store)
    annotate(store, 2, 10)
    annotate(store, 4, 11, 12)
    assert_up_to_date(cache.arrays(1, "m"), store)
    annotate(store, 4)
    put_tasks(store, {9: "ccc", 10: "bb"})
    assert_up_to_date(cache.arrays(1, "m"), store)
    put_tasks(store, {2: "changed", 6: "now a text", 8: None})
    embed(store, "changed", "ccc")
    assert_up_to_date(cache.arrays(1, "m"), store)
    store.remove_tasks(1, [4])
    assert_up_to_date(cache.arrays(1, "m"), store)
    put_tasks(store, {5: "between", 11: "behind"})
    assert_up_to_date(cache.arrays(1, "m"), store)
    store.ensure_project(1)
    store.forget_project(1)
    assert_up_to_date(cache.arrays(1, "m"), store)


def test_a_change_by_another_process_is_seen(store: Store, database_url: str):
    put_tasks(store, {1: "a"})
    embed(store, "a")
    cache = ArrayCache(store)
    cache.arrays(1, "m")
    other = Store(database_url)
    put_tasks(other, {2: "b"})
    annotate(other, 1, 5)
    embed(other, "b")
    other.close()
    assert_up_to_date(cache.arrays(1, "m"), store)


def test_after_a_label_only_its_task_is_read(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    put_tasks(sqlite_store, {i: f"text {i}" for i in range(1, 50)})
    embed(sqlite_store, *(f"text {i}" for i in range(1, 50)))
    cache = ArrayCache(sqlite_store)
    before = cache.arrays(1, "m").vectors
    annotate(sqlite_store, 7, 1)
    ids_read = []
    monkeypatch.setattr(
        Store,
        "tasks",
        lambda self, project, ids=None, read=Store.tasks: ids_read.append(ids) or read(self, project, ids),
    )
    monkeypatch.setattr(Store, "vectors_by_task", lambda *_: pytest.fail("all vectors were read"))
    after = cache.arrays(1, "m")
    assert ids_read == [{7}]
    assert set(after.annotations) == {7}
    assert np.shares_memory(before, after.vectors), "the matrix was copied"


def test_a_new_task_does_not_copy_the_matrix(sqlite_store: Store):
    put_tasks(sqlite_store, {i: f"text {i}" for i in range(1, 101)})
    embed(sqlite_store, *(f"text {i}" for i in range(1, 101)))
    cache = ArrayCache(sqlite_store)
    before = cache.arrays(1, "m").vectors
    put_tasks(sqlite_store, {101: "new"})
    embed(sqlite_store, "new")
    after = cache.arrays(1, "m")
    assert after.embedded.all()
    assert np.shares_memory(before, after.vectors)


def test_another_model_has_other_vectors(sqlite_store: Store):
    put_tasks(sqlite_store, {1: "a"})
    embed(sqlite_store, "a")
    cache = ArrayCache(sqlite_store)
    assert cache.arrays(1, "m").embedded.all()
    assert not cache.arrays(1, "other").embedded.any()
    assert cache.arrays(1, "m").embedded.all()


def test_only_the_arrays_of_the_last_projects_are_kept(sqlite_store: Store):
    cache = ArrayCache(sqlite_store, max_projects=2)
    first = cache.arrays(1, "m")
    cache.arrays(2, "m")
    assert cache.arrays(1, "m") is first
    cache.arrays(3, "m")
    cache.arrays(4, "m")
    assert cache.arrays(1, "m") is not first
