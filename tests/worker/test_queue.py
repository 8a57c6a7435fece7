"""The task queue: a message wakes a worker of another process at once, on SQLite and on Redis."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from huey.consumer import Consumer
from redis.exceptions import RedisError

from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.states import ProjectState, RunReason
from ml_backend.worker import queue as queue_module
from ml_backend.worker import redis_storage, wake_up
from ml_backend.worker.queue import TaskQueue

LONG_SLEEP = 60.0
"""Seconds that a thread sleeps unless it is woken: longer than any wait of these tests."""


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
        queue.on_run = lambda _: None
        consumer.stop_flag.set()
        for _ in range(workers):
            queue.wake_worker(0)  # a thread that sleeps sees the flag when it wakes
        consumer.stop(graceful=True)


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """The address of a server that accepts connections and never answers, as a frozen Redis."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


def test_a_redis_that_does_not_answer_keeps_no_annotator_waiting(
    silent_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(queue_module, "REDIS_SECONDS", 0.1)
    TaskQueue(Settings(model_dir=tmp_path, redis_url=silent_redis)).wake_worker(7)
    assert "project 7: the queue did not accept the message" in caplog.text


@pytest.fixture
def asleep(monkeypatch: pytest.MonkeyPatch) -> Callable[[TaskQueue], threading.Semaphore]:
    """Makes threads of a queue sleep until they are woken; the semaphore counts how often one went to sleep."""

    def watch(queue: TaskQueue) -> threading.Semaphore:
        count = threading.Semaphore(0)
        storage = queue.huey.storage
        on, name = (storage, "_wait") if hasattr(storage, "_wait") else (storage.conn, "bzpopmin")
        sleep = getattr(on, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            count.release()
            return sleep(*arguments, **options)

        monkeypatch.setattr(on, name, counted)
        monkeypatch.setattr("ml_backend.worker.wake_up.LONGEST_WAIT_SECONDS", LONG_SLEEP)
        monkeypatch.setattr(storage, "read_timeout", LONG_SLEEP, raising=False)
        return count

    return watch


def wait_for(happened: threading.Event | threading.Semaphore) -> None:
    wait = happened.wait if isinstance(happened, threading.Event) else happened.acquire
    assert wait(timeout=10), "the worker was not woken"


def test_a_message_of_another_process_wakes_a_sleeping_worker(settings: Settings, asleep: Any):
    worker = TaskQueue(settings)
    sleeps = asleep(worker)
    projects: list[int] = []
    done = threading.Event()
    worker.on_run = lambda project_id: (projects.append(project_id), done.set())
    send = (
        "import sys; from pathlib import Path; from ml_backend.settings import Settings; "
        "from ml_backend.worker import queue; queue.QUEUE_NAME = sys.argv[1]; "
        "settings = Settings(model_dir=Path(sys.argv[2]), redis_url=sys.argv[3] or None); "
        "queue.TaskQueue(settings).wake_worker(7)"
    )
    arguments = [queue_module.QUEUE_NAME, str(settings.model_dir), settings.redis_url or ""]
    with listening(worker):
        wait_for(sleeps)
        subprocess.run([sys.executable, "-c", send, *arguments], check=True)
        wait_for(done)
    assert projects == [7]


def test_a_worker_sleeps_until_a_message_and_each_message_wakes_it_once(settings: Settings, asleep: Any):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    sleeps = asleep(worker)
    done = threading.Event()
    worker.on_run = lambda _: done.set()
    with listening(worker):
        for _ in range(3):
            wait_for(sleeps)
            assert not sleeps.acquire(blocking=False), "it must sleep, not poll"
            done.clear()
            web.wake_worker(7)
            wait_for(done)


def test_a_message_right_before_the_first_sleep_on_sqlite_wakes_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    web, worker = TaskQueue(Settings(model_dir=tmp_path)), TaskQueue(Settings(model_dir=tmp_path))
    storage, select_ready = worker.huey.storage, wake_up.select.select
    sleep, woken = storage._wait, []

    def noted(*arguments: Any) -> Any:
        ready = select_ready(*arguments)
        woken.append(bool(ready[0]))
        return ready

    monkeypatch.setattr(wake_up, "LONGEST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(wake_up.select, "select", noted)
    monkeypatch.setattr(storage, "_wait", lambda: (web.wake_worker(7), sleep()))
    assert storage.dequeue() is not None
    assert woken == [True]


def test_two_messages_wake_two_workers(settings: Settings, asleep: Any):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    sleeps = asleep(worker)
    # Only two threads that run at the same time pass it.
    together = threading.Barrier(2, timeout=10)
    met: list[int] = []
    done = threading.Semaphore(0)
    worker.on_run = lambda project_id: (together.wait(), met.append(project_id), done.release())
    with listening(worker, workers=2):
        wait_for(sleeps)
        wait_for(sleeps)
        web.wake_worker(1)
        web.wake_worker(2)
        wait_for(done)
        wait_for(done)
    assert sorted(met) == [1, 2]


def test_without_named_pipes_the_queue_is_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def refuse(*_: object) -> None:
        raise PermissionError("not on this file system")

    monkeypatch.setattr("os.mkfifo", refuse)
    settings = Settings(model_dir=tmp_path)
    web, worker = TaskQueue(settings), TaskQueue(settings)
    assert "the worker polls the queue every 50 ms instead" in caplog.text
    polls = threading.Semaphore(0)
    look = worker.huey.storage.dequeue
    monkeypatch.setattr(worker.huey.storage, "dequeue", lambda: (polls.release(), look())[1])
    done = threading.Event()
    worker.on_run = lambda _: done.set()
    with listening(worker):
        wait_for(polls)
        wait_for(polls)
        web.wake_worker(7)
        wait_for(done)


def test_requests_before_a_run_are_merged_into_one_message(settings: Settings, sqlite_store: Store):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    for reason in ("labels", "labels", "settings", "tasks"):
        web.request(sqlite_store, 7, reason)
    assert worker.huey.pending_count() == 1
    projects: list[int] = []
    done = threading.Event()
    worker.on_run = lambda project_id: (projects.append(project_id), done.set())
    with listening(worker):
        wait_for(done)
        assert worker.huey.pending_count() == 0
    assert projects == [7]
    assert sqlite_store.take_requests(7) == ["labels", "settings", "tasks"]


def test_what_a_person_asked_for_wakes_a_worker_although_a_failed_run_is_still_to_be_repeated(
    tmp_path: Path, sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
):
    queue = TaskQueue(Settings(model_dir=tmp_path))
    woken: list[int] = []
    monkeypatch.setattr(queue, "wake_worker", woken.append)
    sqlite_store.ensure_project(7)
    sqlite_store.update_project(7, state=ProjectState.WAITING)
    sqlite_store.request_run(7, RunReason.LABELS)  # the worker repeats it after a pause
    queue.request(sqlite_store, 7, RunReason.LABELS)
    assert woken == []
    queue.request(sqlite_store, 7, RunReason.SETTINGS)
    assert woken == [7]


def test_a_message_with_a_delay_is_put_off_by_the_worker_that_reads_it(settings: Settings):
    web, worker = TaskQueue(settings), TaskQueue(settings)
    worker.on_run = lambda _: pytest.fail("it ran at once")
    web.wake_worker(7, delay=LONG_SLEEP)
    worker.huey.execute(worker.huey.dequeue())
    assert (worker.huey.pending_count(), worker.huey.scheduled_count()) == (0, 1)


def test_texts_for_predict_are_embedded_before_runs(settings: Settings):
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


def test_an_unreachable_queue_is_logged_and_the_request_stays_in_the_store(
    tmp_path: Path, sqlite_store: Store, caplog: pytest.LogCaptureFixture
):
    queue = TaskQueue(Settings(model_dir=tmp_path, redis_url="redis://127.0.0.1:1/0"))
    queue.request(sqlite_store, 7, "labels")
    assert "the next reconciliation runs the project" in caplog.text
    assert sqlite_store.pending_projects() == [7]


def test_a_process_that_only_sends_messages_refuses_to_run_them(tmp_path: Path):
    queue = TaskQueue(Settings(model_dir=tmp_path))
    with pytest.raises(RuntimeError, match="`python -m ml_backend worker` runs them"):
        queue.on_run(7)


@pytest.mark.parametrize("of", ["queue_key", "schedule_key"])
def test_a_key_of_another_type_is_named_once_with_the_remedy_and_the_worker_goes_on_when_it_is_gone(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, of: str
):
    monkeypatch.setattr(redis_storage, "PAUSE_SECONDS", 0.01)
    worker = TaskQueue(Settings(model_dir=tmp_path, redis_url=redis_url))
    storage = worker.huey.storage
    key = getattr(storage, of)
    storage.conn.set(key, "x")
    failed = threading.Semaphore(0)
    report = storage._report
    monkeypatch.setattr(storage, "_report", lambda problem: (report(problem), failed.release()))
    done = threading.Event()
    worker.on_run = lambda _: done.set()
    worker.huey.periodic_task(lambda _now: True, name="reconcile")(lambda: None)
    with listening(worker, workers=2):
        wait_for(failed)
        wait_for(failed)
        with pytest.raises(RedisError, match=f"the key {key} of Redis .* DEL {key}"):
            worker.length()
        worker.wake_worker(7)
        worker.wake_worker(8, delay=1.0)
        storage.conn.delete(key)
        worker.wake_worker(7)
        wait_for(done)
    assert worker.length() >= 0
    from_threads = [r for r in caplog.records if "did not accept the message" not in r.getMessage()]
    assert [f"DEL {key}`" in record.getMessage() for record in from_threads if record.levelname == "ERROR"] == [True]
    assert not any(record.exc_info for record in caplog.records)
