"""Shows the groups of nearly equal texts at a threshold, with the pairs where "the same" ends."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.pipeline.jobs.found_texts import TextViews, classes_of
from ml_backend.pipeline.jobs.job import Job, JobFailed
from ml_backend.pipeline.near_duplicates import Grouped, KeptPairs, grouped, kept_pairs
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.search_questions import MOST_LABELLED_AT_ONCE, THRESHOLDS, Groups

GROUPS_PER_PAGE = 10
TEXTS_SHOWN = 30
"""Of a group; the others are counted."""
EXAMPLES = 3
"""Pairs shown right above the threshold, and as many right below it."""


def run(job: Job) -> dict[str, Any]:
    """{"made_at", "texts", "counts", "above", "below", "groups", "total", "pages"}; parameters: see `parse_groups`.

    counts: [threshold, groups, tasks in them, groups with different labels] of each threshold; above, below: pairs
    {"cosine", "tasks"} on both sides of the threshold; groups: on this page, {"size", "open", "is_mixed", "agreed",
    "texts"}; open: ids of all tasks that can be labelled; agreed: the class that all labelled ones have, or that is
    predicted for all, or None. Raises JobFailed.
    """
    asked, pool = job.parameters, job.pool()
    pairs = kept_pairs(job.store, job.project_id)
    if pairs is None:
        raise JobFailed("The texts were not compared with each other yet: start the comparison first.")
    views = TextViews(job, pool)
    counts: list[list[Any]] = []
    chosen: Grouped | None = None
    shown: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for threshold in THRESHOLDS:
        groups = grouped(pool, pairs, threshold)
        mixed = _with_different_labels(pool, groups)
        counts.append([threshold, len(groups), len(groups.rows), int(mixed.sum())])
        if threshold == asked["threshold"]:
            chosen, shown = groups, _shown(pool, groups, mixed, Groups(asked["which"]))
    assert chosen is not None
    start = (asked["page"] - 1) * GROUPS_PER_PAGE
    above, below = _examples(pool, pairs, asked["threshold"])
    return {
        "made_at": pairs.made_at,
        "texts": pairs.texts,
        "counts": counts,
        "above": above,
        "below": below,
        "groups": [_group(pool, views, chosen.group(g)) for g in shown[start : start + GROUPS_PER_PAGE].tolist()],
        "total": len(shown),
        "pages": -(-len(shown) // GROUPS_PER_PAGE),
    }


def _label_numbers(pool: ProjectPool) -> NDArray[np.int64]:
    """(N,) int64: equal numbers for equal labels, -1 without one."""
    if pool.labels.ndim == 1:
        return pool.labels.astype(np.int64)
    numbers = np.full(len(pool.labels), -1, dtype=np.int64)
    labelled = np.flatnonzero(pool.has_label)
    if len(labelled):
        numbers[labelled] = np.unique(pool.labels[labelled], axis=0, return_inverse=True)[1].ravel()
    return numbers


def _with_different_labels(pool: ProjectPool, groups: Grouped) -> NDArray[np.bool_]:
    """(g,) bool."""
    if not len(groups):
        return np.zeros(0, dtype=bool)
    labels = _label_numbers(pool)[groups.rows]
    highest = np.maximum.reduceat(labels, groups.starts[:-1])
    lowest = np.minimum.reduceat(np.where(labels < 0, np.iinfo(np.int64).max, labels), groups.starts[:-1])
    return np.asarray((highest >= 0) & (lowest < highest))


def _shown(pool: ProjectPool, groups: Grouped, mixed: NDArray[np.bool_], which: Groups) -> NDArray[np.int64]:
    """(n,) int64: the numbers of the groups to show."""
    match which:
        case Groups.MIXED:
            return np.flatnonzero(mixed)
        case Groups.OPEN if len(groups):
            return np.flatnonzero(np.logical_or.reduceat(pool.open[groups.rows], groups.starts[:-1]))
    return np.arange(len(groups))


def _group(pool: ProjectPool, views: TextViews, rows: NDArray[np.int64]) -> dict[str, Any]:
    is_open = pool.open[rows]
    # Labelled ones first, so that a group shows what its open ones would get.
    order = np.argsort(is_open, kind="stable")
    texts = views.of(rows[order][:TEXTS_SHOWN])
    labels = {tuple(classes_of(pool, row)) for row in rows[~is_open].tolist()} - {()}
    predicted = {text["predicted"][0][0] if text["predicted"] else None for text in texts if text["state"] == "open"}
    agreed = next(iter(predicted)) if len(predicted) == 1 and not labels else None
    if len(labels) == 1 and len(only := next(iter(labels))) == 1:
        agreed = views.class_name(only[0])
    return {
        "size": len(rows),
        "open": pool.task_ids[rows[is_open]][:MOST_LABELLED_AT_ONCE].tolist(),
        "is_mixed": len(labels) > 1,
        "agreed": agreed,
        "texts": texts,
    }


def _examples(
    pool: ProjectPool, pairs: KeptPairs, threshold: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Pairs right above and right below the threshold, the nearest to it first."""
    is_known = np.isin(pairs.first, pool.task_ids) & np.isin(pairs.second, pool.task_ids)
    at_least = np.flatnonzero(is_known & (pairs.cosine >= threshold))
    less = np.flatnonzero(is_known & (pairs.cosine < threshold))
    return tuple(  # type: ignore[return-value]
        [
            {"cosine": round(float(pairs.cosine[p]), 4), "tasks": [int(pairs.first[p]), int(pairs.second[p])]}
            for p in side[np.argsort(np.abs(pairs.cosine[side] - threshold), kind="stable")][:EXAMPLES].tolist()
        ]
        for side in (at_least, less)
    )
