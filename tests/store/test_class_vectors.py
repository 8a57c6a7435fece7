"""Vectors of class texts: each project keeps those that it uses, and nothing else deletes them."""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import create_engine, func, select

from ml_backend.store import Store, tables
from ml_backend.store.learning_records import Agreement, HeadRecord, PriorRecord
from ml_backend.store.records import ClassNamesUse, TaskRecord

VECTORS = np.arange(8, dtype=np.float32).reshape(2, 4)


def rows(database_url: str) -> int:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        n = connection.execute(select(func.count()).select_from(tables.class_vectors)).scalar_one()
    engine.dispose()
    return int(n)


def test_vectors_are_read_as_written_by_project(store: Store):
    store.put_class_vectors(1, ["one", "two"], VECTORS)
    read = store.class_vectors(1)
    assert set(read) == {"one", "two"}
    np.testing.assert_array_equal(np.stack([read["one"], read["two"]]), VECTORS)
    assert store.class_vectors(2) == {}


def test_a_project_keeps_only_the_vectors_that_it_uses_now(store: Store, database_url: str):
    store.put_class_vectors(2, ["one"], VECTORS[:1])
    for keys in (["one", "two"], ["two", "three"], ["two"]):
        store.put_class_vectors(1, keys, VECTORS[: len(keys)])
    assert set(store.class_vectors(1)) == {"two"}
    assert rows(database_url) == 2


def test_classes_with_the_same_text_share_a_vector(store: Store):
    store.put_class_vectors(1, ["one", "one"], np.stack([VECTORS[0], VECTORS[0]]))
    assert set(store.class_vectors(1)) == {"one"}


def test_vectors_of_class_texts_stay_when_a_task_with_the_same_text_goes(store: Store):
    store.put_class_vectors(1, ["one"], VECTORS[:1])
    store.upsert_tasks(1, [TaskRecord(1, 5, "one", None)], {"one": "billing"})
    store.put_embeddings("minilm", ["one"], VECTORS[1:])
    store.remove_tasks(1, [5])
    assert store.embeddings("minilm", ["one"]) == {}
    np.testing.assert_array_equal(store.class_vectors(1)["one"], VECTORS[0])


def test_more_vectors_than_keys_are_refused(store: Store):
    with pytest.raises(ValueError, match="argument"):
        store.put_class_vectors(1, ["one"], VECTORS)


def head(project_id: int, version: str, created_at: float, prior: PriorRecord | None) -> HeadRecord:
    return HeadRecord(version, project_id, ["a"], False, "minilm", 0, b"", Agreement(), created_at, class_prior=prior)


def test_what_a_head_has_from_the_class_names_is_stored_with_it(store: Store):
    prior = PriorRecord(12.5, 3.25, names=3, descriptions=1)
    store.ensure_project(1)
    store.ensure_project(2)
    store.put_head(head(1, "old", 1.0, PriorRecord(20.0, 0.0, 4, 0)))
    store.put_head(head(1, "new", 2.0, prior))
    store.put_head(head(2, "with names", 1.0, prior))
    store.put_head(head(2, "without names", 2.0, None))
    newest = store.current_head(1)
    assert newest is not None
    assert newest.class_prior == prior
    assert store.newest_class_priors() == {1: prior}


def test_the_class_texts_of_the_last_fit_are_stored_with_the_project(store: Store):
    assert store.ensure_project(1).class_names is None
    use = ClassNamesUse(["about bills"], "The model has no vector for it.")
    store.update_project(1, class_names=use)
    project = store.project(1)
    assert project is not None
    assert project.class_names == use
