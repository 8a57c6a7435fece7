"""The figures of the team benchmark see what would spoil a team's work."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from people import Answered
from team_figures import Order, differing, given_twice, labelled_twice, order, waits

from ml_backend.store.learning_records import BatchRecord, LabelStudioUse, RunRecord
from ml_backend.store.states import BatchState

PROJECT = 1


def given(task: int | None, at: float, person: int = 0) -> Answered:
    """A task that Label Studio gave, or an empty answer, within a tenth of a second."""
    return Answered(person, PROJECT, at - 0.1, at, 404 if task is None else 200, task)


def labelled(task: int, at: float, person: int = 0) -> Answered:
    """A label that Label Studio took."""
    return Answered(person, PROJECT, at - 0.1, at, 201, task)


def batch(number: int, task_ids: list[int], at: float, size: int = 2) -> BatchRecord:
    """A batch that was made half a second before it was published."""
    state = BatchState.PUBLISHED
    return BatchRecord(number, PROJECT, f"v{number}", "badge", "", None, task_ids, size, state, at - 0.5, at)


def run(number: int, labels: int) -> RunRecord:
    """The run that chose a batch."""
    use = LabelStudioUse(0, 0.0)
    return RunRecord(
        PROJECT,
        0.0,
        number,
        f"v{number}",
        "badge",
        "",
        labels,
        [],
        {},
        use,
        0,
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        (given(1, at=5.0), "before_first"),
        (given(1, at=11.0), "in_batch"),
        (given(3, at=11.0), "in_reserve"),
        (given(4, at=11.0), "outside"),
        (given(4, at=19.7), "in_batch"),  # its predictions are there, and the backend is about to note it
        (given(4, at=21.0), "in_batch"),
        (given(1, at=21.0), "in_older"),
        (given(9, at=21.0), "outside"),
    ],
)
def test_each_task_is_counted_where_it_came_from(answer, source):
    batches = [batch(2, [4, 5, 6], at=20.0), batch(1, [1, 2, 3], at=10.0)]
    assert order([answer, given(None, at=12.0)], batches) == Order(**{**vars(order([], batches)), source: 1})


def test_a_task_that_two_people_were_given_is_found_and_one_given_again_to_the_same_person_is_not():
    assert given_twice([given(1, 1.0, person=0), given(2, 2.0, person=1), given(1, 3.0, person=1)]) == 1
    assert given_twice([given(1, 1.0, person=0), given(1, 3.0, person=0), given(None, 4.0, person=1)]) == 0


def test_a_task_with_two_labels_is_found():
    assert labelled_twice([labelled(1, 1.0), labelled(2, 1.0), labelled(1, 2.0, person=1)]) == 1


def test_a_batch_is_waited_for_from_the_label_that_made_it_due():
    labels = [labelled(task, at=10.0 + task) for task in range(1, 8)]
    batches = [batch(1, [1], at=10.0), batch(2, [2], at=17.5), batch(3, [3], at=17.8)]
    runs = [run(1, 0), run(2, 6), run(3, 7)]
    # Batch 2 was due at the fifth label, at 15; batch 3 was published before its fifth further label.
    assert waits(batches, runs, labels, connected=4.0, retrain_every=5, end=30.0) == [6.0, 2.5]


def test_a_batch_that_is_due_and_does_not_come_is_waited_for_until_the_end():
    labels = [labelled(task, at=10.0 + task) for task in range(1, 8)]
    assert waits([batch(1, [1], at=10.0)], [run(1, 0)], labels, 9.0, retrain_every=5, end=30.0) == [1.0, 15.0]
    assert waits([], [], labels, connected=9.0, retrain_every=5, end=30.0) == [21.0]


def test_labels_that_the_backend_lacks_or_has_as_another_class_are_counted():
    assert differing({1: "a", 2: "b", 3: "c"}, {1: ("a",), 2: ("c",)}) == (1, 1)
