"""The counts that the status page shows, computed by every run."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import AnswerProblem
from ml_backend.pipeline.label_arrays import NO_LABEL, LabelArrays
from ml_backend.pipeline.learning_data import LearningData
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.task_arrays import NO_TEXT
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.learning_records import BatchRecord
from ml_backend.store.records import AnswerProblemRecord, ProjectCounts

ANSWER_PROBLEMS_LISTED = 100
LONGEST_REASON = 500
"""Characters of a reason that are stored, since it may quote what an annotation holds."""


def counts(
    data: LearningData,
    settings: ProjectSettings,
    config: LabelConfig,
    batch: BatchRecord | None,
    missing: int,
    changed: int,
) -> ProjectCounts:
    """The counts of a project; classes without labels are listed with 0.

    batch: the published one; missing: texts without a vector; changed: labels that no fit has used yet.
    """
    pool, labels = data.pool, data.labels
    problems = labels.problems
    by_class: Counter[str] = Counter()
    for chosen, tasks in Counter(labels.by_task.values()).items():
        by_class.update(dict.fromkeys(chosen, tasks))
    texts = pool.texts[pool.texts != NO_TEXT]
    return ProjectCounts(
        labels={name: by_class.get(name, 0) for name in config.classes},
        labeled=len(labels.by_task),
        skipped=len(labels.skipped),
        ties=len(labels.ties),
        without_answer=len(labels.unlabeled),
        unknown_choices=dict(labels.unknown),
        answer_problems_total=len(problems),
        answer_problems=[_listed(problem) for problem in problems[:ANSWER_PROBLEMS_LISTED]],
        duplicates=len(texts) - np.count_nonzero(np.bincount(texts)),
        copies_to_label=_copies_to_label(pool, data.label_arrays),
        open=int(pool.open.sum()),
        tasks=len(pool.task_ids),
        embedded=int(pool.embedded.sum()),
        to_embed=missing,
        queue_remaining=pool.count_open(batch),
        queue_low=data.low_watermark(settings, batch),
        unpublished=pool.count_unpublished(batch),
        annotators=data.annotators,
        changed=changed,
    )


def _listed(problem: AnswerProblem) -> AnswerProblemRecord:
    return {"task": problem.task_id, "annotation": problem.annotation_id, "reason": problem.reason[:LONGEST_REASON]}


def _copies_to_label(pool: ProjectPool, labels: LabelArrays) -> int:
    """Number of open tasks whose text is labelled in another task, everywhere with the same classes."""
    rows = np.flatnonzero((labels.given != NO_LABEL) & (pool.texts != NO_TEXT))
    different = np.unique(pool.texts[rows] * len(labels.choices) + labels.given[rows]) // max(1, len(labels.choices))
    agreed, times = np.unique(different, return_counts=True)
    return int((pool.open & np.isin(pool.texts, agreed[times == 1])).sum())
