"""Leases: one owner at a time, always released, and stale once their process has ended."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from ml_backend.store import Store
from ml_backend.store.owners import is_running, is_stale, owner_name
from ml_backend.worker import lease as lease_module
from ml_backend.worker.lease import lease


def test_a_lease_has_one_owner_at_a_time(store: Store):
    store.ensure_project(7)
    with lease(store, 7, owner_name()) as first, lease(store, 7, owner_name()) as second:
        assert first is not None
        assert second is None
    with lease(store, 7, owner_name()) as held:
        assert held


def test_two_threads_of_a_worker_do_not_run_a_project_at_the_same_time(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    owner, got = owner_name(), list[bool]()

    def attempt() -> None:
        with lease(sqlite_store, 7, owner) as held:
            got.append(held is not None)

    with lease(sqlite_store, 7, owner):
        other = threading.Thread(target=attempt)
        other.start()
        other.join()
    attempt()
    assert got == [False, True]


def test_a_process_that_does_not_get_a_lease_does_not_release_it(sqlite_store: Store):
    sqlite_store.ensure_project(7)
    with lease(sqlite_store, 7, owner_name()):
        holder = sqlite_store.lease_owners()
        with lease(sqlite_store, 7, owner_name()):
            pass
        assert sqlite_store.lease_owners() == holder
    assert len(holder) == 1


def test_a_run_that_failed_releases_its_lease(sqlite_store: Store):
    def run() -> None:
        with lease(sqlite_store, 7, owner_name()):
            raise ZeroDivisionError

    sqlite_store.ensure_project(7)
    with pytest.raises(ZeroDivisionError):
        run()
    assert sqlite_store.lease_owners() == []


def test_a_lease_is_renewed_during_its_run(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch):
    sqlite_store.ensure_project(7)
    renewed = threading.Semaphore(0)
    monkeypatch.setattr(sqlite_store, "renew_lease", lambda *_: renewed.release())
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.3)
    with lease(sqlite_store, 7, owner_name()):
        assert renewed.acquire(timeout=10)
        assert renewed.acquire(timeout=10), "it must be renewed repeatedly"


def test_a_renewal_that_failed_is_followed_by_the_next(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    sqlite_store.ensure_project(7)
    tried = threading.Semaphore(0)

    def broken(*_: object) -> None:
        tried.release()
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr(sqlite_store, "renew_lease", broken)
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.3)
    with lease(sqlite_store, 7, owner_name()):
        assert tried.acquire(timeout=10)
        assert tried.acquire(timeout=10)
    assert "project 7: the lease could not be renewed" in caplog.text


def test_leases_of_ended_processes_are_stale_and_others_are_not():
    ended = subprocess.Popen(["true"])
    ended.wait()
    hostname = socket.gethostname()
    assert is_stale(f"{hostname}:{ended.pid}:0a:1")
    assert is_stale(f"{hostname}:{os.getpid()}:0a:1"), "a restarted container may give the same process id again"
    assert not is_stale(f"{hostname}:{os.getppid()}:0a:1")
    assert not is_stale(f"another-{hostname}:{ended.pid}:0a:1"), "processes of another machine cannot be checked"


def test_the_lease_of_a_killed_process_is_stale_even_before_its_parent_waits_for_it():
    sleeper = subprocess.Popen(["sleep", "60"])
    assert is_running(sleeper.pid)
    sleeper.kill()
    deadline = time.monotonic() + 5
    while is_running(sleeper.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert Path(f"/proc/{sleeper.pid}").exists()
    sleeper.wait()
    assert not is_running(sleeper.pid)
