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
    """Rows are the tasks in the order of their ids, so that a seed gives the same picks here and offline.

    task_ids (N,) int64, ascending; texts (N,) int64: the same number for the same text, -1 without one;
    embeddings (N, D) float32, zero where embedded (N,) bool is not set; labels (N,) int64 or (N, n_classes) int8,
    -1 unlabelled or not embedded; open (N,) bool: has a text and nobody submitted or skipped it;
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
        """Number of rows with a label."""
        return int(has_label(self.labels).sum())

    @property
    def newest_embedded(self) -> int:
        """The highest id of a task whose text is embedded, 0 without any."""
        embedded = self.task_ids[self.embedded]
        return int(embedded[-1]) if len(embedded) else 0

    def count_open(self, batch: BatchRecord | None) -> int:
        """How many tasks of a batch may still be labelled."""
        return 0 if batch is None else int(self.open[self.rows(batch.task_ids)].sum())

    def rows(self, task_ids: Iterable[int]) -> NDArray[np.int64]:
        """(n,) int64: rows of those of the tasks that the project has, in the order of `task_ids`."""
        return rows_of(self.task_ids, task_ids)


def project_pool(arrays: TaskArrays, labels: Labels, config: LabelConfig) -> ProjectPool:
    """The arrays with their labels. Tasks with any submitted or skipped annotation are never offered again.

    A label counts once its text has a vector: until then it would teach the head a vector of zeros.
    """
    encoded = encode_labels(arrays.task_ids, labels.by_task, config)
    is_open = arrays.texts != NO_TEXT
    is_open[arrays.rows(arrays.annotations)] = False
    offered = is_open & arrays.embedded
    fresh = _first_of_each_text(arrays.texts, offered, taken=arrays.texts[has_label(encoded)])
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
    texts: NDArray[np.int64], offered: NDArray[np.bool_], taken: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(N,) bool: the first offered row of each text that is not among the numbers `taken`."""
    first = np.zeros(len(texts), dtype=bool)
    rows = np.flatnonzero(offered)
    rows = rows[~np.isin(texts[rows], taken)]
    first[rows[np.unique(texts[rows], return_index=True)[1]]] = True
    return first
