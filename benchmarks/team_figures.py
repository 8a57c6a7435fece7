"""What a team got, computed from the people's requests and from the batches and runs that the backend stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from people import Answered

from ml_backend.store.learning_records import BatchRecord, RunRecord


@dataclass(frozen=True)
class Order:
    """How the tasks that people were given relate to the batches.

    before_first: given before the first batch was published; in_batch, in_reserve: of the newest batch; in_older: only
    of a batch before; outside: of none.
    """

    before_first: int
    in_batch: int
    in_reserve: int
    in_older: int
    outside: int


@dataclass
class Project:
    """A project of the team: its tasks' classes by id, and when it was connected (Unix time)."""

    id: int
    gold: dict[int, str]
    connected: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What was measured in one project.

    lost, changed: labels that the backend lacks, or has as another class; in_label_studio, in_backend: submitted labels
    there.
    """

    project: Project
    order: Order
    waits: list[float]
    batches: int
    runs: list[RunRecord]
    published: list[int]
    lost: int
    changed: int
    in_label_studio: int
    in_backend: int
    classes_right: bool


def order(served: Iterable[Answered], batches: Sequence[BatchRecord]) -> Order:
    """Where the tasks that people were given came from.

    batches: of one project, in any order. A batch counts from its creation on, since its predictions are in Label
    Studio before the backend stores that it is published.
    """
    made = sorted((batch for batch in batches if batch.published_at is not None), key=lambda batch: batch.number)
    counted: Counter[str] = Counter()
    for answer in served:
        if answer.task is None:
            continue
        counted[_source(answer, made)] += 1
    return Order(**{name: counted[name] for name in Order.__dataclass_fields__})


def _source(answer: Answered, made: Sequence[BatchRecord]) -> str:
    known = [batch for batch in made if batch.created_at <= answer.answered]
    holding = [batch for batch in known if answer.task in batch.task_ids]
    if holding:
        # Newest means the one that was newest when the person asked, or one published since.
        newest = max((b.number for b in known if (b.published_at or 0.0) <= answer.sent), default=0)
        batch = holding[-1]
        if batch.number < newest:
            return "in_older"
        return "in_batch" if batch.task_ids.index(answer.task or 0) < batch.size else "in_reserve"
    # Label Studio chose the task before the switch if the person asked before it.
    published = [batch for batch in made if (batch.published_at or 0.0) <= answer.sent]
    return "outside" if published else "before_first"


def given_twice(served: Iterable[Answered]) -> int:
    """Number of tasks that more than one person was given."""
    people: dict[int, set[int]] = defaultdict(set)
    for answer in served:
        if answer.task is not None:
            people[answer.task].add(answer.person)
    return sum(len(numbers) > 1 for numbers in people.values())


def labelled_twice(labels: Iterable[Answered]) -> int:
    """Number of tasks with more than one submitted label."""
    return sum(n > 1 for n in Counter(label.task for label in labels).values())


def waits(
    batches: Sequence[BatchRecord],
    runs: Sequence[RunRecord],
    labels: Iterable[Answered],
    connected: float,
    retrain_every: int,
    end: float,
) -> list[float]:
    """Seconds from what made each batch of a project due to its publication.

    The first is due when the project is connected, each other when `retrain_every` labels were given since those that
    the batch before learned from; one that was published before it was due was not waited for. One that is due and not
    published counts until `end` (Unix time).
    """
    learned = {run.batch: run.labels for run in runs if run.batch is not None}
    published = sorted((batch.published_at, learned.get(batch.number, 0)) for batch in batches if batch.published_at)
    given = sorted(label.answered for label in labels)
    if not published:
        return [end - connected]
    waited = [published[0][0] - connected]
    for position, (_, learned_from) in enumerate(published):
        due = learned_from + retrain_every
        if due > len(given):
            continue
        successor = published[position + 1][0] if position + 1 < len(published) else end
        if successor > given[due - 1]:
            waited.append(successor - given[due - 1])
    return waited


def milliseconds(answers: Iterable[Answered]) -> str:
    """Median and 99th percentile of the time that people waited, as text."""
    seconds = [answer.seconds for answer in answers]
    if not seconds:
        return "–"
    p50, p99 = np.percentile(seconds, [50, 99])
    return f"{1000 * p50:,.0f} / {1000 * p99:,.0f}"


def differing(given: Mapping[int, str], stored: Mapping[int, tuple[str, ...]]) -> tuple[int, int]:
    """Number of given labels (task id → class) that the backend lacks, and of those that it has as another class."""
    lost = sum(task not in stored for task in given)
    other = sum(task in stored and stored[task] != (label,) for task, label in given.items())
    return lost, other
