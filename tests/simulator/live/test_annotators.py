"""Several annotators at the same time."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from simulator.live.annotators import Answer, NoGoldLabel, agreed, label_together


class SimulatedAnnotator:
    """Answers or skips at random, records its answers, and gets no more tasks after the first `tasks`."""

    def __init__(self, seed: int, tasks: int = 1000) -> None:
        self.random, self.left = random.Random(seed), tasks
        self.answered: list[Answer] = []

    def label_next(self) -> Answer | None:
        self.left -= 1
        if self.left < 0:
            return None
        self.answered.append(Answer(self.left, None if self.random.random() < 0.4 else "yes"))
        return self.answered[-1]


@pytest.mark.parametrize("seed", range(50))
def test_annotators_together_give_exactly_the_requested_number_of_labels(seed: int):
    annotators = [SimulatedAnnotator(seed + i) for i in range(3)]
    answers = label_together(annotators, 10)
    assert sum(answer.label is not None for answer in answers) == 10
    # Skips are not counted, and no answer is lost or returned twice.
    assert Counter(answers) == Counter(answer for annotator in annotators for answer in annotator.answered)


def test_two_answers_to_the_same_task_count_as_one_label_at_most():
    answers = [Answer(7, "yes"), Answer(3, "no"), Answer(7, "yes"), Answer(9, "no"), Answer(9, "yes"), Answer(5, None)]
    assert list(agreed(answers).items()) == [(7, "yes"), (3, "no")]


def test_annotators_stop_when_no_task_is_left():
    assert len(label_together([SimulatedAnnotator(0, tasks=3), SimulatedAnnotator(1, tasks=2)], 10)) == 5


def test_an_error_of_one_annotator_stops_all():
    class Lost(SimulatedAnnotator):
        def label_next(self) -> Answer | None:
            raise NoGoldLabel("task 7 has None in its field 'gold'")

    with pytest.raises(NoGoldLabel, match="task 7"):
        label_together([Lost(0)], 3)
