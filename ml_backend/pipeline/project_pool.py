"""A project's tasks and labels as the arrays that `learning` works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import Labels
from ml_backend.pipeline.encode_labels import UNLABELED, encode_labels, has_label
from ml_backend.pipeline.task_arrays import NO_TEXT, TaskArrays, rows_of
from ml_backend.store.records import BatchRecord


@dataclass(frozen=True)
class ProjectPool:
    """Rows are the tasks in the order of their ids, so that a seed gives the same picks here and in the simulator.

    task_ids (N,) int64, ascending; texts (N,) int64: equal numbers for equal texts, -1 without a usable text;
    embeddings (N, D) float32, zeros where embedded (N,) bool is False; labels (N,) int64 or (N, n_classes) int8, -1 if
    unlabelled or not embedded; open (N,) bool: has a text and nobody submitted or skipped the task;
    fresh (N,) bool: open and embedded, and the first such row of a text without a label;
    copies (N,) bool: open and embedded, but the text has a label or an earlier fresh row.
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
        """Number of rows with a label."""
        return int(has_label(self.labels).sum())

    @property
    def newest_embedded(self) -> int:
        """The highest id of a task whose text is embedded, 0 without any."""
        embedded = self.task_ids[self.embedded]
        return int(embedded[-1]) if len(embedded) else 0

    def count_open(self, batch: BatchRecord | None) -> int:
        """Number of open tasks of a batch, 0 without a batch."""
        return 0 if batch is None else int(self.open[self.rows(batch.task_ids)].sum())

    def rows(self, task_ids: Iterable[int]) -> NDArray[np.int64]:
        """(n,) int64: rows of these tasks, in the order of `task_ids`; unknown tasks are left out."""
        return rows_of(self.task_ids, task_ids)


def project_pool(arrays: TaskArrays, labels: Labels, config: LabelConfig) -> ProjectPool:
    """The pool of a project. Tasks with a submitted or skipped annotation are never published again.

    A label is used only if its text has a vector; otherwise the head would be fitted on a vector of zeros. Raises
    KeyError for a label that the config does not have.
    """
    encoded = encode_labels(arrays.task_ids, labels.by_task, config)
    is_open = arrays.texts != NO_TEXT
    is_open[arrays.rows(arrays.annotations)] = False
    offered = is_open & arrays.embedded
    fresh = _first_of_each_text(arrays.texts, offered, used=arrays.texts[has_label(encoded)])
    encoded[~arrays.embedded] = UNLABELED
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


def _first_of_each_text(
    texts: NDArray[np.int64], offered: NDArray[np.bool_], used: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(N,) bool: the first row of each text among the rows `offered`, without the texts numbered in `used`."""
    first = np.zeros(len(texts), dtype=bool)
    rows = np.flatnonzero(offered)
    rows = rows[~np.isin(texts[rows], used)]
    first[rows[np.unique(texts[rows], return_index=True)[1]]] = True
    return first
