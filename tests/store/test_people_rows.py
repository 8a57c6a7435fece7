"""What each person did in a project, their names, and what they dismissed, on SQLite and PostgreSQL."""

from __future__ import annotations

from statistics import median

import pytest

from ml_backend.annotation import Annotation
from ml_backend.store import Store
from ml_backend.store.people import LONGEST_GAP, WEEK, Activity
from ml_backend.store.records import TaskRecord
from ml_backend.store.states import DoubtKind

ANNA, BEN = 4, 9
NOW = 1_800_000_000.0


def put(store: Store, *annotations: Annotation) -> None:
    store.ensure_project(1)
    tasks = [TaskRecord(1, a.task_id, None, None, "2026") for a in annotations]
    store.upsert_tasks(1, tasks, {}, {a.task_id: [a] for a in annotations})


def label(
    number: int, who: int | None, at: float | None, lead_time: float | None = None, skipped: bool = False
) -> Annotation:
    return Annotation(number, number, who, skipped, [], "2026", created_at=at, lead_time=lead_time)


def of_person(store: Store, who: int | None) -> Activity:
    return next(one for one in store.activity(1, NOW) if one.annotator == who)


def test_labels_skips_and_labels_of_the_last_week_are_counted_by_person(store: Store):
    old = NOW - WEEK - 1
    put(
        store,
        *(label(n, ANNA, NOW - n) for n in (1, 2, 3)),
        label(4, ANNA, old),
        label(5, ANNA, NOW, skipped=True),
        label(6, BEN, old),
        label(7, None, None),
    )
    found = store.activity(1, NOW)
    assert [(a.annotator, a.labels, a.recent, a.skips) for a in found] == [
        (ANNA, 4, 3, 1),
        (None, 1, 0, 0),
        (BEN, 1, 0, 0),
    ]
    assert of_person(store, BEN).newest == old


@pytest.mark.parametrize("seconds", [[4.0], [9.0, 2.0], [5.0, 1.0, 30.0], [7.0, 7.0, 1.0, 2.5]])
def test_the_time_of_a_label_is_the_median_that_the_editor_measured(store: Store, seconds: list[float]):
    timed = [label(n, ANNA, None, lead_time) for n, lead_time in enumerate(seconds, start=1)]
    skipped, unmeasured = label(50, ANNA, None, 900.0, skipped=True), label(51, ANNA, None)
    put(store, *timed, skipped, unmeasured, label(60, BEN, None, 1000.0))
    found = of_person(store, ANNA)
    assert (found.timed, found.seconds) == (len(seconds), median(seconds))


def test_without_measured_times_the_gaps_between_labels_are_there_but_no_breaks(store: Store):
    moments = [NOW, NOW + 10, NOW + 30, NOW + 30 + LONGEST_GAP, NOW + 70 + LONGEST_GAP]
    put(
        store,
        *(label(n, ANNA, at) for n, at in enumerate(moments, start=1)),
        *(label(10 + n, BEN, at + 5) for n, at in enumerate(moments[:2])),
    )
    found = of_person(store, ANNA)
    assert (found.seconds, found.gaps, found.gap) == (None, 3, median([10, 20, 40]))
    assert of_person(store, BEN).gaps == 1


def test_a_project_without_labels_has_no_people(store: Store):
    store.ensure_project(1)
    assert store.activity(1, NOW) == []


def test_a_newer_name_replaces_the_older_one(store: Store):
    assert (store.people(), store.people_seen_at()) == ({}, 0.0)
    store.put_people({ANNA: "Anna", BEN: "b\x00en"})
    store.put_people({ANNA: "Anna A."})
    assert store.people() == {ANNA: "Anna A.", BEN: "b\N{REPLACEMENT CHARACTER}en"}
    assert store.people_seen_at() > 0


def test_a_dismissal_is_of_one_label_and_can_be_undone(store: Store):
    store.ensure_project(1)
    store.dismiss(1, DoubtKind.LABEL, 12, "a", "ann@example.com")
    store.dismiss(1, DoubtKind.LABEL, 12, "a", "ben@example.com")
    store.dismiss(1, DoubtKind.LABEL, 12, "b", "ben@example.com")
    store.dismiss(1, DoubtKind.DISAGREEMENT, 12, "a", "ben@example.com")
    assert {key: d.who for key, d in store.dismissals(1, DoubtKind.LABEL).items()} == {
        (12, "a"): "ann@example.com",
        (12, "b"): "ben@example.com",
    }
    store.undo_dismissal(1, DoubtKind.LABEL, 12, "a")
    assert store.dismissals(1, DoubtKind.LABEL).keys() == {(12, "b")}
    assert store.dismissals(1, DoubtKind.DISAGREEMENT).keys() == {(12, "a")}
    assert store.dismissals(2, DoubtKind.LABEL) == {}
