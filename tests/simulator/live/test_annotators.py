"""Several annotators at the same time."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from simulator.live.annotators import Answer, NoGoldLabel, agreed, label_together


class SimulatedAnnotator:
    """Skips now and then, remembers what it answered, and finds nothing more after so many tasks."""

    def __init__(self, seed: int, tasks: int = 1000) -> None:
        self.random, self.left = random.Random(seed), tasks
        self.given: list[Answer] = []

    def label_next(self) -> Answer | None:
        self.left -= 1
        if self.left < 0:
            return None
        self.given.append(Answer(self.left, None if self.random.random() < 0.4 else "yes"))
        return self.given[-1]


@pytest.mark.parametrize("seed", range(50))
def test_together_they_give_exactly_the_labels_that_were_asked_for(seed: int):
    annotators = [SimulatedAnnotator(seed + i) for i in range(3)]
    answers = label_together(annotators, 10)
    assert sum(answer.label is not None for answer in answers) == 10
    # Skips are not counted, and no answer is lost or told twice.
    assert Counter(answers) == Counter(answer for annotator in annotators for answer in annotator.given)


def test_a_task_that_two_were_handed_at_once_is_one_label_or_none():
    answers = [Answer(7, "yes"), Answer(3, "no"), Answer(7, "yes"), Answer(9, "no"), Answer(9, "yes"), Answer(5, None)]
    assert list(agreed(answers).items()) == [(7, "yes"), (3, "no")]


def test_they_stop_when_nothing_is_left():
    assert len(label_together([SimulatedAnnotator(0, tasks=3), SimulatedAnnotator(1, tasks=2)], 10)) == 5


def test_what_one_of_them_cannot_answer_stops_all():
    class Lost(SimulatedAnnotator):
        def label_next(self) -> Answer | None:
            raise NoGoldLabel("task 7 has None in its field 'gold'")

    with pytest.raises(NoGoldLabel, match="task 7"):
        label_together([Lost(0)], 3)
