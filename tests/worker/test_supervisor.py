"""The worker beside the server: its priority, and that it is started again whenever it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from ml_backend.worker import supervisor
from ml_backend.worker.supervisor import LONGEST_PAUSE, NICENESS, WorkerProcess, pause_after


def test_a_worker_beside_the_server_has_lower_priority():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os; from ml_backend.worker.supervisor import lower_priority; lower_priority(); print(os.nice(0))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == os.nice(0) + NICENESS


class Process:
    """A process that has ended with this status, or that runs until it is terminated."""

    def __init__(self, status: int | None) -> None:
        self._status = status
        self._terminated = threading.Event()
        self.waited_for = threading.Event()

    def poll(self) -> int | None:
        return self._status

    def wait(self, _timeout: float | None = None) -> int | None:
        self.waited_for.set()
        if self._status is None:
            assert self._terminated.wait(10)
        return self._status

    def terminate(self) -> None:
        self._status = -15
        self._terminated.set()


def test_a_worker_is_started_again_however_it_ended_until_the_server_stops(monkeypatch: pytest.MonkeyPatch):
    processes = [Process(1), Process(0), Process(-9), Process(None)]
    last, to_start = processes[-1], iter(processes)
    monkeypatch.setattr(supervisor, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(supervisor.subprocess, "Popen", lambda _command: next(to_start))
    worker = WorkerProcess()
    worker.start()
    assert last.waited_for.wait(10), "it was not started after each of the others"
    worker.stop()
    worker._thread.join(10)
    assert last.poll() == -15
    assert not worker._thread.is_alive(), "nothing is started after that"


def pauses(lifetime: float, lives: int = 9) -> list[float]:
    """The pauses after so many lives of `lifetime` seconds each."""
    all_pauses = [0.0]
    for _ in range(lives):
        all_pauses.append(pause_after(lifetime, all_pauses[-1]))
    return all_pauses[1:]


def test_a_worker_that_is_killed_while_it_works_is_not_kept_waiting_longer_than_it_worked():
    assert pauses(0.5, 7) == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE, LONGEST_PAUSE]
    assert pauses(6.0, 5) == [1.0, 2.0, 4.0, 6.0, 6.0]
    assert pauses(90.0, 3) == [1.0, 1.0, 1.0]
