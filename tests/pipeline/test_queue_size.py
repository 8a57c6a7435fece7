"""How many tasks are published: cases, and twenty people on a virtual clock at the fake's own order of serving."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
from fake_label_studio.next_task import next_task
from fake_label_studio.records import UNCERTAINTY, Prediction, Project, Task, User
from fake_label_studio.records import Annotation as Row
from fake_label_studio.tables import Tables

from ml_backend.annotation import Annotation
from ml_backend.pipeline.annotators import Annotators
from ml_backend.pipeline.queue_size import (
    ASSUMED_RUN_SECONDS,
    FASTEST_LABELS_PER_SECOND,
    LARGEST_RESERVE,
    LONGEST_RUN_SECONDS,
    MOST_MEMBERS,
    RECENT_RUNS,
    Pace,
    labels_per_second,
    low_watermark,
    measured_pace,
    queue_size,
)
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import LabelStudioUse, RunRecord


@pytest.mark.parametrize(
    ("batch_size", "retrain_every", "pace", "published", "low"),
    [
        (20, 5, Pace(1, 0.1, 2.0), 20, 5),
        (20, 20, Pace(1, 0.1, 2.0), 25, 5),
        (5, 20, Pace(1, 0.0, 0.0), 25, 5),
        (20, 5, Pace(1, 1.0, 10.0), 28, 13),
        (20, 5, Pace(20, 0.0, 0.0), 65, 60),
        (20, 5, Pace(20, 16.0, 2.0), 129, 92),
        (20, 5, Pace(20, 16.0, 30.0), 1025, 540),
        (20, 5, Pace(20, 16.0, 300.0), 5 + LARGEST_RESERVE, LARGEST_RESERVE),
        (20, 5, Pace(5000, 0.0, 1.0), 5 + LARGEST_RESERVE, LARGEST_RESERVE),
        (1000, 10_000, Pace(20, 16.0, 10.0), 10_380, 220),
        (1000, 5, Pace(20, 16.0, 2.0), 1000, 92),
    ],
)
def test_the_queue_lasts_for_a_run_and_for_everybody(
    batch_size: int, retrain_every: int, pace: Pace, published: int, low: int
):
    settings = ProjectSettings(batch_size=batch_size, retrain_every=retrain_every)
    assert queue_size(settings, pace) == published
    assert low_watermark(settings, pace, published) == low


def test_a_queue_never_runs_low_before_retrain_every_of_its_tasks_are_labelled():
    settings = ProjectSettings(batch_size=20, retrain_every=15)
    assert low_watermark(settings, Pace(20, 16.0, 30.0), published=20) == 5
    assert low_watermark(settings, Pace(20, 16.0, 30.0), published=3) == 0, "all that is left is published"


def label(number: int, moment: float | None, annotator: int | None = 1) -> Annotation:
    return Annotation(number, number, annotator, False, [], "", created_at=moment)


def speed(labels: list[Annotation]) -> float:
    return labels_per_second(Annotators(labels).moments)


def test_the_speed_is_that_of_one_person_in_the_minutes_when_somebody_labelled():
    assert speed([]) == 1.0
    slow = [label(i, 8.0 * i) for i in range(30)]
    assert speed(slow) == pytest.approx(1 / 8, rel=0.35)
    two = [*slow, *(label(100 + i, 2.0 * i, annotator=2) for i in range(100))]
    assert 1 / 8 < speed(two) < 1 / 2
    before_the_weekend = [label(200 + i, 0.1 * i - 200_000) for i in range(1000)]
    assert speed([*before_the_weekend, *slow]) == speed(slow)
    assert speed([label(i, 0.0) for i in range(500)]) == FASTEST_LABELS_PER_SECOND
    unknown = [label(300, None), label(301, 5.0, annotator=None)]
    assert speed([*unknown, *slow]) == speed(slow)


def run(**seconds: float) -> RunRecord:
    use = LabelStudioUse(3, 0.1)
    return RunRecord(1, 0.0, 1, "v", "margin", "", 3, ["labels"], seconds, use, 0, 0, 0, 0)


def test_members_count_before_they_label_and_the_slowest_run_with_its_wait():
    first = measured_pace([], annotators=0, members=20, runs=[])
    assert (first.people, first.rate, first.run_seconds) == (20, 20.0, ASSUMED_RUN_SECONDS)
    quick = [run(wait=0.5, fit=2.0)] * (RECENT_RUNS - 1)
    assert measured_pace([], 3, None, quick).run_seconds == ASSUMED_RUN_SECONDS, "these tell too little"
    later = measured_pace([], annotators=3, members=None, runs=[run(wait=4.0, fit=1.0), *quick])
    assert (later.people, later.run_seconds) == (3, 5.0)
    weekend = run(wait=200_000.0)
    assert measured_pace([], 3, None, [weekend, *quick]).run_seconds == LONGEST_RUN_SECONDS
    assert measured_pace([], annotators=0, members=None, runs=[]).people == 1
    assert measured_pace([], annotators=2, members=40_000, runs=[]).people == MOST_MEMBERS
    assert measured_pace([], annotators=300, members=40_000, runs=[]).people == 300


class FastTables(Tables):
    """The fake's tables, which find the annotations of a task without reading all, and forget labelled tasks."""

    def __init__(self) -> None:
        super().__init__()
        self.of_task: dict[int, list[Row]] = {}

    def annotations_of(self, task_id: int) -> list[Row]:
        return self.of_task.get(task_id, [])

    def tasks_of(self, project_id: int) -> list[Task]:
        return list(self.tasks.values())

    def add(self, row: Row) -> None:
        self.annotations[row.id] = row
        self.of_task.setdefault(row.task, []).append(row)
        self.tasks.pop(row.task)


@dataclass
class Team:
    """People who label one after the other task that the fake serves, and a backend that publishes, on one clock.

    fastest, slowest: seconds that a label takes; run_seconds: from the reading of labels to the next version. Tasks are
    chosen in the order of their ids.
    """

    people: int
    fastest: float
    slowest: float
    run_seconds: float
    settings: ProjectSettings = field(default_factory=ProjectSettings)
    now: float = 0.0
    empty: int = 0
    outside: int = 0
    labels: list[Annotation] = field(default_factory=list)
    twice: int = 0
    batches: int = 0
    published: list[int] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)

    def work(self, seconds: float, n_tasks: int) -> None:
        """Label for so many seconds, from the moment when the first batch is there."""
        draw = random.Random(1)
        self.tables = FastTables()
        self.users = [User(i, f"{i}@example.com", "", 1) for i in range(self.people)]
        self.project = self.tables.projects[1] = Project(1, 1, self.users[0], 0.0, sampling=UNCERTAINTY)
        for i in range(1, n_tasks + 1):
            self.tables.tasks[i] = Task(i, 1, {}, "", "")
        self._publish(self._choose([]))
        fit_labels, finishing = 0, None
        moments = [(draw.uniform(0, 0.5), user.id) for user in self.users]
        held: dict[int, int] = {}
        while moments[0][0] < seconds:
            self.now, person = heapq.heappop(moments)
            if finishing is not None and finishing[0] <= self.now:
                self._publish(finishing[1])
                self.runs = [*self.runs, run(wait=0.1, query=self.run_seconds)][-RECENT_RUNS:]
                finishing = None
            if person in held:
                self._submit(person, held.pop(person))
            if finishing is None and self._is_due(len(self.labels) - fit_labels):
                fit_labels = len(self.labels)
                finishing = (self.now + self.run_seconds, self._choose(self.labels))
            task = next_task(self.tables, self.project, self.users[person])
            if task is None:
                self.empty += 1
                heapq.heappush(moments, (self.now + 0.5, person))
                continue
            self.outside += task.id not in self.published
            self.twice += task.id in held.values()
            held[person] = task.id
            heapq.heappush(moments, (self.now + draw.uniform(self.fastest, self.slowest), person))

    def _pace(self, labels: list[Annotation]) -> Pace:
        annotators = Annotators(labels)
        return measured_pace(annotators.moments, len(annotators), self.people, self.runs)

    def _choose(self, labels: list[Annotation]) -> list[int]:
        return list(self.tables.tasks)[: queue_size(self.settings, self._pace(labels))]

    def _is_due(self, changed: int) -> bool:
        if changed >= self.settings.retrain_every:
            return True
        left = sum(task_id in self.tables.tasks for task_id in self.published)
        return left < low_watermark(self.settings, self._pace(self.labels), len(self.published))

    def _publish(self, task_ids: list[int]) -> None:
        self.batches += 1
        self.published = task_ids
        self.project.model_version = version = f"batch {self.batches}"
        self.tables.predictions = {
            task_id: Prediction(task_id, task_id, 1, [], rank / len(task_ids), version, "")
            for rank, task_id in enumerate(task_ids)
        }

    def _submit(self, person: int, task_id: int) -> None:
        number = len(self.labels) + 1
        self.labels.append(label(number, self.now, person))
        self.tables.add(Row(number, task_id, 1, person, [], False, "", ""))


@pytest.mark.parametrize("run_seconds", [2.0, 10.0, 30.0])
@pytest.mark.parametrize(("fastest", "slowest"), [(0.5, 2.0), (3.0, 8.0)])
def test_twenty_people_never_find_the_queue_empty(fastest: float, slowest: float, run_seconds: float):
    team = Team(20, fastest, slowest, run_seconds)
    team.work(seconds=2 * run_seconds + 20, n_tasks=2500)
    assert (team.empty, team.outside, team.twice) == (0, 0, 0)
    assert team.batches >= 3
    assert len(team.tables.tasks) > len(team.published), "the pool is not used up"


def test_one_person_gets_the_published_order_and_no_more_than_before():
    team = Team(1, 3.0, 8.0, run_seconds=0.5)
    team.work(seconds=400, n_tasks=300)
    labelled = [row.task for row in team.tables.annotations.values()]
    assert labelled == sorted(labelled), "the order of choice"
    assert len(team.published) == team.settings.batch_size
    assert (team.empty, team.outside) == (0, 0)
