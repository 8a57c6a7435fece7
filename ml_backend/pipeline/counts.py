"""The counts that the status page shows, computed by every run."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import AnswerProblem, Labels
from ml_backend.pipeline.learning_data import LearningData
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.select import count_unpublished
from ml_backend.pipeline.task_arrays import NO_TEXT
from ml_backend.project_settings import ProjectSettings
from ml_backend.store.records import AnswerProblemRecord, BatchRecord, ProjectCounts

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
    by_class = Counter(name for chosen in labels.by_task.values() for name in chosen)
    texts = pool.texts[pool.texts != NO_TEXT]
    return ProjectCounts(
        labels={name: by_class.get(name, 0) for name in config.classes},
        labeled=len(labels.by_task),
        skipped=len(labels.skipped),
        ties=len(labels.ties),
        without_answer=len(labels.unlabeled),
        unknown_choices=dict(labels.unknown),
        answer_problems_total=len(labels.problems),
        answer_problems=[_listed(problem) for problem in labels.problems[:ANSWER_PROBLEMS_LISTED]],
        duplicates=len(texts) - len(np.unique(texts)),
        copies_to_label=_copies_to_label(pool, labels),
        open=int(pool.open.sum()),
        tasks=len(pool.task_ids),
        embedded=int(pool.embedded.sum()),
        to_embed=missing,
        queue_remaining=pool.count_open(batch),
        queue_low=data.low_watermark(settings, batch),
        unpublished=count_unpublished(pool, batch),
        annotators=data.annotators,
        changed=changed,
    )


def _listed(problem: AnswerProblem) -> AnswerProblemRecord:
    return {"task": problem.task_id, "annotation": problem.annotation_id, "reason": problem.reason[:LONGEST_REASON]}


def _copies_to_label(pool: ProjectPool, labels: Labels) -> int:
    """Number of open tasks whose text is labelled in another task, everywhere with the same classes."""
    by_text: dict[int, set[tuple[str, ...]]] = defaultdict(set)
    for row in pool.rows(labels.by_task).tolist():
        by_text[int(pool.texts[row])].add(labels.by_task[int(pool.task_ids[row])])
    agreed = [number for number, different in by_text.items() if number != NO_TEXT and len(different) == 1]
    return int((pool.open & np.isin(pool.texts, agreed)).sum())
