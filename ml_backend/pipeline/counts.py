"""The numbers that people want to see of a project, computed once a run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import Labels
from ml_backend.pipeline.project_pool import ProjectPool
from ml_backend.pipeline.task_arrays import NO_TEXT


def counts(
    pool: ProjectPool, known: Labels, config: LabelConfig, remaining: int, annotators: int, missing: int, why: str
) -> dict[str, Any]:
    """Keys of a project's `meta` that the status page reads; classes without labels are listed with 0."""
    by_class = Counter(name for chosen in known.by_task.values() for name in chosen)
    texts = pool.texts[pool.texts != NO_TEXT]
    return {
        "labels": {name: by_class.get(name, 0) for name in config.classes},
        "labeled": len(known.by_task),
        "skipped": len(known.skipped),
        "ties": len(known.ties),
        "without_answer": len(known.unlabeled),
        "unknown_choices": dict(known.unknown),
        "duplicates": len(texts) - len(np.unique(texts)),
        "open": int(pool.open.sum()),
        "tasks": len(pool.task_ids),
        "embedded": int(pool.embedded.sum()),
        "to_embed": missing,
        "queue_remaining": remaining,
        "annotators": annotators,
        "why": why,
    }
