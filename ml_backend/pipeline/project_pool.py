"""A project's tasks and labels as the arrays that `learning` works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import Labels
from ml_backend.pipeline.task_arrays import NO_TEXT, TaskArrays, rows_of


@dataclass(frozen=True)
class ProjectPool:
    """Rows are the tasks in the order of their ids, so that a seed gives the same picks here and offline.

    texts (N,) int64: the same number for the same text, -1 without one; embeddings (N, D) float32;
    labels (N,) int64 or (N, n_classes) int8, -1 unlabelled; open (N,) bool: has a text and nobody touched it;
    fresh (N,) bool: may be offered and its text is neither labelled nor offered by another row;
    copies (N,) bool: may be offered, but repeats a text that is labelled or fresh.
    """

    task_ids: NDArray[np.int64]
    texts: NDArray[np.int64]
    embeddings: NDArray[np.float32]
    embedded: NDArray[np.bool_]
    labels: NDArray[np.integer]
    fresh: NDArray[np.bool_]
    copies: NDArray[np.bool_]
    open: NDArray[np.bool_]

    @property
    def labeled(self) -> int:
        return int(_known(self.labels).sum())

    def rows(self, task_ids: Iterable[int]) -> NDArray[np.int64]:
        """Rows of those of the tasks that are there, in their order."""
        return rows_of(self.task_ids, task_ids)


def project_pool(arrays: TaskArrays, labels: Labels, config: LabelConfig) -> ProjectPool:
    """The arrays with their labels. Tasks with any submitted or skipped annotation are never offered again.

    A label counts once its text has a vector: until then it would teach the head a vector of zeros.
    """
    encoded = encode_labels(arrays, labels, config)
    is_open = arrays.texts != NO_TEXT
    is_open[arrays.rows(arrays.annotations)] = False
    offered = is_open & arrays.embedded
    fresh = _first_of_each_text(arrays.texts, offered, taken=arrays.texts[_known(encoded)])
    encoded[~arrays.embedded] = -1
    return ProjectPool(
        task_ids=arrays.task_ids,
        texts=arrays.texts,
        embeddings=arrays.vectors,
        embedded=arrays.embedded,
        labels=encoded,
        fresh=fresh,
        copies=offered & ~fresh,
        open=is_open,
    )


def encode_labels(arrays: TaskArrays, labels: Labels, config: LabelConfig) -> NDArray[np.integer]:
    """Class numbers in the order of the tasks: (N,) int64, or (N, n_classes) int8 for multi-label; -1 unlabelled."""
    number = {name: i for i, name in enumerate(config.classes)}
    n = len(arrays.task_ids)
    rows = {int(arrays.task_ids[row]): row for row in arrays.rows(labels.by_task)}
    if not config.multi_label:
        single = np.full(n, -1, dtype=np.int64)
        for task_id, row in rows.items():
            single[row] = number[labels.by_task[task_id][0]]
        return single
    several = np.full((n, len(config.classes)), -1, dtype=np.int8)
    for task_id, row in rows.items():
        several[row] = 0
        several[row, [number[name] for name in labels.by_task[task_id]]] = 1
    return several


def _known(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    known: NDArray[np.bool_] = (labels if labels.ndim == 1 else labels[:, 0]) >= 0
    return known


def _first_of_each_text(
    texts: NDArray[np.int64], offered: NDArray[np.bool_], taken: NDArray[np.int64]
) -> NDArray[np.bool_]:
    first = np.zeros(len(texts), dtype=bool)
    rows = np.flatnonzero(offered)
    rows = rows[~np.isin(texts[rows], taken)]
    first[rows[np.unique(texts[rows], return_index=True)[1]]] = True
    return first
