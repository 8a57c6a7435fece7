"""Encodes class names as the class numbers that a head is fitted on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.pipeline.task_arrays import rows_of

UNLABELED = -1


def encode_labels(
    task_ids: NDArray[np.int64], by_task: Mapping[int, tuple[str, ...]], config: LabelConfig
) -> NDArray[np.integer]:
    """Class numbers of the tasks, in the order of the label config's classes.

    task_ids (N,) int64, ascending; by_task: task id → names of its classes; ids that are not in `task_ids` are ignored.
    Returns (N,) int64, or (N, n_classes) int8 of 0 and 1 for a multi-label config; -1 where a task has no label. Raises
    KeyError for a class that the config does not have.
    """
    number = {name: i for i, name in enumerate(config.classes)}
    rows = rows_of(task_ids, by_task)
    chosen = [[number[name] for name in by_task[task_id]] for task_id in task_ids[rows].tolist()]
    if not config.multi_label:
        single = np.full(len(task_ids), UNLABELED, dtype=np.int64)
        single[rows] = [numbers[0] for numbers in chosen]
        return single
    several = np.full((len(task_ids), len(config.classes)), UNLABELED, dtype=np.int8)
    several[rows] = 0
    for row, numbers in zip(rows.tolist(), chosen, strict=True):
        several[row, numbers] = 1
    return several


def has_label(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which rows of `encode_labels` have a label. labels (N,) or (N, n_classes) integer; returns (N,) bool."""
    mask: NDArray[np.bool_] = (labels if labels.ndim == 1 else labels[:, 0]) != UNLABELED
    return mask
