"""What a run reports about heads from the labels so far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig, parse
from ml_backend.learning import Head
from ml_backend.learning.evaluation.stopping import stabilized
from ml_backend.learning.head.files import to_bytes
from ml_backend.pipeline.evaluate import agreement, stability, stopping_advice, tasks_drawn_at_random
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store.records import Agreement, BatchRecord, HeadRecord
from ml_backend.store.states import BatchState
from ml_backend.web.status import NO_ADVICE

X = np.eye(4, dtype=np.float32)


def config(choice: str) -> LabelConfig:
    return parse(
        f'<View><Text name="t" value="$x"/><Choices name="c" toName="t" choice="{choice}">'
        '<Choice value="a"/><Choice value="b"/></Choices></View>'
    )


def head_of(y: NDArray[np.integer], choice: str) -> HeadRecord:
    """A head that was fitted on four directions with these labels."""
    blob = to_bytes(Head(C=100.0).fit(X, y, 2))
    return HeadRecord("v", 1, ["a", "b"], choice == "multiple", "m", 4, blob, Agreement(), 0.0)


def pool_with(labels: NDArray[np.integer]) -> ProjectPool:
    """Tasks 1 to 4, one for each direction, all with a label and a vector."""
    every, none = np.ones(4, dtype=bool), np.zeros(4, dtype=bool)
    return ProjectPool(np.arange(1, 5), np.arange(4), X, every, labels, none, none, every)


def test_agreement_counts_the_labels_that_the_previous_head_had_predicted_and_those_drawn_at_random():
    before, pool = head_of(np.array([0, 0, 1, 1]), "single"), pool_with(np.array([0, 1, 1, 1]))
    changed = {1: ("a",), 2: ("b",), 3: ("b",), 9: None}
    agreed = agreement(before, pool, changed, config("single"), "m", random_tasks={2, 3})
    assert agreed == Agreement(right=2, asked=3, random_right=1, random_asked=2)


def test_a_multi_label_prediction_is_right_if_all_classes_are():
    y = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.int8)
    before, pool = head_of(y, "multiple"), pool_with(np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.int8))
    changed = {1: ("a",), 2: ("a", "b"), 3: ("b",), 4: ()}
    assert agreement(before, pool, changed, config("multiple"), "m", set()) == Agreement(right=2, asked=4)


def test_heads_of_other_classes_or_of_another_model_are_not_compared():
    y = np.array([0, 0, 1, 1])
    before, pool, changed = head_of(y, "single"), pool_with(y), {1: ("a",)}
    now = Head(C=100.0).fit(X, y, 2)
    assert agreement(before, pool, changed, config("single"), "m", set()) == Agreement(right=1, asked=1)
    assert stability(before, now, pool, config("single"), "m", seed=0) == 1.0
    for other in (replace(before, classes=["b", "a"]), replace(before, embedding_model="another")):
        assert agreement(other, pool, changed, config("single"), "m", set()) == Agreement()
        assert stability(other, now, pool, config("single"), "m", seed=0) is None


def test_tasks_that_the_served_batch_chose_by_strategy_no_longer_count_as_random():
    serving = BatchRecord(2, 1, "v", "margin", "", None, [4, 5, 6, 7], 4, BatchState.PUBLISHED, 0.0, None)
    assert tasks_drawn_at_random([[1, 4, 9], [7]], serving) == {1, 9, 7}
    assert tasks_drawn_at_random([[7]], serving) == {7}
    assert tasks_drawn_at_random([], None) == set()


def test_stopping_advice_uses_the_kappas_of_the_runs_that_have_one():
    kappas = [0.5, 1.0, 1.0, 0.98]
    expected = stabilized(kappas)
    advice = stopping_advice([None, *kappas[:2], None, *kappas[2:]])
    assert (advice.stop, advice.value, advice.reason) == (expected.stop, expected.value, expected.reason)
    assert advice.stop
    assert stopping_advice([None]) == NO_ADVICE, "the status shows the same before the first run"
