"""A project's tasks, annotations, labels and vectors in memory; a refresh reads only what changed in the database."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.pipeline.annotators import Annotators
from ml_backend.pipeline.kept_prior import KeptPrior
from ml_backend.pipeline.label_arrays import Chosen, LabelArrays
from ml_backend.pipeline.task_rows import rows_of
from ml_backend.store import Store

NO_TEXT = -1
ROWS_RESERVED = 1.125
"""Memory is reserved for an eighth more rows than needed, so that new tasks seldom copy the matrix."""

TaskRows = list[tuple[int, str | None, str | None]]


class TaskArrays:
    """Rows are tasks in the order of their ids.

    task_ids (N,) int64; texts (N,) int64: equal numbers for equal texts, -1 without a usable text; vectors (N, D)
    float32, zeros where embedded (N,) bool is False; annotations: task id → its annotations in the order of their ids;
    annotators: the people who made them; fitted: task id → the label that the last fit used, see `Store.fitted_labels`;
    kept_prior: the class prior of the last fit on these vectors.
    """

    task_ids: NDArray[np.int64]
    texts: NDArray[np.int64]
    embedded: NDArray[np.bool_]
    annotations: dict[int, list[Annotation]]
    annotators: Annotators
    fitted: dict[int, Chosen | None]
    _labels: LabelArrays | None
    _labels_to_read: set[int]
    _revision: int
    _hashes: list[str | None]
    _numbers: dict[str, int]
    _matrix: NDArray[np.float32]

    def __init__(self, store: Store, project_id: int, model: str) -> None:
        self._store = store
        self._project_id = project_id
        self._model = model
        self.kept_prior = KeptPrior()
        self._clear()

    @property
    def vectors(self) -> NDArray[np.float32]:
        """(N, D) float32, to be read only."""
        return self._matrix[: len(self.task_ids)]

    def missing(self) -> int:
        """Number of distinct texts without a vector."""
        return len(np.unique(self.texts[(self.texts != NO_TEXT) & ~self.embedded]))

    def rows(self, task_ids: Iterable[int]) -> NDArray[np.int64]:
        """(n,) int64: rows of these tasks, in the order of `task_ids`; unknown tasks are left out."""
        return rows_of(self.task_ids, task_ids)

    def labels(self, config: LabelConfig) -> LabelArrays:
        """The labels by this label config. Those of the last call are brought up to date if they are by the same."""
        if self._labels is None or self._labels.config != config:
            self._labels = LabelArrays(config)
            self._labels_to_read = set(self.annotations) | set(self.fitted)
        self._labels.update(self.task_ids, self._labels_to_read, self.annotations, self.fitted)
        self._labels_to_read = set()
        return self._labels

    def refresh(self) -> None:
        """Read what changed in the database since the last refresh."""
        revision, changed = self._store.changes(self._project_id, self._revision)
        if self._revision < 0 or changed is None or not self._read_changed(changed):
            self._read_everything()
        elif not self.embedded.all():
            self._read_vectors(np.flatnonzero(~self.embedded & (self.texts != NO_TEXT)))
        self._revision = revision

    def _read_changed(self, changed: set[int]) -> bool:
        """Read these tasks again; returns False if tasks were deleted or inserted between others, which moves rows."""
        current = self._store.tasks(self._project_id, changed)
        rows = self.rows(changed)
        row_of = dict(zip(self.task_ids[rows].tolist(), rows.tolist(), strict=True))
        new = [task for task in current if task[0] not in row_of]
        last_id = int(self.task_ids[-1]) if len(self.task_ids) else 0
        is_deleted = len(current) - len(new) < len(row_of)
        if is_deleted or any(task_id < last_id for task_id, _, _ in new):
            return False
        annotations = _by_task(self._store.annotations(self._project_id, changed))
        fitted = self._store.fitted_labels(self._project_id, changed)
        for task_id, text_hash, problem in current:
            if task_id in row_of:
                self._change_text(row_of[task_id], None if problem else text_hash)
        self._append(new)
        for task_id in changed:
            self._change_annotations(task_id, annotations.get(task_id, []))
            self.fitted.pop(task_id, None)
        self.fitted |= fitted
        self._labels_to_read |= changed
        return True

    def _change_text(self, row: int, text_hash: str | None) -> None:
        if self._hashes[row] != text_hash:
            self.kept_prior.forget()
            self._hashes[row] = text_hash
            self.texts[row] = self._text_number(text_hash)
            self.embedded[row] = False
            self._matrix[row] = 0.0

    def _change_annotations(self, task_id: int, annotations: list[Annotation]) -> None:
        before = self.annotations.pop(task_id, [])
        if annotations:
            self.annotations[task_id] = annotations
        if annotations != before:
            self.annotators.remove(before)
            self.annotators.add(annotations)

    def _append(self, new: TaskRows) -> None:
        if not new:
            return
        hashes = [None if problem else text_hash for _, text_hash, problem in new]
        start = len(self.task_ids)
        self.task_ids = np.concatenate([self.task_ids, np.array([task_id for task_id, _, _ in new], dtype=np.int64)])
        self.texts = np.concatenate([self.texts, np.array([self._text_number(h) for h in hashes], dtype=np.int64)])
        self.embedded = np.concatenate([self.embedded, np.zeros(len(new), dtype=bool)])
        self._hashes += hashes
        self._reserve_rows(len(self.task_ids), self._matrix.shape[1])
        self._matrix[start : len(self.task_ids)] = 0.0

    def _reserve_rows(self, rows: int, dimensions: int) -> None:
        if rows <= len(self._matrix) and dimensions == self._matrix.shape[1]:
            return
        # Memory of zeros is allocated when it is written to, so reserved rows cost nothing until they are used.
        larger = np.zeros((int(rows * ROWS_RESERVED) + 1, dimensions), dtype=np.float32)
        if dimensions == self._matrix.shape[1]:
            larger[: len(self._matrix)] = self._matrix
        self._matrix = larger

    def _text_number(self, text_hash: str | None) -> int:
        return NO_TEXT if text_hash is None else self._numbers.setdefault(text_hash, len(self._numbers))

    def _read_vectors(self, rows: NDArray[np.int64]) -> None:
        """Read the vectors of these rows (n,) int64, all of which have a text."""
        by_hash: dict[str, list[int]] = {}
        for row in rows.tolist():
            by_hash.setdefault(self._hashes[row] or "", []).append(row)
        for text_hash, vector in self._store.embeddings(self._model, list(by_hash)).items():
            self.kept_prior.forget()
            self._reserve_rows(len(self.task_ids), len(vector))
            self._matrix[by_hash[text_hash]] = vector
            self.embedded[by_hash[text_hash]] = True

    def _clear(self) -> None:
        self.kept_prior.forget()
        self._revision = -1
        self._hashes = []
        self._numbers = {}
        self._matrix = np.empty((0, 1), dtype=np.float32)
        self.task_ids = np.empty(0, dtype=np.int64)
        self.texts = np.empty(0, dtype=np.int64)
        self.embedded = np.empty(0, dtype=bool)
        self.annotations = {}
        self.annotators = Annotators()
        self.fitted = {}
        self._labels = None
        self._labels_to_read = set()

    def _read_everything(self) -> None:
        # Free the old matrix first: two of them may not fit into memory.
        self._clear()
        self._append(self._store.tasks(self._project_id))
        annotations = self._store.annotations(self._project_id)
        self.annotations = _by_task(annotations)
        self.annotators = Annotators(annotations)
        self.fitted = self._store.fitted_labels(self._project_id)
        for task_ids, vectors in self._store.vectors_by_task(self._project_id, self._model):
            rows = self.rows(task_ids)
            self._reserve_rows(len(self.task_ids), vectors.shape[1])
            self._matrix[rows] = vectors
            self.embedded[rows] = True


def _by_task(annotations: Iterable[Annotation]) -> dict[int, list[Annotation]]:
    """Task id → its annotations, in the same order."""
    by_task: dict[int, list[Annotation]] = {}
    for annotation in annotations:
        by_task.setdefault(annotation.task_id, []).append(annotation)
    return by_task
