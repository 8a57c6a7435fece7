"""Evaluates a head without held-out labels: how often it predicted new labels, and whether it still changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Head
from ml_backend.learning.evaluation.stopping import kappa, stabilized, stop_set
from ml_backend.learning.head.files import from_bytes
from ml_backend.pipeline.label_changes import Chosen
from ml_backend.pipeline.likely_classes import MULTI_LABEL_THRESHOLD
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.store.records import Agreement, BatchRecord, HeadRecord, StoppingAdvice


def agreement(
    previous: HeadRecord | None,
    pool: ProjectPool,
    changed: dict[int, Chosen | None],
    config: LabelConfig,
    model: str,
    random_tasks: Collection[int],
) -> Agreement:
    """How many of the changed labels the previous head had predicted.

    previous: that head; changed: task id → its classes, None if its label was removed; model: name of the
    embedding model; random_tasks: ids of tasks that were drawn at random. A strategy chooses hard tasks, so the share
    of right predictions is a lower bound of the accuracy on all tasks; on the random tasks it is unbiased.
    """
    rows = pool.rows(task_id for task_id, chosen in changed.items() if chosen is not None)
    rows = rows[pool.embedded[rows]]
    if previous is None or not _comparable(previous, config, model) or not len(rows):
        return Agreement()
    is_right = _predictions(from_bytes(previous.blob), pool.embeddings[rows]) == pool.labels[rows]
    is_right = is_right.all(axis=1) if config.multi_label else is_right
    at_random = np.isin(pool.task_ids[rows], list(random_tasks))
    return Agreement(
        right=int(is_right.sum()),
        asked=len(rows),
        random_right=int(is_right[at_random].sum()),
        random_asked=int(at_random.sum()),
    )


def tasks_drawn_at_random(random_tasks: Sequence[Sequence[int]], serving: BatchRecord | None) -> set[int]:
    """Ids of tasks that were served because they were drawn at random.

    random_tasks: ids drawn for each run, the newest run last; the last two count, since annotators may still label the
    batch before the served one. serving: the batch that Label Studio serves. A task that was drawn for the older batch
    and that the served batch contains by choice of the strategy is no longer part of a random sample.
    """
    drawn_before, drawn_now = set[int](), set[int]()
    for task_ids in random_tasks[-2:]:
        drawn_before, drawn_now = drawn_now, set(task_ids)
    return drawn_now | drawn_before - set(serving.task_ids if serving else ())


def stability(
    previous: HeadRecord | None, head: Head | None, pool: ProjectPool, config: LabelConfig, model: str, seed: int
) -> float | None:
    """Kappa between the predictions of this head and of the previous one on a random sample of the open texts.

    seed: of the sample. Returns None without two heads of the same model and classes, or without open texts.
    """
    rows = np.flatnonzero(pool.open & pool.embedded)
    if previous is None or head is None or not _comparable(previous, config, model) or not len(rows):
        return None
    X = pool.embeddings[stop_set(rows, np.random.default_rng(seed))]
    return kappa(_predictions(from_bytes(previous.blob), X), _predictions(head, X))


def stopping_advice(kappas: Sequence[float | None]) -> StoppingAdvice:
    """Advice to stop labelling when successive heads hardly differ any more.

    kappas: `stability` of the runs so far, the newest last; None values are ignored.
    """
    return StoppingAdvice(**asdict(stabilized([value for value in kappas if value is not None])))


def _comparable(previous: HeadRecord, config: LabelConfig, model: str) -> bool:
    return (previous.embedding_model, tuple(previous.classes)) == (model, config.classes)


def _predictions(head: Head, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """X (n, D) float32. Returns (n,) class numbers, or (n, n_classes) of 0 and 1 for a multi-label head."""
    p = head.predict_proba(X)
    return (p >= MULTI_LABEL_THRESHOLD).astype(np.int64) if head.multi_label else p.argmax(axis=1)
