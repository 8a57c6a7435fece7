"""What can be said of a head without held-out labels: how often it was right, and whether it still changes."""

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
    before: HeadRecord | None,
    pool: ProjectPool,
    changed: dict[int, Chosen | None],
    config: LabelConfig,
    model: str,
    drawn: Collection[int],
) -> Agreement:
    """How many of the changed labels the head before had predicted.

    Measured on tasks that a strategy chose for being hard: a lower bound of the accuracy on all of them. On the tasks
    `drawn` at random it is an estimate without bias.
    """
    rows = pool.rows(task_id for task_id, chosen in changed.items() if chosen is not None)
    rows = rows[pool.embedded[rows]]
    if before is None or not _comparable(before, config, model) or not len(rows):
        return Agreement()
    right = _predictions(from_bytes(before.blob), pool.embeddings[rows]) == pool.labels[rows]
    right = right.all(axis=1) if config.multi_label else right
    at_random = np.isin(pool.task_ids[rows], list(drawn))
    return Agreement(
        right=int(right.sum()),
        asked=len(rows),
        random_right=int(right[at_random].sum()),
        random_asked=int(at_random.sum()),
    )


def asked_at_random(drawn: Sequence[Sequence[int]], serving: BatchRecord | None) -> set[int]:
    """Tasks that were served because chance drew them.

    drawn: of the batch before (whose tasks some still label) and of the one that is served, if there were any. What
    chance drew before and the strategy chooses now is no longer a random sample.
    """
    before, now = set[int](), set[int]()
    for task_ids in drawn[-2:]:
        before, now = now, set(task_ids)
    return now | before - set(serving.task_ids if serving else ())


def stability(
    before: HeadRecord | None, head: Head | None, pool: ProjectPool, config: LabelConfig, model: str, seed: int
) -> float | None:
    """Kappa of what this head and the one before predict for a random sample of the open texts; None without two."""
    rows = np.flatnonzero(pool.open & pool.embedded)
    if before is None or head is None or not _comparable(before, config, model) or not len(rows):
        return None
    X = pool.embeddings[stop_set(rows, np.random.default_rng(seed))]
    return kappa(_predictions(from_bytes(before.blob), X), _predictions(head, X))


def stopping(kappas: Sequence[float | None]) -> StoppingAdvice:
    """Whether successive heads agree so well that more labels hardly change them.

    kappas: `stability` of the runs so far, the newest last; runs without one are left out.
    """
    return StoppingAdvice(**asdict(stabilized([value for value in kappas if value is not None])))


def _comparable(before: HeadRecord, config: LabelConfig, model: str) -> bool:
    return (before.embedding_model, tuple(before.classes)) == (model, config.classes)


def _predictions(head: Head, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) class numbers, or (n, n_classes) of 0 and 1 for a multi-label head, of embeddings X (n, D)."""
    p = head.predict_proba(X)
    return (p >= MULTI_LABEL_THRESHOLD).astype(np.int64) if head.multi_label else p.argmax(axis=1)
