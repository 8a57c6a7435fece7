"""Evaluations of heads: the whole of the newest, the figures of all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml_backend.store import Store
from ml_backend.store.learning_records import Agreement, EvaluationRecord, HeadRecord

BODY = {"accuracy": {"value": 0.8}, "classes": [{"name": "café"}]}


def put_head(store: Store, version: str, at: float, project_id: int = 1, labels: int = 40) -> None:
    store.ensure_project(project_id)
    store.put_head(HeadRecord(version, project_id, ["a"], False, "minilm", labels, b"", Agreement(), at))


def evaluation(version: str, at: float, project_id: int = 1, **values: Any) -> EvaluationRecord:
    whole = EvaluationRecord(project_id, version, at, 40, 0.8, 0.7, 0.9, "audits", 12, 0.25, 0.5, BODY)
    return replace(whole, **values)


def test_the_newest_evaluation_is_whole_and_all_are_in_the_history(store: Store):
    assert (store.newest_evaluation(1), store.evaluation_history(1), store.newest_evaluations()) == (None, [], {})
    nothing = dict.fromkeys(("accuracy", "low", "high", "basis", "changed"))
    first, second = evaluation("v1", 1.0, audits=0, **nothing), evaluation("v2", 2.0)
    for made in (first, second):
        put_head(store, made.head_version, made.at)
        store.put_evaluation(made)
        assert store.newest_evaluation(1) == made
    without_body = [replace(first, body=None), replace(second, body=None)]
    assert store.evaluation_history(1) == without_body
    assert store.evaluation_history(1, limit=1) == without_body[1:]
    assert store.newest_evaluation(2) is None


def test_the_newest_of_all_projects_are_read_together(store: Store):
    for project_id, version, at in ((1, "v1", 1.0), (1, "v2", 2.0), (2, "v3", 1.0)):
        put_head(store, version, at, project_id)
        store.put_evaluation(evaluation(version, at, project_id))
    newest = store.newest_evaluations()
    assert {project_id: found.head_version for project_id, found in newest.items()} == {1: "v2", 2: "v3"}


def test_an_evaluation_that_comes_late_does_not_replace_that_of_a_newer_head(store: Store):
    for version, at in (("v1", 1.0), ("v2", 2.0)):
        put_head(store, version, at)
    for late in (evaluation("v2", 2.0), evaluation("v1", 1.0)):
        store.put_evaluation(late)
    assert store.newest_evaluation(1) == evaluation("v2", 2.0)
    assert [found.head_version for found in store.evaluation_history(1)] == ["v1", "v2"]


def test_an_evaluation_of_the_same_head_is_replaced(store: Store):
    put_head(store, "v1", 1.0)
    for accuracy in (0.7, 0.75):
        store.put_evaluation(evaluation("v1", 1.0, accuracy=accuracy))
    assert [found.accuracy for found in store.evaluation_history(1)] == [0.75]
    assert store.newest_evaluation(1) == evaluation("v1", 1.0, accuracy=0.75)


def test_nothing_is_stored_for_a_project_that_was_forgotten_meanwhile(store: Store):
    put_head(store, "v1", 1.0)
    store.forget_project(1)
    store.put_evaluation(evaluation("v1", 1.0))
    assert store.evaluation_history(1) == []


def test_without_heads_nothing_is_said_of_one_and_the_history_stays(store: Store):
    put_head(store, "v1", 1.0)
    store.put_evaluation(evaluation("v1", 1.0))
    store.drop_heads(1)
    assert (store.newest_evaluation(1), store.newest_evaluations()) == (None, {})
    assert [found.head_version for found in store.evaluation_history(1)] == ["v1"]


def test_the_newest_head_lacks_an_evaluation_until_it_has_one(store: Store):
    assert store.unevaluated_head(1) is None
    put_head(store, "only names", 0.0, labels=0)
    assert store.unevaluated_head(1) is None, "a head without labels has nothing to be evaluated by"
    put_head(store, "v1", 1.0)
    assert store.unevaluated_head(1) == "v1"
    store.put_evaluation(evaluation("v1", 1.0))
    assert store.unevaluated_head(1) is None
    put_head(store, "v2", 2.0)
    assert store.unevaluated_head(1) == "v2"


def test_all_batches_that_were_served_tell_which_tasks_were_drawn_at_random(store: Store):
    for states in (("published", "superseded", "removed"), (), ("published",)):
        number = store.plan_batch(1, "badge", "why", None, [3, 4], size=1, random_task_ids=[4]).number
        for state in states:
            store.mark_batch(1, number, state)
    by_number = {batch.number: batch for batch in store.batches(1)}
    served = store.served_batches(1)
    assert [batch.version for batch in served] == [by_number[3].version, by_number[1].version]
    assert (served[0].task_ids, served[0].random_task_ids) == ([3, 4], [4])
    assert (served[0].created_at, served[0].published_at) == (by_number[3].created_at, by_number[3].published_at)
