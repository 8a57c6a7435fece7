"""What jobs read beside a run: never arrays that are being brought up to date, and what is new once it has ended."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.pipeline.task_arrays import TaskArrays
from ml_backend.store import Store
from ml_backend.store.records import TaskRecord

CONFIG = (
    '<View><Text name="t" value="$t"/><Choices name="c" toName="t">'
    '<Choice value="a"/><Choice value="b"/></Choices></View>'
)
MODEL = "model"


@pytest.fixture
def config() -> LabelConfig:
    return parse(CONFIG)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    sqlite_store.ensure_project(7)
    add_tasks(sqlite_store, 1, 5)
    return sqlite_store


def add_tasks(store: Store, first: int, last: int) -> None:
    numbers = range(first, last + 1)
    texts = {f"{n:032d}": f"text {n}" for n in numbers}
    store.upsert_tasks(7, [TaskRecord(7, n, f"{n:032d}", None) for n in numbers], texts)
    store.put_embeddings(MODEL, list(texts), np.eye(8, dtype=np.float32)[: len(texts)])


def label(store: Store, task: int, name: str) -> None:
    result = [{"from_name": "c", "to_name": "t", "type": "choices", "value": {"choices": [name]}}]
    store.replace_annotations(
        7, {task: [Annotation(task, task, result=result, cancelled=False, annotator=1, updated_at="")]}
    )


def test_without_a_run_the_pool_is_up_to_date(store: Store, config: LabelConfig):
    cache = ArrayCache(store)
    assert cache.pool_to_read(7, MODEL, config).task_ids.tolist() == [1, 2, 3, 4, 5]
    add_tasks(store, 6, 7)
    label(store, 2, "b")
    pool = cache.pool_to_read(7, MODEL, config)
    assert pool.task_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert pool.embedded.all()
    assert (pool.labels[1], pool.open[1], pool.labeled) == (1, False, 1)


def test_while_a_run_goes_on_its_pool_is_read_and_nothing_is_brought_up_to_date(
    store: Store, config: LabelConfig, monkeypatch: pytest.MonkeyPatch
):
    cache = ArrayCache(store)
    with cache.run(7):
        _, of_run = cache.pool(7, MODEL, config)
        add_tasks(store, 6, 7)
        monkeypatch.setattr(TaskArrays, "refresh", lambda _: pytest.fail("the run uses these arrays"))
        assert cache.pool_to_read(7, MODEL, config) is of_run
    monkeypatch.undo()
    assert len(cache.pool_to_read(7, MODEL, config).task_ids) == 7


def test_what_a_job_read_stays_as_it_was_while_a_run_adds_tasks(store: Store, config: LabelConfig):
    cache = ArrayCache(store)
    read = cache.pool_to_read(7, MODEL, config)
    before = read.embeddings.copy()
    with cache.run(7):
        for first in range(6, 60, 6):  # the matrix outgrows the memory that was reserved for it
            add_tasks(store, first, first + 5)
            cache.pool(7, MODEL, config)
    np.testing.assert_array_equal(read.embeddings, before)
    assert (len(read.task_ids), read.embedded.tolist()) == (5, [True] * 5)


@pytest.mark.parametrize("change", ["other model", "other config", "first run", "forgotten"])
def test_a_pool_that_the_run_does_not_have_is_read(store: Store, config: LabelConfig, change: str):
    cache = ArrayCache(store)
    store.put_embeddings("other", [f"{n:032d}" for n in range(1, 6)], np.ones((5, 3), dtype=np.float32))
    with cache.run(7):
        if change != "first run":
            cache.pool(7, MODEL, config)
        if change == "forgotten":
            cache.forget(7)
        wanted = parse(CONFIG.replace('"b"', '"z"')) if change == "other config" else config
        pool = cache.pool_to_read(7, "other" if change == "other model" else MODEL, wanted)
    assert pool.embeddings.shape == (5, 3 if change == "other model" else 8)
    assert pool.embedded.all()


def test_a_run_waits_for_a_job_that_reads_the_vectors_for_the_first_time(
    store: Store, config: LabelConfig, monkeypatch: pytest.MonkeyPatch
):
    cache = ArrayCache(store)
    refresh, is_reading, go_on = TaskArrays.refresh, threading.Event(), threading.Event()
    active: list[int] = []

    def slow(arrays: TaskArrays) -> None:
        active.append(1)
        assert len(active) == 1, "two threads bring the same arrays up to date"
        is_reading.set()
        go_on.wait(5)
        refresh(arrays)
        active.pop()

    monkeypatch.setattr(TaskArrays, "refresh", slow)
    threads = [threading.Thread(target=cache.pool_to_read, args=(7, MODEL, config))]
    threads[0].start()
    is_reading.wait(5)
    threads.append(threading.Thread(target=cache.pool, args=(7, MODEL, config)))
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert active == []


def test_projects_beyond_the_limit_are_dropped_and_read_again(store: Store, config: LabelConfig):
    store.ensure_project(8)
    cache = ArrayCache(store, max_projects=1)
    cache.pool_to_read(7, MODEL, config)
    cache.pool_to_read(8, MODEL, config)
    assert len(cache.pool_to_read(7, MODEL, config).task_ids) == 5
