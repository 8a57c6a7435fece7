from __future__ import annotations

import contextlib
import logging
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, insert, inspect, text

from ml_backend.settings import SettingsError
from ml_backend.store import Store, schema, tables
from ml_backend.store.database import Database
from ml_backend.store.learning_records import Agreement

HERE = Path(__file__).parent
HASHES = [letter * 32 for letter in "abcd"]


def write_first_database(url: str) -> None:
    """Write the database of version 0.1.0, tables and rows, from a dump."""
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.executescript((HERE / "first_database.sqlite.sql").read_text())
        return
    engine = create_engine(url)
    with engine.begin() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute((HERE / "first_database.postgresql.sql").read_text())
    engine.dispose()


@pytest.fixture
def first_database_url(database_url: str) -> str:
    write_first_database(database_url)
    return database_url


@contextlib.contextmanager
def opened(url: str) -> Iterator[Store]:
    store = Store(url)
    store.create()
    yield store
    store.close()


@contextlib.contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


def versions(url: str) -> list[str]:
    with engine_of(url) as engine, engine.connect() as connection:
        return list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())


def everything(url: str) -> dict[str, Any]:
    """Every table with its columns, keys, indexes and rows."""
    with engine_of(url) as engine, engine.connect() as connection:
        return {
            table: (description, sorted(map(repr, connection.execute(text(f'SELECT * FROM "{table}"')))))
            for table, description in described(engine).items()
        }


def described(engine: Engine) -> dict[str, Any]:
    """Every table but Alembic's own: columns by name, primary key, indexes, and whether SQLite may reuse an id."""
    inspector = inspect(engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "indexes": {i["name"]: (i["column_names"], bool(i["unique"])) for i in inspector.get_indexes(table)},
            "ids come once": "AUTOINCREMENT" in definition(engine, table),
        }
        for table in inspector.get_table_names()
        if table != schema.VERSION_TABLE
    }


def definition(engine: Engine, table: str) -> str:
    if engine.dialect.name != "sqlite":
        return ""
    with engine.connect() as connection:
        return str(connection.execute(text(f"SELECT sql FROM sqlite_master WHERE name = '{table}'")).scalar_one())


def add_revision(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, revision: str = "9001") -> None:
    """Add a revision to the code, whose upgrade runs `body`."""
    newest = schema.revisions()[-1]
    migrations = folder / "migrations"
    (migrations / "versions").mkdir(parents=True)
    for path in [schema.MIGRATIONS / "env.py", *(schema.MIGRATIONS / "versions").glob("*.py")]:
        (migrations / path.relative_to(schema.MIGRATIONS)).write_text(path.read_text())
    (migrations / "versions" / f"{revision}_later.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\n\nrevision = {revision!r}\ndown_revision = {newest!r}\n\n\n"
        f"def upgrade():\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    )
    monkeypatch.setattr(schema, "MIGRATIONS", migrations)


ADD_A_COLUMN = """
op.add_column("projects", sa.Column("later", sa.Text()))
op.execute("UPDATE projects SET later = title")
"""


def test_migrations_make_the_tables_that_the_code_uses(database_url: str):
    with opened(database_url), engine_of(database_url) as engine, engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        migrated = described(engine)
        tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
    with engine_of(database_url) as engine:
        assert migrated == described(engine)
    assert set(migrated) == set(tables.metadata.tables)


def test_the_first_revision_makes_the_tables_of_version_0_1_0(first_database_url: str):
    with engine_of(first_database_url) as engine:
        first = described(engine)
        with engine.begin() as connection:
            for table in first:
                connection.execute(text(f"DROP TABLE {table}"))
    database = Database(first_database_url)
    with database.writing() as connection:
        schema._upgrade(connection, schema.FIRST_REVISION)
    database.close()
    with engine_of(first_database_url) as engine:
        assert described(engine) == first


def test_revisions_are_one_chain_and_named_after_their_files():
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    assert [script.revision for script in scripts.walk_revisions()] == schema.revisions()[::-1]
    assert scripts.get_heads() == schema.revisions()[-1:]


def test_an_empty_database_gets_the_newest_version(database_url: str):
    with opened(database_url) as store:
        store.ensure_project(1)
    assert versions(database_url) == schema.revisions()[-1:]


def test_a_database_of_version_0_1_0_is_opened_with_everything_in_it(first_database_url: str):
    with opened(first_database_url) as store:
        assert [(p.id, str(p.state)) for p in store.projects()] == [
            (1, "new"),
            (2, "ready"),
            (3, "waiting"),
            (4, "failed"),
            (5, "unsupported"),
            (6, "missing"),
            (7, "disconnected"),
            (8, "new"),
        ]
        project = store.project(2)
        assert project.settings == {"strategy": "badge", "batch_size": 3, "random_share": 0.5}
        assert (project.extra_params, project.backend_url) == ('{"strategy": "badge"}', "http://backend:9090")
        assert (project.title, project.watermark, project.cycle) == ("Mail 2", "2026-01-02T03:04:05.678901Z", 2)
        assert project.fingerprint == "f" * 64
        assert store.project(4).error == "failed: see the log"
        assert "café" in project.label_config
        assert store.tasks(2)[0] == (11, HASHES[0], None)
        assert store.tasks(2)[-1] == (16, None, "the field 'text' is missing")
        assert store.task_count(2) == 6
        assert store.claim_texts(2, "minilm", "worker", 60.0, 9) == [(HASHES[3], "no vector yet")]
        missing = dict(store.claim_texts(2, "none", "worker", 60.0, 9))
        assert missing[HASHES[1]] == "Un café, s'il vous plaît ☕"
        assert missing[HASHES[2]] == "line one\nline two; 'quoted'"
        vectors = store.embeddings("minilm", HASHES)
        np.testing.assert_array_equal(vectors[HASHES[0]], np.array([0.1, -2.5, 3e-9, 1.0], dtype=np.float32))
        assert set(vectors) == set(HASHES[:3])
        assert set(store.embeddings("hub/other-model", HASHES)) == {HASHES[0]}
        annotations = store.annotations(2)
        assert [a.annotation_id for a in annotations] == [101, 102, 103, 104, 105]
        assert [a.annotator for a in annotations] == [7, 8, 7, 7, None]
        assert [a.cancelled for a in annotations] == [False, False, False, True, False]
        assert annotations[2].result[0]["value"] == {"choices": ["café"]}
        assert [h.version for h in store.heads(2)] == ["head 2", "head 1"]
        newest = store.current_head(2)
        assert newest.blob == bytes(range(0, 256, 17)) + b"'\\"
        assert (newest.classes, newest.multi_label, newest.n_labels) == (["bill", "café"], False, 4)
        assert newest.metrics == Agreement(right=3, asked=4, random_right=1, random_asked=2)
        assert store.current_head(4).multi_label
        assert [(b.number, str(b.state), b.task_ids) for b in store.batches(2)] == [
            (4, "planned", [14, 13, 12]),
            (3, "published", [15, 13, 12]),
            (2, "superseded", [14, 13, 12]),
            (1, "removed", [15, 13, 12]),
        ]
        assert store.current_batch(2).published_at == 1760000010.0
        assert len(store.runs(2)) == 2
        assert store.fitted_labels(2) == {11: ("bill",), 12: ("café",)}, "the labels of the last fit are no longer new"
        assert {(a.created_at, a.shown_version) for a in annotations} == {(None, None)}
        assert {batch.predicted is None for batch in store.batches(2)} == {True}
        assert project.settings_problem is None
        assert store.worker_seen_at() is None
        assert store.events(5)[0].body["tasks"][0]["data"]["text"] == "nul \x00 and 😀"
        assert [e.action for e in store.events(2)] == ["ANNOTATION_CREATED"]
        assert store.take_requests(2) == ["labels", "setup"]
        assert store.pending_projects() == [8]
        assert store.lease_owners() == ["host:4242:abcdef12:140000000000000"]
        assert store.changes(2, 2) == (3, {14})
        assert store.changes(9, 0)[0] == 2, "the revision of a forgotten project must continue"
        assert store.webhook_secret() == "the-secret-that-webhooks-carry"
        store.add_event(1, "LATER", {})
        assert store.events(1)[0].id == 4, "ids of events must not be used twice"
        store.add_run(store.runs(2)[-1])
        assert [run.at for run in store.runs(2)] == [1760000012.0, 1760000013.0, 1760000013.0], (
            "a new run must be the newest"
        )
    assert versions(first_database_url) == schema.revisions()[-1:]


def test_an_upgrade_from_version_0_1_0_makes_the_tables_that_the_code_uses(first_database_url: str):
    with opened(first_database_url), engine_of(first_database_url) as engine, engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []
        migrated = described(engine)
        tables.metadata.drop_all(connection)
        tables.metadata.create_all(connection)
    with engine_of(first_database_url) as engine:
        assert migrated == described(engine)


def test_tasks_annotated_without_a_label_are_known_after_the_upgrade_to_0005(database_url: str):
    database = Database(database_url)
    with database.writing() as connection:
        schema._upgrade(connection, "0004")
        labels = {"project_id": 1, "body": {"1": ["a"], "3": [], "4": ["gone"]}, "annotated": [1, 2, 3]}
        connection.execute(insert(tables.label_snapshots).values(**labels))
    database.close()
    with opened(database_url) as store:
        assert store.fitted_labels(1) == {1: ("a",), 2: None, 3: (), 4: ("gone",)}


def test_opening_a_current_database_reads_once_and_does_not_load_alembic(sqlite_store: Store, tmp_path: Path):
    code = f"""
        import sys
        from sqlalchemy import event
        from ml_backend.store import Store
        store = Store("sqlite:///{tmp_path / "store.db"}")
        statements = []
        event.listen(store._database._engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
        store.create()
        print(len(statements), "alembic" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]


def test_a_newer_database_is_refused_with_both_versions_and_the_remedy(database_url: str):
    with opened(database_url) as store:
        with engine_of(database_url) as engine, engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        before = everything(database_url)
        with pytest.raises(SettingsError, match=r"version 9999.*up to " + schema.revisions()[-1]) as refused:
            store.create()
    assert "install the newer version" in str(refused.value)
    assert "restore a backup" in str(refused.value)
    assert database_url.rpartition("/")[2] in str(refused.value), "it must name the database"
    assert everything(database_url) == before


def test_the_address_in_errors_does_not_show_the_password():
    database = Database("postgresql://user:hush@host/name")
    assert "hush" not in database.address
    assert "user" in database.address


@pytest.mark.parametrize(
    "strange", ["CREATE TABLE tasks (id INTEGER)", "DROP TABLE heads", "ALTER TABLE runs DROP body"]
)
def test_a_database_with_only_some_of_our_tables_is_refused(first_database_url: str, strange: str):
    with engine_of(first_database_url) as engine:
        if strange.startswith("CREATE"):
            with engine.begin() as connection:
                for table in inspect(engine).get_table_names():
                    connection.execute(text(f"DROP TABLE {table}"))
        with engine.begin() as connection:
            connection.execute(text(strange))
    before = everything(first_database_url)
    store = Store(first_database_url)
    with pytest.raises(SettingsError, match="only some of ours"):
        store.create()
    store.close()
    assert everything(first_database_url) == before


def test_tables_of_other_programs_are_left_alone(database_url: str):
    with engine_of(database_url) as engine, engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (id INTEGER)"))
        connection.execute(text("INSERT INTO theirs VALUES (7)"))
    with opened(database_url) as store:
        store.ensure_project(1)
    with engine_of(database_url) as engine, engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM theirs")).scalars().all() == [7]


def test_a_failed_upgrade_leaves_the_old_database_unchanged(
    first_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = everything(first_database_url)
    broken = ADD_A_COLUMN + 'op.drop_table("heads")\nraise RuntimeError("in the middle")\n'
    with monkeypatch.context() as patched:
        add_revision(tmp_path / "broken", patched, broken)
        store = Store(first_database_url)
        with pytest.raises(RuntimeError, match="in the middle"):
            store.create()
        store.close()
    assert everything(first_database_url) == before
    assert not list(tmp_path.glob("*.before-*")), "no copy may be left of an upgrade that failed"
    with monkeypatch.context() as patched:
        add_revision(tmp_path / "whole", patched, ADD_A_COLUMN)
        with opened(first_database_url):
            pass
        assert versions(first_database_url) == ["9001"]
    with engine_of(first_database_url) as engine, engine.connect() as connection:
        assert connection.execute(text("SELECT later FROM projects WHERE id = 2")).scalar_one() == "Mail 2"


def test_a_process_killed_during_an_upgrade_leaves_the_old_database_unchanged(first_database_url: str, tmp_path: Path):
    before = everything(first_database_url)
    code = f"""
        import os
        from ml_backend.store import Store, schema
        upgrade = schema._upgrade
        def killed(connection, *revision):
            upgrade(connection, *revision)
            if not revision:
                connection.exec_driver_sql("DROP TABLE heads")
                os._exit(9)
        schema._upgrade = killed
        schema.revisions = lambda: ["0001", "9001"]
        Store({first_database_url!r}).create()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == 9
    assert everything(first_database_url) == before


def test_processes_that_start_together_upgrade_once(
    first_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # Adding the column a second time would fail.
    add_revision(tmp_path / "later", monkeypatch, ADD_A_COLUMN)
    stores = [Store(first_database_url) for _ in range(6)]
    problems: list[BaseException] = []
    together = threading.Barrier(len(stores))

    def create(store: Store) -> None:
        together.wait()
        try:
            store.create()
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=create, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert problems == []
    assert versions(first_database_url) == ["9001"]


def test_a_copy_of_the_file_is_kept_before_an_upgrade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    url = f"sqlite:///{tmp_path / 'store.db'}"
    write_first_database(url)
    before = everything(url)
    (tmp_path / "store.db.before-9001").write_text("kept from an earlier upgrade")
    add_revision(tmp_path / "later", monkeypatch, ADD_A_COLUMN)
    with caplog.at_level(logging.INFO), opened(url):
        pass
    assert (tmp_path / "store.db.before-9001").read_text() == "kept from an earlier upgrade"
    assert everything(f"sqlite:///{tmp_path / 'store.db.before-9001-2'}") == before
    assert "store.db.before-9001-2" in caplog.text
    with opened(url):
        pass
    assert len(list(tmp_path.glob("*.before-*"))) == 2
