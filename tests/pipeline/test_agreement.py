"""How many labels are those that annotators were shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ml_backend.annotation import Annotation
from ml_backend.pipeline.agreement import agreement
from ml_backend.store.learning_records import Agreement, BatchRecord
from ml_backend.store.states import BatchState

CLASSES = ("a", "b")


def batch(number: int, published_at: float | None, predicted: dict[int, Sequence[str]], **fields: Any) -> BatchRecord:
    shown = [list(classes) for classes in predicted.values()]
    record = BatchRecord(
        number, 1, f"batch {number}", "margin", "", "v", list(predicted), 2, BatchState.PUBLISHED, 0.0, published_at
    )
    return replace(record, **{"predicted": shown, **fields})


def annotation(task_id: int, created_at: float | None, shown_version: str | None = None) -> Annotation:
    return Annotation(task_id, task_id, 7, False, [], "", created_at=created_at, shown_version=shown_version)


OLDER = batch(1, 10.0, {1: ["a"], 2: ["a"], 3: ["a"]}, random_task_ids=[2, 3])
NEWER = batch(2, 20.0, {1: ["b"], 2: ["a"]})
UNSERVED = batch(3, None, {1: ["c"]})


@pytest.mark.parametrize(
    ("label", "made", "right"),
    [
        (("a",), annotation(1, 15.0), True),
        (("a",), annotation(1, 25.0), False),
        (("a",), annotation(1, 25.0, "batch 1"), True),  # opened before the newer batch, submitted after it
        (("b",), annotation(1, 25.0, "batch 2"), True),
        (("b",), annotation(1, 20.0), True),
    ],
)
def test_a_label_is_scored_by_the_prediction_that_its_annotator_saw(
    label: tuple[str, ...], made: Annotation, right: bool
):
    agreed = agreement({1: label}, {1: made}, [UNSERVED, NEWER, OLDER], CLASSES)
    assert agreed == Agreement(right=int(right), asked=1)


@pytest.mark.parametrize(
    "made",
    [
        annotation(1, 5.0),  # before the first batch
        annotation(1, None),
        annotation(1, 25.0, "somebody else's model"),
        annotation(9, 25.0),
    ],
    ids=str,
)
def test_a_label_whose_prediction_nobody_saw_is_not_scored(made: Annotation):
    assert agreement({made.task_id: ("a",)}, {made.task_id: made}, [NEWER, OLDER], CLASSES) == Agreement()


def test_a_batch_without_a_head_and_a_prediction_of_a_renamed_class_are_not_scored():
    first = {1: annotation(1, 25.0)}
    assert agreement({1: ("a",)}, first, [replace(NEWER, predicted=None), OLDER], CLASSES) == Agreement()
    assert agreement({1: ("a",)}, first, [NEWER, OLDER], ("a", "renamed")) == Agreement()


def test_tasks_that_the_serving_batch_chose_by_its_strategy_do_not_count_as_random():
    labels = {2: ("a",), 3: ("b",)}
    before = {task: annotation(task, 15.0) for task in labels}
    after = {task: annotation(task, 25.0) for task in labels}
    assert agreement(labels, before, [NEWER, OLDER], CLASSES) == Agreement(1, 2, random_right=1, random_asked=2)
    # Task 2 was drawn by the older batch, but served by the newer one, whose strategy chose it.
    assert agreement(labels, after, [NEWER, OLDER], CLASSES) == Agreement(1, 2, random_right=0, random_asked=1)


def test_a_multi_label_prediction_is_right_if_all_classes_are():
    served = batch(1, 0.0, {1: ["a"], 2: ["a"], 3: ["b", "a"], 4: []})
    labels = {1: ("a",), 2: ("a", "b"), 3: ("a", "b"), 4: ()}
    first = {task: annotation(task, 1.0) for task in labels}
    assert agreement(labels, first, [served], CLASSES) == Agreement(right=3, asked=4)
