"""What a stranger writes into the task queue is dropped: no code runs, and the next message is handled."""

from __future__ import annotations

import json
import os
import pickle
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_backend.settings import Settings
from ml_backend.worker.queue import TaskQueue

RUN = "ml_backend.worker.queue.run_project"
EMBED = "ml_backend.worker.queue.embed_texts"
LONG_AGO = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)


@pytest.fixture(params=["sqlite", "redis"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> TaskQueue:
    redis_url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return TaskQueue(Settings(model_dir=tmp_path, redis_url=redis_url))


class Bomb:
    """Unpickling it creates a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.file}",)


def message(task: str, arguments: Any, **changes: Any) -> bytes:
    fields = {"task": task, "arguments": arguments, "id": "1", "eta": None, "priority": 1}
    return json.dumps({**fields, **changes}).encode()


def handle(queue: TaskQueue) -> list[int]:
    """Let a worker handle everything that the queue and its schedule hold; returns the projects that it ran."""
    ran: list[int] = []
    queue.on_run = ran.append
    for task in queue.huey.read_schedule():
        queue.huey.enqueue(task)
    while queue.huey.pending_count():
        task = queue.huey.dequeue()
        if task is not None:
            queue.huey.execute(task)
    return ran


def test_a_pickle_in_the_queue_or_in_its_schedule_runs_no_code(
    queue: TaskQueue, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    bomb = pickle.dumps(Bomb(tmp_path / "created"))
    queue.huey.storage.enqueue(bomb, 100)
    queue.huey.storage.add_to_schedule(bomb, LONG_AGO)
    queue.huey.storage.put_data("r:1", bomb)
    queue.wake_worker(7)
    assert handle(queue) == [7]
    assert not (tmp_path / "created").exists()
    assert caplog.text.count("a message of the task queue was dropped") == 2
    pickle.loads(bomb)
    assert (tmp_path / "created").exists(), "the pickle is one that would have created it"


@pytest.mark.parametrize(
    "invented",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"7",
        b"{}",
        message("os.system", ["touch /tmp/x"]),
        message(RUN, []),
        message(RUN, ["7"]),
        message(RUN, [True]),
        message(RUN, [2**70]),
        message(RUN, {"project_id": 7}),
        message(RUN, [7], eta="tomorrow"),
        message(RUN, [7], id=7),
        message(RUN, [7], priority="high"),
        message(EMBED, ["minilm"]),
        message(EMBED, ["minilm", {"h": 7}]),
        message("elsewhere.run_project", [7]),
    ],
    ids=range(17),
)
def test_an_invented_message_is_dropped_and_the_next_one_handled(queue: TaskQueue, invented: bytes):
    queue.huey.storage.enqueue(invented, 100)
    queue.huey.storage.add_to_schedule(invented, LONG_AGO)
    queue.wake_worker(7)
    queue.on_embed = lambda *_: pytest.fail("it was embedded")
    assert handle(queue) == [7]


def test_a_message_with_a_delay_comes_out_of_the_schedule_as_it_was(queue: TaskQueue):
    queue.wake_worker(7, delay=3600)
    assert handle(queue) == [], "it is put off"
    (task,) = queue.huey.read_schedule(datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=2))
    assert (task.name, task.args) == ("run_project", (7,))
