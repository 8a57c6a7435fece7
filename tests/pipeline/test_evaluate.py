"""What a run reports about heads from the labels so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.learning import Head
from ml_backend.learning.evaluation.kappa import LABELS_BETWEEN, stabilized
from ml_backend.learning.head.files import to_bytes
from ml_backend.pipeline.evaluate import NO_HEAD, Comparison, agreement, compare, stopping_advice
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store.learning_records import Agreement, BatchRecord, HeadRecord
from ml_backend.store.states import BatchState
from ml_backend.web.status import NO_ADVICE

X = np.eye(4, dtype=np.float32)
CLASSES = ("a", "b")


def config(choice: str = "single") -> LabelConfig:
    return parse(
        f'<View><Text name="t" value="$x"/><Choices name="c" toName="t" choice="{choice}">'
        '<Choice value="a"/><Choice value="b"/></Choices></View>'
    )


def fitted(y: NDArray[np.integer]) -> Head:
    """A head that was fitted on four directions with these labels."""
    return Head(C=100.0).fit(X, y, 2)


def stored(head: Head, **fields: Any) -> HeadRecord:
    return replace(HeadRecord("v", 1, ["a", "b"], head.multi_label, "m", 4, to_bytes(head), Agreement(), 0.0), **fields)


def pool_of_open_tasks() -> ProjectPool:
    """Tasks 1 to 4, one for each direction, none of them labelled."""
    every, none = np.ones(4, dtype=bool), np.zeros(4, dtype=bool)
    return ProjectPool(np.arange(1, 5), np.arange(4), X, every, np.full(4, -1), every, none, every)


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


def compared(
    head: Head, reference: HeadRecord | None, changed: int, previous: HeadRecord | None = None, model: str = "m"
) -> Comparison:
    kind = config("multiple" if head.multi_label else "single")
    return compare(reference, previous or reference, head, changed, pool_of_open_tasks(), kind, model, seed=0)


SAME = np.array([0, 0, 1, 1])
OTHER = np.array([0, 1, 0, 1])


def test_heads_are_compared_only_after_enough_new_labels():
    head, reference = fitted(SAME), stored(fitted(SAME))
    assert compared(head, None, 50) == Comparison(), "the first head is the one that later ones are compared with"
    assert compared(head, reference, 0) == Comparison()
    assert compared(head, reference, LABELS_BETWEEN - 1) == Comparison(changes=LABELS_BETWEEN - 1)
    assert compared(head, reference, LABELS_BETWEEN) == Comparison(0, 1.0, [1.0])


def test_refits_without_new_labels_never_advise_to_stop():
    head, reference = fitted(SAME), stored(fitted(SAME), kappas=[1.0, 1.0])
    for _ in range(5):
        comparison = compared(head, reference, 0)
        assert comparison.kappa is None
        assert not stopping_advice(comparison.kappas, 80).stop


def test_labels_add_up_over_heads_until_one_is_compared_with_the_reference():
    reference = stored(fitted(OTHER), kappas=[0.5])
    previous = stored(fitted(SAME), changes=LABELS_BETWEEN - 3, kappas=[0.5])
    assert compared(fitted(SAME), reference, 2, previous) == Comparison(LABELS_BETWEEN - 1, None, [0.5])
    comparison = compared(fitted(SAME), reference, 3, previous)
    assert (comparison.changes, comparison.kappas) == (0, [0.5, comparison.kappa])
    assert comparison.kappa is not None
    assert comparison.kappa < 1.0, "the reference predicts otherwise; the previous head would not"


@pytest.mark.parametrize(
    "other", [{"classes": ["b", "a"]}, {"embedding_model": "another"}, {"multi_label": True}], ids=str
)
def test_a_head_of_other_classes_or_of_another_model_begins_the_comparison_anew(other: dict[str, Any]):
    reference = stored(fitted(SAME), kappas=[1.0, 1.0], **other)
    assert compared(fitted(SAME), reference, 2 * LABELS_BETWEEN) == Comparison()


def test_a_head_without_labels_is_not_what_later_ones_are_compared_with():
    reference = stored(fitted(SAME), n_labels=0)
    assert compared(fitted(SAME), reference, 2 * LABELS_BETWEEN) == Comparison()
    assert not stopping_advice([1.0, 1.0, 1.0], labels=0).stop


def test_multi_label_heads_are_compared_class_by_class():
    y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.int8)
    assert compared(fitted(y), stored(fitted(y)), LABELS_BETWEEN).kappa == 1.0


def test_without_open_texts_there_is_nothing_to_compare_on():
    pool = replace(pool_of_open_tasks(), open=np.zeros(4, dtype=bool))
    reference = stored(fitted(SAME), kappas=[0.9])
    comparison = compare(reference, reference, fitted(SAME), 30, pool, config(), "m", seed=0)
    assert comparison == Comparison(30, None, [0.9])


def test_stopping_advice_uses_the_kappas_of_the_head():
    expected = stabilized([1.0, 1.0, 0.98])
    advice = stopping_advice([1.0, 1.0, 0.98], 80)
    assert (advice.stop, advice.value, advice.reason) == (expected.stop, expected.value, expected.reason)
    assert advice.stop
    assert stopping_advice([], 5).reason.startswith("1 of the 4 heads")
    assert NO_HEAD == NO_ADVICE, "the status shows the same before the first run"
