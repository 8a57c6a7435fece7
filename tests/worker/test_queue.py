import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huey.consumer import Consumer

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.worker.queue import TaskQueue


@pytest.fixture(params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    redis_url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return Settings(model_dir=tmp_path, redis_url=redis_url)


@contextmanager
def listening(queue: TaskQueue, workers: int = 1) -> Iterator[None]:
    consumer = Consumer(queue.huey, workers=workers)
    consumer._set_signal_handlers = lambda: None  # only the main thread of a process may set them
    consumer.start()
    try:
        yield
    finally:
        consumer.stop(graceful=True)


def wait_for(happened: threading.Event) -> None:
    assert happened.wait(10), "the worker was not woken"


def test_a_ring_in_one_process_wakes_a_worker_in_another(settings: Settings):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    heard: list[int] = []
    done = threading.Event()
    worker.on_run = lambda project_id: (heard.append(project_id), done.set())
    with listening(worker):
        started = time.monotonic()
        web.wake_worker(7)
        wait_for(done)
    assert heard == [7]
    assert time.monotonic() - started < 5


def test_a_worker_is_woken_at_once_and_sleeps_when_nothing_comes(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ml_backend.worker.wake_up.LONGEST_SLEEP", 4.0)
    web, worker = TaskQueue(settings), TaskQueue(settings)
    looks: list[None] = []
    look = worker.huey.storage.dequeue
    monkeypatch.setattr(worker.huey.storage, "dequeue", lambda: (looks.append(None), look())[1])
    heard: list[float] = []
    done = threading.Event()
    worker.on_run = lambda _: (heard.append(time.monotonic()), done.set())
    with listening(worker):
        time.sleep(1.0)
        assert len(looks) <= 2
        rung = time.monotonic()
        web.wake_worker(7)
        wait_for(done)
        web.wake_worker(8)
    assert heard[0] - rung < 2


def test_two_rings_wake_two_workers(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ml_backend.worker.wake_up.LONGEST_SLEEP", 4.0)
    web, worker = TaskQueue(settings), TaskQueue(settings)
    together = threading.Barrier(2, timeout=3)
    met: list[int] = []
    done = threading.Event()
    worker.on_run = lambda project_id: (together.wait(), met.append(project_id), len(met) == 2 and done.set())
    with listening(worker, workers=2):
        time.sleep(0.5)
        web.wake_worker(1)
        web.wake_worker(2)
        wait_for(done)
        web.wake_worker(1)
        web.wake_worker(2)
    assert set(met) == {1, 2}


def test_where_there_are_no_pipes_the_queue_is_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(*_: object) -> None:
        raise PermissionError("not on this file system")

    monkeypatch.setattr("os.mkfifo", refuse)
    settings = Settings(model_dir=tmp_path)
    web, worker = TaskQueue(settings), TaskQueue(settings)
    assert "the worker looks every 50 ms instead" in caplog.text
    done = threading.Event()
    worker.on_run = lambda _: done.set()
    with listening(worker):
        time.sleep(0.2)
        web.wake_worker(7)
        wait_for(done)


def test_requests_meanwhile_are_merged_into_one_ring(settings: Settings, sqlite_store: Store):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    for reason in ("labels", "labels", "settings", "tasks"):
        web.request(sqlite_store, 7, reason)
    heard: list[int] = []
    worker.on_run = heard.append
    with listening(worker):
        time.sleep(0.5)
    assert heard == [7]
    assert sqlite_store.take_requests(7) == ["labels", "settings", "tasks"]


def test_texts_for_predict_go_before_runs(settings: Settings):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    order: list[str] = []
    done = threading.Event()
    worker.on_run = lambda _: (order.append("run"), done.set())
    worker.on_embed = lambda model, texts: order.append(f"{model} {texts['h']}")
    web.wake_worker(1)
    web.embed_soon("minilm", {"h": "hello"})
    with listening(worker):
        wait_for(done)
    assert order == ["minilm hello", "run"]


def test_a_broken_queue_is_logged_and_the_request_is_kept(
    tmp_path: Path, sqlite_store: Store, caplog: pytest.LogCaptureFixture
):
    queue = TaskQueue(Settings(model_dir=tmp_path, redis_url="redis://127.0.0.1:1/0"))
    queue.request(sqlite_store, 7, "labels")
    assert "the next reconciliation runs it" in caplog.text
    assert sqlite_store.pending_projects() == [7]
