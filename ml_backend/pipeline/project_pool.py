"""A project's tasks and labels as the arrays that `learning` works on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ml_backend.pipeline.label_arrays import NO_LABEL, LabelArrays
from ml_backend.pipeline.task_arrays import NO_TEXT, TaskArrays
from ml_backend.pipeline.task_rows import rows_of
from ml_backend.store.learning_records import BatchRecord


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

    @cached_property
    def labeled(self) -> int:
        """Number of rows with a label."""
        return int(self.has_label.sum())

    @cached_property
    def has_label(self) -> NDArray[np.bool_]:
        """(N,) bool: rows with a label that a head can be fitted to."""
        return np.asarray((self.labels if self.labels.ndim == 1 else self.labels[:, 0]) != NO_LABEL)

    @property
    def newest_embedded(self) -> int:
        """The highest id of a task whose text is embedded, 0 without any."""
        embedded = self.task_ids[self.embedded]
        return int(embedded[-1]) if len(embedded) else 0

    @cached_property
    def first_of_each_text(self) -> NDArray[np.int64]:
        """(n,) int64, ascending: the first embedded row of each different text, with a label or without."""
        rows = np.flatnonzero(self.embedded)
        return rows[np.sort(np.unique(self.texts[rows], return_index=True)[1])]

    @cached_property
    def copies_to_add(self) -> NDArray[np.int64]:
        """(n,) int64, ascending: the first copy of each text that has no fresh row, for places that are left over."""
        rows = np.flatnonzero(self.copies)
        rows = rows[~np.isin(self.texts[rows], self.texts[self.fresh])]
        return rows[np.sort(np.unique(self.texts[rows], return_index=True)[1])]

    @cached_property
    def _offered(self) -> NDArray[np.bool_]:
        """(N,) bool: rows that a batch of any size would have."""
        offered = self.fresh.copy()
        offered[self.copies_to_add] = True
        return offered

    def count_unpublished(self, batch: BatchRecord | None) -> int:
        """Number of texts that a batch of any size would have, and of which this one has no open task."""
        published = self.rows(() if batch is None else batch.task_ids)
        texts = self.texts[published[self.open[published]]]
        return int((self._offered & ~np.isin(self.texts, texts)).sum())

    def count_open(self, batch: BatchRecord | None) -> int:
        """Number of open tasks of a batch, 0 without a batch."""
        return 0 if batch is None else int(self.open[self.rows(batch.task_ids)].sum())

    def rows(self, task_ids: Iterable[int]) -> NDArray[np.int64]:
        """(n,) int64: rows of these tasks, in the order of `task_ids`; unknown tasks are left out."""
        return rows_of(self.task_ids, task_ids)


def project_pool(tasks: TaskArrays, labels: LabelArrays) -> ProjectPool:
    """The pool of a project. Tasks with a submitted or skipped annotation are never published again.

    A label is used only if its text has a vector; otherwise the head would be fitted on a vector of zeros.
    """
    encoded = labels.encoded()
    is_open = (tasks.texts != NO_TEXT) & ~labels.annotated
    offered = is_open & tasks.embedded
    fresh = _first_of_each_text(tasks.texts, offered, used=tasks.texts[labels.given != NO_LABEL])
    encoded[~tasks.embedded] = NO_LABEL
    return ProjectPool(
        task_ids=tasks.task_ids,
        texts=tasks.texts,
        embeddings=tasks.vectors,
        embedded=tasks.embedded,
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
