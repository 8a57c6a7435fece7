"""From a project's arrays to the next batch, by the same cycle that the simulator runs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Head
from ml_backend.learning.cycle import Cycle, Proposal
from ml_backend.learning.evaluation.stopping import kappa, stop_set
from ml_backend.learning.head.files import from_bytes, to_bytes
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.publish import MULTI_LABEL_THRESHOLD
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import BatchRecord, HeadRecord

Chosen = tuple[str, ...]


def label_changes(before: dict[int, list[str]], now: dict[int, Chosen]) -> dict[int, Chosen | None]:
    """Tasks whose label is new, another, or gone (None) since the last fit."""
    changed: dict[int, Chosen | None] = {
        task_id: chosen
        for task_id, chosen in now.items()
        if tuple(before.get(task_id, ())) != chosen or task_id not in before
    }
    changed.update({task_id: None for task_id in before if task_id not in now})
    return changed


def propose(settings: ProjectSettings, pool: ProjectPool, n_classes: int, cycle: int, reserve: int) -> Proposal:
    """Fit the head and choose the batch and its reserve; copies of known texts only fill up what is left."""
    plan = Cycle(
        settings.strategy,
        settings.initial,
        settings.batch_size,
        settings.seed,
        random_share=settings.random_share,
        subpool=settings.subpool,
        balance=settings.balance,
    )
    proposal = plan.propose(pool.embeddings, pool.labels, n_classes, cycle, candidates=pool.fresh, reserve=reserve)
    room = settings.batch_size + reserve - len(proposal.rows) - len(proposal.reserve_rows)
    if room <= 0:
        return proposal
    return _filled_up(proposal, _first_copies(pool, room), settings.batch_size)


def store_head(
    store: Store,
    project_id: int,
    head: Head | None,
    config: LabelConfig,
    model: str,
    n_labels: int,
    metrics: dict[str, int],
) -> str | None:
    """Keep a head as the project's newest and answer its version; without one, older heads are no longer true."""
    if head is None:
        store.drop_heads(project_id)
        return None
    version = f"head of {n_labels} labels {uuid.uuid4().hex[:8]}"
    store.put_head(
        HeadRecord(
            version=version,
            project_id=project_id,
            classes=list(config.classes),
            multi_label=config.multi_label,
            embedding_model=model,
            n_labels=n_labels,
            blob=to_bytes(head),
            metrics=dict(metrics),
            created_at=time.time(),
        )
    )
    return version


def agreement(
    before: HeadRecord | None,
    pool: ProjectPool,
    changed: dict[int, Chosen | None],
    config: LabelConfig,
    model: str,
    drawn: Collection[int],
) -> dict[str, int]:
    """How many of the changed labels the head before had predicted: {"right": …, "asked": …}.

    Measured on tasks that a strategy chose for being hard: a lower bound of the accuracy on all of them. The same of
    the tasks `drawn` at random, "random_right" and "random_asked", is an honest estimate.
    """
    rows = pool.rows(task_id for task_id, chosen in changed.items() if chosen is not None)
    rows = rows[pool.embedded[rows]]
    if before is None or not _comparable(before, config, model) or not len(rows):
        return dict.fromkeys(("right", "asked", "random_right", "random_asked"), 0)
    right = _predictions(from_bytes(before.blob), pool.embeddings[rows]) == pool.labels[rows]
    right = right.all(axis=1) if config.multi_label else right
    at_random = np.isin(pool.task_ids[rows], list(drawn))
    return {
        "right": int(right.sum()),
        "asked": len(rows),
        "random_right": int(right[at_random].sum()),
        "random_asked": int(at_random.sum()),
    }


def stability(
    before: HeadRecord | None, head: Head | None, pool: ProjectPool, config: LabelConfig, model: str, seed: int
) -> float | None:
    """Kappa of what this head and the one before predict for a random sample of the open texts; None without two."""
    rows = np.flatnonzero(pool.open & pool.embedded)
    if before is None or head is None or not _comparable(before, config, model) or not len(rows):
        return None
    X = pool.embeddings[stop_set(rows, np.random.default_rng(seed))]
    one, other = (_predictions(some, X) for some in (from_bytes(before.blob), head))
    return kappa(one, other)


def _comparable(before: HeadRecord, config: LabelConfig, model: str) -> bool:
    return (before.embedding_model, tuple(before.classes)) == (model, config.classes)


def _predictions(head: Head, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) class numbers, or (n, n_classes) of 0/1 for a multi-label head."""
    p = head.predict_proba(X)
    return (p >= MULTI_LABEL_THRESHOLD).astype(np.int64) if head.multi_label else p.argmax(axis=1)


def asked_at_random(drawn: Sequence[Sequence[int]], serving: BatchRecord | None) -> set[int]:
    """Tasks that were served because chance drew them.

    drawn: of the batch before (whose tasks some still label) and of the one that is served, if there were any. What
    chance drew before and the strategy chooses now is no longer a random sample.
    """
    before, now = set[int](), set[int]()
    for task_ids in drawn[-2:]:
        before, now = now, set(task_ids)
    return now | before - set(serving.task_ids if serving else ())


def _filled_up(proposal: Proposal, copies: NDArray[np.int64], batch_size: int) -> Proposal:
    """The proposal with copies of known texts behind what it chose itself."""
    room = batch_size - len(proposal.rows)
    return replace(
        proposal,
        rows=np.concatenate([proposal.rows, copies[:room]]),
        reserve_rows=np.concatenate([proposal.reserve_rows, copies[room:]]),
    )


def _first_copies(pool: ProjectPool, room: int) -> NDArray[np.int64]:
    rows = np.flatnonzero(pool.copies)
    rows = rows[~np.isin(pool.texts[rows], pool.texts[pool.fresh])]
    first = np.sort(np.unique(pool.texts[rows], return_index=True)[1])
    return rows[first[:room]]
