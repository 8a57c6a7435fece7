from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ml_backend.annotation import Annotation
from ml_backend.commands.backup import back_up, examine_backup, restore_backup
from ml_backend.commands.demo.label_studio_process import free_port
from ml_backend.commands.failure import CannotCopy
from ml_backend.pipeline.array_cache import ArrayCache
from ml_backend.settings import Settings
from ml_backend.store import Store, schema
from ml_backend.store import restore as restoring
from ml_backend.store.records import TaskRecord
from ml_backend.worker.queue import TaskQueue

FIRST_DATABASE = Path(__file__).parents[1] / "store" / "first_database.sqlite.sql"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'store.db'}")


@pytest.fixture
def store(settings: Settings, sqlite_store: Store) -> Store:
    """A store on the database of the settings."""
    return sqlite_store


def annotation(annotation_id: int, task_id: int) -> Annotation:
    return Annotation(annotation_id, task_id, 7, False, [{"type": "choices"}], "2026-01-01T00:00:00Z")


def fill(store: Store, project: int = 1, tasks: int = 3) -> None:
    store.ensure_project(project, title="Mail", watermark="2026-01-01T00:00:00Z")
    records = [TaskRecord(project, i, f"hash {i}", None) for i in range(1, tasks + 1)]
    store.upsert_tasks(project, records, {f"hash {i}": f"text {i}" for i in range(1, tasks + 1)})
    store.put_embeddings("minilm", [f"hash {i}" for i in range(1, tasks + 1)], np.eye(tasks, dtype=np.float32))
    store.replace_annotations(project, {1: [annotation(project * 100, 1)]})


def write_first_database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(FIRST_DATABASE.read_text())


def command(settings: Settings, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": settings.database_url, "MODEL_DIR": str(settings.model_dir)}
    environment["PORT"] = str(free_port(0))  # a service of somebody's own may run at the usual one
    return subprocess.run(
        [sys.executable, "-m", "ml_backend", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "COLUMNS": "400"},
    )


def test_a_backup_holds_the_whole_database_and_reports_its_contents(settings: Settings, store: Store, tmp_path: Path):
    fill(store)
    steps: list[tuple[int, int]] = []
    contents = back_up(
        settings, tmp_path / "copy.db", progress=lambda remaining, total: steps.append((remaining, total))
    )
    assert (contents.projects, contents.labels, contents.version) == (1, 1, schema.revisions()[-1])
    assert contents.size == (tmp_path / "copy.db").stat().st_size
    assert steps[-1][0] == 0
    assert steps[-1][1] > 10
    copied = Store(f"sqlite:///{tmp_path / 'copy.db'}")
    assert copied.task_ids(1) == {1, 2, 3}
    assert copied.annotations(1) == store.annotations(1)
    copied.close()


def test_a_backup_is_one_consistent_file_although_others_write_meanwhile(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(store)
    store.put_embeddings("minilm", [f"more {i}" for i in range(500)], np.ones((500, 384), dtype=np.float32))
    monkeypatch.setattr("ml_backend.store.sqlite_copy.PAGES_AT_ONCE", 20)
    steps: list[int] = []

    def write(remaining: int, _total: int) -> None:
        steps.append(remaining)
        store.ensure_project(100 + len(steps))
        store.add_event(100 + len(steps), "LATER", {})

    back_up(settings, tmp_path / "copy.db", progress=write)
    assert len(steps) > 5, "the file must be copied in several steps"
    assert steps == sorted(steps, reverse=True), "a write must not make the copy start again"
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT id FROM projects").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM events").fetchall() == [(0,)]
    assert {path.name for path in tmp_path.glob("copy.db*")} == {"copy.db"}


def test_an_existing_file_is_overwritten_only_with_force(settings: Settings, store: Store, tmp_path: Path):
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(CannotCopy, match="--force"):
        back_up(settings, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"
    assert back_up(settings, tmp_path / "copy.db", force=True).projects == 0
    with pytest.raises(CannotCopy, match="database itself"):
        back_up(settings, tmp_path / "store.db", force=True)


def test_backing_up_a_damaged_database_leaves_the_previous_backup(settings: Settings, store: Store, tmp_path: Path):
    fill(store, tasks=200)
    (tmp_path / "copy.db").write_text("of yesterday")
    store.close()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(4096 * 6)
        file.write(b"\xff" * 4096 * 4)
    with pytest.raises(CannotCopy):
        back_up(settings, tmp_path / "copy.db", force=True)
    assert (tmp_path / "copy.db").read_text() == "of yesterday"
    assert {path.name for path in tmp_path.glob("copy.db*")} == {"copy.db"}


def test_a_restore_brings_back_the_backup_and_keeps_the_previous_database(
    settings: Settings, store: Store, tmp_path: Path
):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    store.forget_project(1)
    fill(store, project=2)
    previous = restore_backup(settings, tmp_path / "copy.db")
    assert [p.id for p in store.projects()] == [1]
    assert store.task_ids(1) == {1, 2, 3}
    assert store.project(1).watermark == "2026-01-01T00:00:00Z"
    assert previous == tmp_path / "store.db.before-restore"
    assert not list(tmp_path.glob("restore-*")), "no temporary file is left"
    assert [p.id for p in _opened(previous)] == [2]
    assert restore_backup(settings, previous) == tmp_path / "store.db.before-restore-2"
    assert [p.id for p in store.projects()] == [2]


def _opened(file: Path):
    store = Store(f"sqlite:///{file}")
    try:
        return store.projects()
    finally:
        store.close()


def test_arrays_in_memory_are_read_again_after_a_restore(settings: Settings, store: Store, tmp_path: Path):
    other_process = Store(settings.database_url)
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    # As many changes as the backup has, and one more: after the restore neither revision may come again.
    for changes in (0, 1, 7):
        for i in range(changes):
            store.replace_annotations(1, {2: [annotation(200 + i, 2)]})
        store.remove_tasks(1, [3])
        cache = ArrayCache(other_process)
        assert cache.arrays(1, "minilm").task_ids.tolist() == [1, 2]
        revision, _ = store.changes(1, 0)
        restore_backup(settings, tmp_path / "copy.db")
        arrays = cache.arrays(1, "minilm")
        assert arrays.task_ids.tolist() == [1, 2, 3]
        assert {i: [a.annotation_id for a in annotations] for i, annotations in arrays.annotations.items()} == {
            1: [100]
        }
        np.testing.assert_array_equal(arrays.vectors, np.eye(3, dtype=np.float32))
        newest, changed = store.changes(1, revision)
        assert newest > revision
        assert changed is None
    other_process.close()


def test_a_restore_makes_revisions_higher_than_in_the_backup_and_in_the_replaced_database(
    settings: Settings, store: Store, tmp_path: Path
):
    fill(store)
    for i in range(20):
        store.replace_annotations(1, {2: [annotation(200 + i, 2)]})
    in_backup, _ = store.changes(1, 0)
    back_up(settings, tmp_path / "copy.db")
    store.close()
    for name in ("store.db", "store.db-wal", "store.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    store.create()
    fill(store, project=1)
    restore_backup(settings, tmp_path / "copy.db")
    assert store.changes(1, in_backup) == (in_backup + 1, None)
    fill(store, project=5)
    of_project_gone, _ = store.changes(5, 0)
    restore_backup(settings, tmp_path / "copy.db")
    assert store.changes(5, of_project_gone) == (of_project_gone + 1, None)


def test_a_restore_requests_a_run_of_every_project_and_drops_old_events_requests_and_leases(
    settings: Settings, store: Store, tmp_path: Path
):
    fill(store)
    fill(store, project=2)
    secret_then = store.webhook_secret()
    store.add_event(1, "OLD", {})
    store.request_run(1, "labels")
    store.acquire_lease(1, "host:1:gone", 30.0)
    back_up(settings, tmp_path / "copy.db")
    store.release_lease(1, "host:1:gone")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("UPDATE secrets SET value = 'what Label Studio sends now'")
        connection.commit()
    restore_backup(settings, tmp_path / "copy.db")
    assert store.pending_projects() == [1, 2]
    assert store.take_requests(1) == ["start"]
    assert store.events(1) == []
    assert store.lease_owners() == []
    assert store.webhook_secret() == "what Label Studio sends now" != secret_then


def test_a_database_without_a_webhook_secret_gets_that_of_the_backup(settings: Settings, store: Store, tmp_path: Path):
    secret = store.webhook_secret()
    back_up(settings, tmp_path / "copy.db")
    elsewhere = Settings(model_dir=tmp_path / "new", database_url=f"sqlite:///{tmp_path / 'new' / 'store.db'}")
    assert restore_backup(elsewhere, tmp_path / "copy.db") is None, "there is no previous database to keep"
    restored = Store(elsewhere.database_url)
    restored.create()
    assert restored.webhook_secret() == secret
    restored.close()


def test_a_restore_waits_for_the_run_under_way(settings: Settings, store: Store, tmp_path: Path):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    store.acquire_lease(1, "host:1:worker", 30.0)
    store.update_project(1, title="written before the run ended")
    restore = threading.Thread(target=restore_backup, args=(settings, tmp_path / "copy.db"))
    restore.start()
    fill(store, project=2)
    while not any(owner.endswith(":restore") for owner in store.lease_owners()):
        assert restore.is_alive()
        time.sleep(0.001)  # until it holds the other project's lease
    assert not store.acquire_lease(2, "host:1:worker", 30.0), "no other run begins meanwhile"
    assert store.project(1).title == "written before the run ended"
    store.release_lease(1, "host:1:worker")
    restore.join()
    assert store.project(1).title == "Mail"
    assert store.acquire_lease(1, "host:1:worker", 30.0)


def test_a_restore_does_not_wait_for_a_worker_whose_lease_has_expired(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    store.acquire_lease(1, "host:1:killed", -1.0)
    monkeypatch.setattr(restoring, "WAIT_FOR_RUNS_SECONDS", 0.0)
    restore_backup(settings, tmp_path / "copy.db")
    assert store.lease_owners() == []


def test_a_run_that_does_not_end_stops_the_restore(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    fill(store, project=2)
    store.acquire_lease(2, "host:1:worker", 30.0)
    monkeypatch.setattr(restoring, "WAIT_FOR_RUNS_SECONDS", 0.0)
    with pytest.raises(CannotCopy, match="still running project 2"):
        restore_backup(settings, tmp_path / "copy.db")
    assert [p.id for p in store.projects()] == [1, 2]
    assert store.lease_owners() == ["host:1:worker"]


def test_a_restore_that_fails_leaves_the_database_as_it_was(
    settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    fill(store, project=2)
    store.put_embeddings("minilm", [f"more {i}" for i in range(500)], np.ones((500, 384), dtype=np.float32))
    monkeypatch.setattr("ml_backend.store.sqlite_copy.PAGES_AT_ONCE", 5)

    def stop(_remaining: int, _total: int) -> None:
        raise OSError("no space left")

    with pytest.raises(CannotCopy, match="no space left"):
        restore_backup(settings, tmp_path / "copy.db", stop)
    assert [p.id for p in store.projects()] == [1, 2]
    assert store.lease_owners() == []


def test_an_older_backup_is_upgraded_and_stays_as_it_is(settings: Settings, store: Store, tmp_path: Path):
    write_first_database(tmp_path / "old.db")
    bytes_before = (tmp_path / "old.db").read_bytes()
    assert examine_backup(settings, tmp_path / "old.db").version == schema.FIRST_REVISION
    restore_backup(settings, tmp_path / "old.db")
    store.create()
    assert [p.id for p in store.projects()] == list(range(1, 9))
    assert store.task_count(2) == 6
    assert store.webhook_secret() == "the-secret-that-webhooks-carry"
    assert (tmp_path / "old.db").read_bytes() == bytes_before


def test_a_newer_backup_and_files_that_are_no_backup_are_refused(settings: Settings, store: Store, tmp_path: Path):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(CannotCopy, match="version 9999"):
        restore_backup(settings, tmp_path / "copy.db")
    (tmp_path / "text.db").write_text("no database at all, but long enough to look at" * 100)
    with pytest.raises(CannotCopy, match=r"text\.db cannot be read as a database"):
        restore_backup(settings, tmp_path / "text.db")
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(CannotCopy, match="without any table of this program"):
        restore_backup(settings, tmp_path / "foreign.db")
    with pytest.raises(CannotCopy, match="does not exist"):
        restore_backup(settings, tmp_path / "missing.db")
    with pytest.raises(CannotCopy, match="database itself"):
        restore_backup(settings, tmp_path / "store.db")
    assert [p.id for p in store.projects()] == [1]


def test_a_database_of_a_newer_version_can_be_replaced_by_an_older_backup(
    settings: Settings, store: Store, tmp_path: Path
):
    fill(store)
    back_up(settings, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    restore_backup(settings, tmp_path / "copy.db")
    store.create()
    assert [p.id for p in store.projects()] == [1]


def test_on_postgresql_backup_and_restore_name_pg_dump_and_pg_restore(tmp_path: Path):
    settings = Settings(model_dir=tmp_path, database_url="postgresql://me:hush@db:5432/labels")
    with pytest.raises(CannotCopy, match=r"pg_dump .*--dbname=postgresql://me@db:5432/labels") as refused:
        back_up(settings, tmp_path / "copy")
    assert "hush" not in str(refused.value)
    with pytest.raises(CannotCopy, match=r"pg_restore .*--dbname=postgresql://me@db:5432/labels"):
        examine_backup(settings, tmp_path / "copy")


def test_files_and_vectors_that_may_be_deleted_are_made_again(settings: Settings, store: Store, tmp_path: Path):
    fill(store)
    TaskQueue(settings).wake_worker(1)
    for path in tmp_path.glob("queue.*"):
        path.unlink()
    queue = TaskQueue(settings)
    queue.wake_worker(1)
    assert queue.huey.pending_count() == 1
    assert (tmp_path / "queue.wake").exists()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("DELETE FROM embeddings")
        connection.commit()
        connection.execute("VACUUM")
    assert store.count_missing_embeddings(1, "minilm") == 3
    assert not ArrayCache(store).arrays(1, "minilm").embedded.any()
    store.put_embeddings("minilm", ["hash 1", "hash 2", "hash 3"], np.eye(3, dtype=np.float32))
    assert ArrayCache(store).arrays(1, "minilm").embedded.all()


def test_the_commands_back_up_and_restore_once_confirmed(settings: Settings, store: Store, tmp_path: Path):
    fill(store)
    done = command(settings, "backup", tmp_path / "copy.db")
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'copy.db'}: 0." in done.stdout
    assert f" MB, 1 projects, 1 labels, schema version {schema.revisions()[-1]}" in done.stdout
    assert command(settings, "backup", tmp_path / "copy.db").returncode == 1
    store.update_project(1, title="changed")
    unconfirmed = command(settings, "restore", tmp_path / "copy.db")
    assert unconfirmed.returncode != 0, "the restore was not confirmed"
    assert store.project(1).title == "changed"
    done = command(settings, "restore", "--yes", tmp_path / "copy.db")
    assert done.returncode == 0, done.stderr
    assert "kept as" in done.stdout
    assert store.project(1).title == "Mail"


def test_serve_and_worker_refuse_a_newer_database_with_a_sentence(settings: Settings, store: Store, tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for process in ("serve", "worker"):
        done = command(settings, process)
        assert done.returncode == 2
        assert "schema version 9999" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
