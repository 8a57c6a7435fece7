"""How many tasks are published, and when the next batch is due, so that nobody finds the queue empty meanwhile.

Label Studio serves no task once all published ones are labelled or locked by others, and random tasks once all of them
are labelled. docs/labelling.md explains the formula.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from operator import itemgetter

from ml_backend.pipeline.annotators import Moment
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import RunRecord

SMALLEST_QUEUE = 5
TASKS_PER_PERSON = 3
"""Two for each person to come, and the one they hold.

Label Studio locks a served task for its user until it is submitted, and no route of its API lists the locks.
"""
LARGEST_RESERVE = 2_000
"""Label Studio stores about 1,500 predictions a second, so that more would take longer than they last."""
MOST_MEMBERS = 100
"""So many members of an organization are expected to label at once before they are seen to."""
ASSUMED_RUN_SECONDS = 30.0
"""Duration of a run until RECENT_RUNS were measured: the first ones take place before everybody labels."""
LONGEST_RUN_SECONDS = 300.0
"""A run that took longer waited for something that was down, which the next one will not."""
ASSUMED_LABELS_PER_SECOND = 1.0
"""Speed of one person before it was measured."""
ASSUMED_WEIGHT_SECONDS = 10.0
"""The assumed speed counts like so many measured seconds, since the first labels tell little."""
FASTEST_LABELS_PER_SECOND = 2.0
"""Nobody labels faster for long; programs that import annotations do."""
RECENT_SECONDS = 300.0
RECENT_RUNS = 10


@dataclass(frozen=True)
class Pace:
    """How fast a project is labelled, and how long it takes until a batch follows.

    people: number of people who label or may start to; rate: tasks that all of them together label or skip per second;
    run_seconds: the longest time from an event to the batch that followed it, in recent runs.
    """

    people: int
    rate: float
    run_seconds: float

    @property
    def labels_per_run(self) -> int:
        """Number of tasks labelled while a run takes place."""
        return ceil(self.rate * self.run_seconds)


def measured_pace(moments: Sequence[Moment], annotators: int, members: int | None, runs: Sequence[RunRecord]) -> Pace:
    """The pace of a project.

    moments: of all the project's annotations, in ascending order; annotators: number of people who made them; members:
    number of people who can label, None if unknown; runs: the last RECENT_RUNS.
    """
    people = max(1, annotators, min(members or 0, MOST_MEMBERS))
    durations = [min(LONGEST_RUN_SECONDS, sum(run.seconds.values())) for run in runs]
    if len(runs) < RECENT_RUNS:
        durations.append(ASSUMED_RUN_SECONDS)
    return Pace(people, people * labels_per_second(moments), max(durations))


def labels_per_second(moments: Sequence[Moment]) -> float:
    """Speed of one person, over the last minutes in which anybody labelled. moments: in ascending order."""
    # Compared with the newest one, not with the present: Label Studio's clock may differ, and people come back.
    start = moments[-1][0] - RECENT_SECONDS if moments else 0.0
    by_person: dict[int, list[float]] = defaultdict(list)
    for moment, annotator in moments[bisect_left(moments, start, key=itemgetter(0)) :]:
        by_person[annotator].append(moment)
    labels = sum(len(times) - 1 for times in by_person.values())
    seconds = sum(times[-1] - times[0] for times in by_person.values())
    assumed = ASSUMED_LABELS_PER_SECOND * ASSUMED_WEIGHT_SECONDS
    return min(FASTEST_LABELS_PER_SECOND, (labels + assumed) / (seconds + ASSUMED_WEIGHT_SECONDS))


def queue_size(settings: ProjectSettings, pace: Pace) -> int:
    """Number of tasks to publish: the batch and its reserve.

    A run begins `retrain_every` labels after the last fit at the latest. Until its batch is there, twice
    `labels_per_run` are labelled: those of the run before, which were labelled before its batch was there, and those of
    this run.
    """
    reserve = min(LARGEST_RESERVE, TASKS_PER_PERSON * pace.people + 2 * pace.labels_per_run)
    return max(settings.batch_size, settings.retrain_every + max(SMALLEST_QUEUE, reserve))


def low_watermark(settings: ProjectSettings, pace: Pace, published: int) -> int:
    """A queue runs low when fewer of its tasks are left: as many as people take until the next batch is there.

    published: number of tasks published. `retrain_every` of them always come first, so that a pace that changes does
    not shorten a batch.
    """
    needed = max(SMALLEST_QUEUE, TASKS_PER_PERSON * pace.people + pace.labels_per_run)
    return max(0, min(needed, published - settings.retrain_every))
