"""Labelled tasks that are asked a second time, of another person, because of `relabel_share`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax

from ml_backend.annotation import Annotation
from ml_backend.learning.head.held_out import HeldOut
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.task_rows import NO_ROWS
from ml_backend.project_settings import ProjectSettings

MOST_REPEATS = 50
"""Label Studio is told about each of them in a request of its own."""
LEAST_PEOPLE = 2
STREAM = 5
"""Number of the generator; `learning.cycle` has those below."""


@dataclass(frozen=True)
class Repeats:
    """rows: (r,) int64, rows of the pool to ask again, the most doubtful first; why: for the history, or ""."""

    rows: NDArray[np.int64]
    why: str


def repeats(
    settings: ProjectSettings,
    pool: ProjectPool,
    annotations: Mapping[int, Sequence[Annotation]],
    people: int,
    asked_of: int,
    held_out: HeldOut | None,
    n: int,
    cycle: int,
) -> Repeats:
    """The tasks to ask again beside a batch and its reserve of n other tasks.

    Tasks that one person labelled and nobody else answered, the least probable labels first, by heads that were fitted
    without them. The number is `relabel_share` of the tasks published, rounded up or down by chance, so that the share
    is right on average for small batches too.

    annotations: task id → all its annotations; people: number of those who label; asked_of: how many people Label
    Studio asks for each task; held_out: of the head of this batch.
    """
    share = settings.relabel_share
    if not share or not n:
        return Repeats(NO_ROWS, "")
    if asked_of > 1:
        return Repeats(NO_ROWS, f"no task is asked again, since Label Studio asks {asked_of} people for each already")
    if people < LEAST_PEOPLE:
        return Repeats(NO_ROWS, "no task is asked again, since one person alone labels")
    doubts = None if held_out is None else log_probabilities(held_out)
    if doubts is None:
        return Repeats(NO_ROWS, "no task is asked again, since there are too few labels to doubt one")
    labelled = np.flatnonzero(pool.has_label)
    once = np.array(
        [_by_one_person(annotations.get(task, ())) for task in pool.task_ids[labelled].tolist()], dtype=bool
    )
    chance = np.random.default_rng([settings.seed, cycle, STREAM]).random()
    wanted = min(MOST_REPEATS, int(share / (1 - share) * n + chance))
    rows = labelled[once][np.argsort(doubts[once], kind="stable")][:wanted]
    return Repeats(rows, _words(len(rows)) if len(rows) else "")


def mixed(rows: NDArray[np.int64], size: int, repeated: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The rows (n,) with the repeated ones (r,) spread evenly among them, and the size of the batch with its share.

    size: how many of the rows are the batch; the others are its reserve.
    """
    if not len(repeated):
        return rows, size
    places = ((np.arange(len(repeated)) + 0.5) * len(rows) / len(repeated)).astype(np.int64)
    return np.insert(rows, places, repeated), size + int((places < size).sum())


def log_probabilities(held_out: HeldOut) -> NDArray[np.float64] | None:
    """(n,), of the given labels by heads that were not fitted to them; None where there are too few labels for that.

    Multi-label: the mean over the classes.
    """
    logits = held_out.logits()
    if logits is None:
        return None
    if held_out.multi_label:
        signs = np.where(held_out.y == 1, 1.0, -1.0)
        return np.asarray(log_expit(signs * logits).mean(axis=1), dtype=np.float64)
    return np.asarray(log_softmax(logits, axis=1)[np.arange(len(held_out.y)), held_out.y], dtype=np.float64)


def _by_one_person(annotations: Sequence[Annotation]) -> bool:
    """Whether exactly one person annotated a task; imported labels are nobody's."""
    return len({a.annotator for a in annotations}) == 1 and annotations[0].annotator is not None


def _words(n: int) -> str:
    return f"{n} labelled {'task is' if n == 1 else 'tasks are'} asked again"
