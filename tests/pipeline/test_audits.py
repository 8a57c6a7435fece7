"""Which labels count as those of tasks drawn at random."""

from __future__ import annotations

import numpy as np

from ml_backend.annotation import Annotation
from ml_backend.pipeline.audits import audits
from ml_backend.store.learning_records import ServedBatch

OLDER = ServedBatch("older", created_at=9.0, published_at=10.0, task_ids=[1, 2, 3], random_task_ids=[2, 3])
NEWER = ServedBatch("newer", created_at=19.0, published_at=20.0, task_ids=[1, 3, 4], random_task_ids=[4])
BATCHES = [NEWER, OLDER]


def annotation(task_id: int, created_at: float | None, shown: str | None = None, number: int = 1) -> Annotation:
    return Annotation(number, task_id, 7, False, [], "", created_at=created_at, shown_version=shown)


def test_a_label_counts_if_the_batch_that_served_its_task_drew_it():
    annotations = {
        1: [annotation(1, 15.0)],
        2: [annotation(2, 15.0)],
        3: [annotation(3, 25.0)],
        4: [annotation(4, 25.0)],
    }
    found = audits(np.array([1, 2, 3, 4]), {1, 2, 3, 4}, annotations, BATCHES)
    np.testing.assert_array_equal(found.given_at, [15.0, 15.0, 25.0, 25.0])
    # Task 3 was drawn by the older batch and served from the newer one, whose strategy chose it.
    np.testing.assert_array_equal(found.drawn_at, [np.nan, 9.0, np.nan, 19.0])
    assert found.skipped == 0


def test_a_task_that_was_opened_before_a_newer_batch_counts_as_served_from_the_older():
    found = audits(np.array([3]), {3}, {3: [annotation(3, 25.0, shown="older")]}, BATCHES)
    np.testing.assert_array_equal(found.drawn_at, [9.0])


def test_the_first_annotation_of_a_task_says_when_and_why_it_was_labelled():
    later, first = annotation(4, 40.0), annotation(4, 30.0, number=2)
    found = audits(np.array([4]), {4}, {4: [later, first]}, BATCHES)
    np.testing.assert_array_equal(found.given_at, [30.0])
    found = audits(np.array([4]), {4}, {4: [annotation(4, 15.0), annotation(4, 25.0, number=2)]}, BATCHES)
    np.testing.assert_array_equal(found.drawn_at, [np.nan], "somebody labelled it before the batch was published")


def test_an_annotation_of_unknown_time_counts_as_given_first_and_chosen():
    found = audits(np.array([4]), {4}, {4: [annotation(4, None)]}, BATCHES)
    assert (found.given_at.tolist(), np.isnan(found.drawn_at).all()) == ([0.0], True)


def test_random_tasks_that_were_answered_without_a_label_are_counted():
    annotations = {2: [annotation(2, 15.0)], 3: [annotation(3, 15.0)], 1: [annotation(1, 15.0)]}
    assert audits(np.array([2]), {2}, annotations, BATCHES).skipped == 1, "task 1 was not drawn at random"
