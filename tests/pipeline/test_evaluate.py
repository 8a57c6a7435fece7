"""What a run reports about heads from the labels so far."""

from __future__ import annotations

from ml_backend.learning.evaluation.stopping import stabilized
from ml_backend.pipeline.evaluate import stopping_advice, tasks_drawn_at_random
from ml_backend.store.records import BatchRecord
from ml_backend.store.states import BatchState
from ml_backend.web.status import NO_ADVICE


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
