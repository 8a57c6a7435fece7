"""Which task is served next: `projects/functions/next_task.py` of Label Studio, without what only Enterprise has."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable

from fake_label_studio.records import SEQUENTIAL, UNCERTAINTY, Project, Task, User
from fake_label_studio.tables import Tables

LOCK_SECONDS = 86_400.0
RANDOM_SAMPLE = 50


def next_task(tables: Tables, project: Project, user: User) -> Task | None:
    """The task that this user gets now, locked for them; None when none is left or all that may be served are locked.

    The task that they hold comes first. Uncertainty sampling: of the open tasks with a prediction of the project's
    model version the one of lowest score, or a random one if the project has several members; a random one of all
    open tasks if none has such a prediction.
    """
    seen = {a.task for a in tables.annotations.values() if a.project == project.id and a.completed_by == user.id}
    left = [t for t in tables.tasks_of(project.id) if t.id not in seen and not tables.is_labeled(t)]
    held = next((t for t in left if t.locks.get(user.id, 0.0) > time.time()), None)
    if held is not None:
        return held
    task = _begun_by_others(tables, project, left, user) or _sampled(tables, project, left, user)
    if task is not None:
        task.locks = {holder: end for holder, end in task.locks.items() if end > time.time()}
        task.locks[user.id] = time.time() + LOCK_SECONDS
    return task


def _begun_by_others(tables: Tables, project: Project, left: list[Task], user: User) -> Task | None:
    """With several annotations per task: one of the tasks that others annotated, those with most annotations first."""
    if project.maximum_annotations <= 1:
        return None
    done = {t.id: sum(a.completed_by != user.id for a in tables.annotations_of(t.id)) for t in left}
    most = max(done.values(), default=0)
    return _random_unlocked(tables, [t for t in left if done[t.id] == most], user) if most else None


def _sampled(tables: Tables, project: Project, left: list[Task], user: User) -> Task | None:
    if project.sampling == SEQUENTIAL:
        return _first_unlocked(tables, left, user)
    if project.sampling != UNCERTAINTY:
        return _random_unlocked(tables, left, user)
    scores = {
        p.task: -1.0 if p.score is None else p.score
        for p in tables.predictions.values()
        if p.project == project.id and p.model_version == project.model_version
    }
    predicted = sorted((t for t in left if t.id in scores), key=lambda t: scores[t.id])
    if not predicted:
        return _random_unlocked(tables, left, user)
    return (_random_unlocked if len(project.members) > 1 else _first_unlocked)(tables, predicted, user)


def _first_unlocked(tables: Tables, tasks: Iterable[Task], user: User) -> Task | None:
    return next((t for t in tasks if not tables.is_locked_for(t, user)), None)


def _random_unlocked(tables: Tables, tasks: list[Task], user: User) -> Task | None:
    return _first_unlocked(tables, random.sample(tasks, min(RANDOM_SAMPLE, len(tasks))), user)
