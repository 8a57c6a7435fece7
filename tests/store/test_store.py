from __future__ import annotations

import threading
import time
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Float, event, literal, select
from sqlalchemy.exc import StatementError

from ml_backend.annotation import Annotation
from ml_backend.settings import SettingsError
from ml_backend.store import Store, tables
from ml_backend.store.database import Database
from ml_backend.store.learning_records import Agreement, HeadRecord, LabelStudioUse, RunRecord
from ml_backend.store.records import (
    FirstRead,
    NewEvent,
    ProjectChanges,
    ProjectCounts,
    ProjectRecord,
    TaskRecord,
    Unmatched,
)
from ml_backend.store.states import ProjectState, RunReason


def task(task_id: int, text_hash: str | None, problem: str | None = None, project: int = 1) -> TaskRecord:
    return TaskRecord(project, task_id, text_hash, problem, "2026-01-01T00:00:00Z")


def annotation(annotation_id: int, task_id: int, cancelled: bool = False) -> Annotation:
    return Annotation(annotation_id, task_id, 7, cancelled, [{"type": "choices"}], "2026-01-01T00:00:00Z")


def head(version: str, created_at: float) -> HeadRecord:
    return HeadRecord(version, 1, ["a", "b"], False, "minilm", 5, b"\x00blob", Agreement(right=1), created_at)


def vectors(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)


def test_a_project_is_created_once_and_then_updated(store: Store):
    store.ensure_project(1, title="Mail")
    again = store.ensure_project(1, settings={"strategy": "badge"})
    assert (again.title, again.settings, again.state) == ("Mail", {"strategy": "badge"}, "new")
    store.update_project(1, counts=ProjectCounts(labels={"b": 2, "a": 1}, labeled=3))
    store.update_project(1, first_read=FirstRead(4, "2026"), unmatched=Unmatched([1, 2, 3, 4], 1))
    project = store.project(1)
    assert project.counts == ProjectCounts(labels={"b": 2, "a": 1}, labeled=3)
    assert list(project.counts.labels) == ["b", "a"], "in the order of the label config"
    assert (project.first_read, project.unmatched) == (FirstRead(4, "2026"), Unmatched([1, 2, 3, 4], 1))
    store.update_project(1, first_read=None)
    assert store.project(1).first_read is None
    assert [p.id for p in store.projects()] == [1]


def test_texts_for_people_are_stored_without_the_characters_that_databases_refuse(store: Store):
    store.ensure_project(1, title="nul \x00, lone \ud800, 😀")
    store.update_project(1, error="\udfff", backend_url="http://\x00")
    project = store.project(1)
    assert (project.title, project.error) == ("nul \ufffd, lone \ufffd, 😀", "\ufffd")
    store.upsert_tasks(1, [task(1, None, "no field '\x00'")], {})
    assert store.problems(1) == [(1, "no field '\ufffd'")]


def test_a_field_that_a_project_does_not_have_is_refused(store: Store):
    store.ensure_project(1)
    with pytest.raises(ValueError, match="no field colour"):
        store.update_project(1, colour="red")


def test_an_annotation_that_cannot_be_read_keeps_its_problem(store: Store):
    odd = replace(annotation(5, 1), result=[], problem="its result is a number")
    store.replace_annotations(1, {1: [odd, annotation(6, 1)]})
    assert store.annotations(1) == [odd, annotation(6, 1)]
    assert store.annotation_counts(1) == (2, 0)
    revision, _ = store.changes(1, -1)
    store.replace_annotations(1, {1: [odd, annotation(6, 1)]})
    assert store.changes(1, revision) == (revision, set()), "nothing changed"


def test_an_annotation_whose_id_another_task_has_moves_to_the_new_task(store: Store):
    store.replace_annotations(1, {1: [annotation(5, 1)], 2: [annotation(6, 2)]})
    revision, _ = store.changes(1, -1)
    store.replace_annotations(1, {3: [annotation(5, 3)]})
    assert store.annotations(1) == [annotation(5, 3), annotation(6, 2)]
    assert store.changes(1, revision)[1] == {1, 3}
    store.replace_annotations(1, {8: [annotation(9, 8)], 7: [annotation(9, 7)]})
    assert store.task_of_annotations(1, [9]) == {9: 7}, "the last one counts if one page has it twice"


def test_events_are_read_in_order_and_may_hold_any_character(store: Store):
    store.add_event(1, "A", {"text": "nul \x00 and 😀"})
    store.add_event(1, "B", {})
    store.add_event(2, "C", {})
    first, second = store.events(1)
    assert (first.action, first.body) == ("A", {"text": "nul \x00 and 😀"})
    store.drop_events(1, first.id)
    assert [e.action for e in store.events(1)] == [second.action]
    assert store.event_count() == 2
    store.drop_events(2, store.events(2)[-1].id)
    assert [e.action for e in store.events(1)] == [second.action], "another project's is kept, although it is older"


def test_requests_are_merged_until_they_are_taken(store: Store):
    assert store.request_run(1, "labels")
    assert not store.request_run(1, "labels")
    assert not store.request_run(1, "settings")
    assert store.pending_projects() == [1]
    assert store.take_requests(1) == ["labels", "settings"]
    assert store.take_requests(1) == []
    assert store.request_run(1, "labels")


def test_events_that_are_added_together_are_stored_with_their_requests(store: Store):
    store.ensure_project(1)
    store.ensure_project(2, title="known")
    store.ensure_project(3)
    store.request_run(3, "settings")
    new = [NewEvent(1, "A", {"n": 1}, "labels"), NewEvent(2, "B", {}, "labels"), NewEvent(1, "A", {"n": 2}, "labels")]
    added = store.add_events([*new, NewEvent(3, "C", {}, "tasks")])
    assert added.to_wake == {1, 2}, "a run of project 3 was requested before"
    assert [e.body for e in store.events(1)] == [{"n": 1}, {"n": 2}]
    assert store.project(2).title == "known"
    assert store.take_requests(1) == ["labels"]
    assert store.take_requests(3) == ["settings", "tasks"]
    assert store.add_events(new[:1]).to_wake == {1}


def test_a_project_is_read_with_the_version_of_its_newest_head(store: Store):
    assert store.project_and_head(1) == (None, None)
    project = store.ensure_project(1, title="Mail")
    assert store.project_and_head(1) == (project, None)
    store.put_head(head("old", 1.0))
    store.put_head(head("new", 2.0))
    assert store.project_and_head(1) == (project, "new")


def test_a_lease_has_one_owner_until_it_is_released_deleted_or_expired(store: Store):
    assert store.acquire_lease(1, "me", 60)
    assert not store.acquire_lease(1, "you", 60)
    store.release_lease(1, "you")
    assert store.lease_owners() == ["me"]
    store.release_lease(1, "me")
    assert store.acquire_lease(1, "you", -1)
    assert store.acquire_lease(1, "me", 60)
    store.delete_leases(["me"])
    assert store.acquire_lease(1, "you", 60)


def test_a_renewed_lease_lasts_from_then_on_and_only_its_owner_renews_it(store: Store, monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(Database, "now", lambda _: literal(now, Float))
    assert store.acquire_lease(1, "me", 30)
    now = 1020.0
    store.renew_lease(1, "me", 30)
    store.renew_lease(1, "you", 60)
    now = 1049.0
    assert not store.acquire_lease(1, "you", 30)
    now = 1051.0
    assert store.acquire_lease(1, "you", 30)


def test_only_one_of_many_threads_gets_the_lease(store: Store):
    owners: list[str] = []

    def attempt(name: str) -> None:
        if store.acquire_lease(1, name, 60):
            owners.append(name)

    threads = [threading.Thread(target=attempt, args=(f"worker {i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(owners) == 1


def test_vectors_are_stored_once_per_text_and_read_in_the_order_of_tasks(store: Store):
    store.upsert_tasks(1, [task(5, "b"), task(3, "a"), task(9, "a"), task(7, None, "no text")], {"a": "A", "b": "B"})
    assert store.claim_texts(1, "minilm", "worker", 60.0, 10) == [("a", "A"), ("b", "B")]
    assert store.count_missing_embeddings(1, "minilm") == 2
    matrix = vectors(2)
    store.put_embeddings("minilm", ["b", "a"], matrix)
    store.put_embeddings("minilm", ["b"], matrix[1:])
    assert store.count_missing_embeddings(1, "minilm") == 0
    ((ids, stored),) = store.vectors_by_task(1, "minilm")
    assert ids == [3, 5, 9]
    np.testing.assert_array_equal(stored, matrix[[1, 0, 1]])
    np.testing.assert_array_equal(store.embeddings("minilm", ["b", "zz"])["b"], matrix[0])
    assert store.count_missing_embeddings(1, "another model") == 2


def test_a_vector_is_deleted_with_the_last_task_of_its_text(store: Store):
    store.upsert_tasks(1, [task(1, "a"), task(2, "b")], {"a": "A", "b": "B"})
    store.upsert_tasks(2, [task(3, "a", project=2)], {"a": "A"})
    store.put_embeddings("minilm", ["a", "b"], vectors(2))
    store.ensure_project(1)
    store.forget_project(1)
    assert store.project(1) is None
    assert set(store.embeddings("minilm", ["a", "b"])) == {"a"}
    store.remove_tasks(2, [3])
    assert store.embeddings("minilm", ["a", "b"]) == {}


def test_a_changed_text_leaves_no_vector_of_the_old_one(store: Store):
    store.upsert_tasks(1, [task(1, "a")], {"a": "A"})
    store.put_embeddings("minilm", ["a"], vectors(1))
    store.upsert_tasks(1, [task(1, "b")], {"b": "B"})
    assert store.tasks(1) == [(1, "b", None)]
    assert store.embeddings("minilm", ["a"]) == {}


def test_problems_are_listed_and_counted(store: Store):
    store.upsert_tasks(1, [task(1, None, "no field"), task(2, None, "no field"), task(3, "a")], {"a": "A"})
    assert store.problems(1, limit=1) == [(1, "no field")]
    assert store.problem_counts(1) == {"no field": 2}
    assert store.task_count(1) == 3


def test_a_task_counts_as_read_only_together_with_its_annotations(store: Store):
    """The comparison does not read a task again whose time of change is stored."""
    unstorable = replace(annotation(10, 1), result=[object()])
    with pytest.raises(StatementError):
        store.upsert_tasks(1, [replace(task(1, "a"), updated_at="2026")], {"a": "A"}, {1: [unstorable]})
    assert store.task_updates(1, [1]) == {}
    store.upsert_tasks(1, [replace(task(1, "a"), updated_at="2026")], {"a": "A"}, {1: [annotation(10, 1)]})
    assert store.task_updates(1, [1, 2]) == {1: "2026"}
    assert store.annotations(1) == [annotation(10, 1)]


def test_annotations_are_replaced_task_by_task(store: Store):
    store.replace_annotations(1, {1: [annotation(10, 1)], 2: [annotation(11, 2), annotation(12, 2, cancelled=True)]})
    assert store.annotation_counts(1) == (2, 1)
    store.replace_annotations(1, {2: []})
    assert [a.annotation_id for a in store.annotations(1)] == [10]
    assert store.annotations(1)[0].result == [{"type": "choices"}]
    assert store.task_of_annotations(1, [10, 11]) == {10: 1}
    store.upsert_tasks(1, [task(1, "a")], {"a": "A"})
    store.remove_tasks(1, [1])
    assert store.annotations(1) == []


def test_changes_are_the_tasks_whose_text_or_annotations_changed_since_a_revision(store: Store):
    assert store.changes(1, 0) == (0, set())
    store.upsert_tasks(1, [task(1, "a"), task(2, "b")], {"a": "A", "b": "B"})
    start, changed = store.changes(1, 0)
    assert changed == {1, 2}
    store.upsert_tasks(1, [task(1, "a"), task(2, "c")], {"a": "A", "c": "C"})
    store.replace_annotations(1, {1: [annotation(10, 1)]})
    store.replace_annotations(1, {1: [annotation(10, 1)], 2: []})
    store.upsert_tasks(2, [task(7, "a", project=2)], {"a": "A"})
    newest, changed = store.changes(1, start)
    assert changed == {1, 2}
    assert store.changes(1, start + 1)[1] == {1}
    assert store.changes(1, newest) == (newest, set())
    store.remove_tasks(1, [2])
    assert store.changes(1, newest)[1] == {2}


def test_changes_are_unknown_after_forgetting_large_writes_and_many_revisions(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    store.ensure_project(1)
    store.upsert_tasks(1, [task(1, "a")], {"a": "A"})
    before_forgetting, _ = store.changes(1, 0)
    store.forget_project(1)
    after_forgetting, changed = store.changes(1, before_forgetting)
    assert changed is None, "a project that comes back under its number must not look unchanged"
    assert after_forgetting > before_forgetting
    monkeypatch.setattr("ml_backend.store.changes.MAX_IDS_RECORDED", 2)
    store.upsert_tasks(1, [task(i, "a") for i in range(3, 6)], {"a": "A"})
    assert store.changes(1, after_forgetting)[1] is None
    monkeypatch.setattr("ml_backend.store.changes.REVISIONS_KEPT", 2)
    for i in range(4):
        store.replace_annotations(1, {3: [annotation(i, 3)]})
    newest, _ = store.changes(1, after_forgetting)
    assert store.changes(1, newest - 1)[1] == {3}
    assert store.changes(1, after_forgetting)[1] is None, "older changes were dropped"


def test_tasks_and_annotations_are_read_by_id(store: Store):
    store.upsert_tasks(1, [task(i, "a") for i in (1, 2, 3)], {"a": "A"})
    store.replace_annotations(1, {i: [annotation(10 + i, i)] for i in (1, 2, 3)})
    assert [t[0] for t in store.tasks(1, [3, 1, 99])] == [1, 3]
    assert [a.task_id for a in store.annotations(1, {3, 1, 99})] == [1, 3]
    assert store.annotated_tasks(1) == {1, 2, 3}


def test_the_newest_head_is_read_and_old_ones_are_deleted(store: Store):
    assert store.current_head(1) is None
    for i in range(23):
        store.put_head(head(f"v{i}", float(i)))
    current = store.current_head(1)
    assert (current.version, current.blob, current.classes) == ("v22", b"\x00blob", ["a", "b"])
    assert len(store.heads(1)) == 20
    other = replace(current, project_id=2, version="of another project")
    store.put_head(other)
    assert (store.heads(2), len(store.heads(1))) == ([other], 20)


def test_a_batch_is_current_once_published_and_open_until_removed(store: Store):
    first = store.plan_batch(1, "badge", "why", None, [3, 1, 2], size=2)
    assert store.current_batch(1) is None
    store.mark_batch(1, first.number, "published")
    second = store.plan_batch(1, "badge", "why", "v1", [4], size=1)
    assert first.version != second.version
    assert store.current_batch(1).task_ids == [3, 1, 2]
    assert [b.number for b in store.open_batches(1)] == [2, 1]
    store.mark_batch(1, 1, "removed")
    assert [b.number for b in store.open_batches(1)] == [2]


def test_random_tasks_and_predicted_classes_are_stored_with_their_batch(store: Store):
    for drawn, predicted in (([3], None), ([], [["a"], [], None])):
        store.plan_batch(1, "badge", "why", None, [3, 4, 5], size=2, random_task_ids=drawn, predicted=predicted)
    assert [batch.random_task_ids for batch in store.batches(1)] == [[], [3]]
    assert [batch.predicted for batch in store.batches(1)] == [[["a"], [], None], None]
    table = tables.batches
    with store._database.reading() as connection:
        stored = connection.execute(select(table.c.predicted).where(table.c.number == 2)).scalar_one()
    assert stored == [["a"], [], [""]], "processes of earlier versions read it"


def test_batches_that_annotators_may_have_seen_are_those_served_and_not_removed(store: Store):
    for states in (("published", "superseded", "removed"), ("published", "superseded"), (), ("published",)):
        number = store.plan_batch(1, "badge", "why", None, [3], size=1).number
        for state in states:
            store.mark_batch(1, number, state)
    assert [batch.number for batch in store.shown_batches(1)] == [4, 2]
    assert [batch.number for batch in store.shown_batches(1, limit=1)] == [4]


def test_a_fit_stores_the_labels_that_changed_and_other_processes_learn_which(store: Store):
    assert store.fitted_labels(1) == {}
    store.put_fitted_labels(1, {5: ["a"], 6: ["a", "ä"], 7: []})
    store.put_fitted_labels(2, {5: ["other project"]})
    before, _ = store.changes(1, 0)
    store.put_fitted_labels(1, {5: None, 9: None, 6: ["b"]})
    assert store.fitted_labels(1) == {5: None, 6: ("b",), 7: (), 9: None}
    assert store.fitted_labels(1, [7, 5, 8]) == {5: None, 7: ()}
    assert store.changes(1, before) == (before + 1, {5, 6, 9})
    store.put_fitted_labels(1, {})
    assert store.changes(1, before)[0] == before + 1
    store.put_fitted_labels(1, dict.fromkeys(range(1, 5000), ("a",)))
    assert store.changes(1, before)[1] == set(range(1, 5000)), "vectors need not be read again"


def test_tasks_with_a_problem_are_found_without_reading_the_others(sqlite_store: Store):
    statements: list[tuple[str, Any]] = []
    event.listen(sqlite_store._database._engine, "before_cursor_execute", lambda *seen: statements.append(seen[2:4]))
    sqlite_store.accept_texts_again(1, kept="x")
    sqlite_store.hashes_with_problem(1, ["a"])
    sqlite_store.problem_counts(1)
    sqlite_store.problems(1)
    assert len(statements) == 4
    for statement, parameters in list(statements):
        with sqlite_store._database.reading() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        assert "USING INDEX tasks_with_problem" in plan[0][3], statement


def test_workers_report_that_they_run(store: Store, monkeypatch: pytest.MonkeyPatch):
    assert store.worker_seen_at() is None
    with monkeypatch.context() as patch:
        patch.setattr(Database, "now", lambda _self: literal(5.0, Float))
        store.report_worker("old")
    assert store.worker_seen_at() == 5.0
    store.report_worker("new")
    store.report_worker("new")
    seen = store.worker_seen_at()
    assert seen is not None
    assert time.time() - seen < 60


def test_an_unknown_state_or_reason_is_refused(store: Store):
    store.ensure_project(1)
    with pytest.raises(StatementError, match="'sleepy' is not a valid ProjectState"):
        store.update_project(1, state="sleepy")
    with pytest.raises(ValueError, match="'boredom' is not a valid RunReason"):
        store.request_run(1, "boredom")
    assert store.project(1).state is ProjectState.NEW
    store.request_run(1, RunReason.EVERY_MINUTE)
    assert store.take_requests(1) == [RunReason.EVERY_MINUTE]


def test_every_field_of_a_project_but_its_id_may_be_changed():
    assert set(ProjectChanges.__annotations__) == {field.name for field in fields(ProjectRecord)} - {"id"}


def test_superseded_batches_are_found_by_the_time_of_their_successor(store: Store, monkeypatch: pytest.MonkeyPatch):
    clock = iter(float(second) for second in range(100, 1000, 100))
    monkeypatch.setattr("ml_backend.store.batches.time.time", lambda: next(clock))
    batches = [store.plan_batch(1, "badge", "", None, [i], size=1) for i in range(3)]
    for batch in batches:
        store.mark_batch(1, batch.number, "published")
    for batch in batches[:2]:
        store.mark_batch(1, batch.number, "superseded")
    assert [b.number for b in store.superseded_before(1, 499.0, limit=9)] == []
    assert [b.number for b in store.superseded_before(1, 500.0, limit=9)] == [1]
    assert [b.number for b in store.superseded_before(1, 900.0, limit=9)] == [1, 2]
    assert [b.number for b in store.superseded_before(1, 900.0, limit=1)] == [1]
    assert [b.number for b in store.open_batches(1)] == [3]
    assert [b.number for b in store.open_batches(1, batches[0].version)] == [3, 1]
    store.mark_batch(1, 1, "removed")
    assert [b.number for b in store.open_batches(1, batches[0].version)] == [3]


def run(batch: int | None, **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "project_id": 1,
        "at": 1.5,
        "batch": batch,
        "version": None if batch is None else f"batch {batch}",
        "method": "badge",
        "why": "why",
        "labels": 7,
        "reasons": ["labels"],
        "seconds": {"fit": 0.25},
        "label_studio": LabelStudioUse(3, 0.5),
        "right": 1,
        "asked": 2,
        "random_right": 3,
        "random_asked": 4,
    }
    return RunRecord(**values | changes)


def test_history(store: Store):
    runs = [run(0), run(None), run(2)]
    for made in runs:
        store.add_run(made)
    assert store.runs(1) == runs
    assert store.runs(1, limit=2) == runs[1:]
    assert store.runs(2) == []


def test_the_webhook_secret_is_generated_once(store: Store, database_url: str):
    secret = store.webhook_secret()
    assert len(secret) > 20
    other_process = Store(database_url)
    assert other_process.webhook_secret() == secret
    assert store.webhook_secret("configured") == "configured"
    assert store.webhook_secret(None) == store.webhook_secret("") == secret
    other_process.close()


def test_creating_the_tables_twice_keeps_their_rows(store: Store):
    store.ensure_project(1)
    store.create()
    assert store.project(1) is not None


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense"])
def test_a_database_address_that_cannot_be_used_is_named_with_the_remedy(url: str):
    with pytest.raises(SettingsError, match=r"DATABASE_URL.*postgresql://"):
        Store(url)
