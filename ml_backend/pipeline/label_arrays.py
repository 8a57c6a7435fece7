"""A project's labels as arrays; a run reads only the annotations that changed since the last one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import Labels
from ml_backend.pipeline.task_rows import rows_of

Chosen = tuple[str, ...]
"""The classes that a task is labelled with: one, or any number if the config is multi-label."""

NO_LABEL = -1


class LabelArrays:
    """The labels of a project by one label config. Rows are tasks in the order of their ids.

    labels: what the annotations say; choices: the different labels that occur, or did since the arrays were made;
    given (N,) int64: number in `choices` of each task's label, -1 without one; fitted (N,) int64: the same for the
    labels that the last fit used; annotated (N,) bool: somebody submitted or skipped the task; annotated_before (N,)
    bool: somebody had at the last fit or before.
    """

    def __init__(self, config: LabelConfig) -> None:
        self.config = config
        self.labels = Labels()
        self.choices: list[Chosen] = []
        self.given: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.fitted: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.annotated: NDArray[np.bool_] = np.empty(0, dtype=bool)
        self.annotated_before: NDArray[np.bool_] = np.empty(0, dtype=bool)
        self._task_ids: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._numbers: dict[Chosen, int] = {}
        self._fitted_and_deleted: set[int] = set()

    def update(
        self,
        task_ids: NDArray[np.int64],
        changed: Collection[int],
        annotations: Mapping[int, Sequence[Annotation]],
        fitted: Mapping[int, Chosen | None],
    ) -> None:
        """Read the annotations and the fitted labels of the tasks that changed.

        task_ids (N,) int64, ascending: of all tasks, which begin with those of the last update; annotations: task id →
        all its annotations; fitted: task id → the label that the last fit used, None for a task that was annotated
        without giving one.
        """
        self._append_rows(task_ids)
        for task_id in changed:
            self.labels.replace(task_id, annotations.get(task_id, ()), self.config)
        rows = rows_of(task_ids, changed)
        existing = task_ids[rows].tolist()
        for row, task_id in zip(rows.tolist(), existing, strict=True):
            self.given[row] = self._number(self.labels.by_task.get(task_id))
            self.fitted[row] = self._number(fitted.get(task_id))
            self.annotated[row] = task_id in annotations
            self.annotated_before[row] = task_id in fitted
        self._fitted_and_deleted.difference_update(changed)
        deleted = set(changed).difference(existing)
        self._fitted_and_deleted.update(task_id for task_id in deleted if fitted.get(task_id) is not None)

    def encoded(self) -> NDArray[np.integer]:
        """Class numbers of the tasks, in the order of the label config's classes; -1 where a task has no label.

        Returns a new array, (N,) int64, or (N, n_classes) int8 of 0 and 1 for a multi-label config.
        """
        number = {name: i for i, name in enumerate(self.config.classes)}
        multi_label = self.config.multi_label
        shape = (len(self.choices) + 1, len(number)) if multi_label else len(self.choices) + 1
        # The row behind those of the choices belongs to NO_LABEL, -1. Only fitted labels may have other classes.
        table: NDArray[np.integer] = np.full(shape, NO_LABEL, dtype=np.int8 if multi_label else np.int64)
        for i in np.flatnonzero(np.bincount(self.given[self.given != NO_LABEL])).tolist():
            classes = [number[name] for name in self.choices[i]]
            if multi_label:
                table[i] = 0
                table[i, classes] = 1
            else:
                table[i] = classes[0]
        encoded: NDArray[np.integer] = table[self.given]
        return encoded

    def changes(self, embedded: NDArray[np.bool_]) -> dict[int, Chosen | None]:
        """Task id → its label if that was added or changed since the last fit, None if it was removed.

        embedded (N,) bool: labels of other tasks cannot be used, and count as new once they can.
        """
        usable = np.where(embedded, self.given, NO_LABEL)
        rows = np.flatnonzero(usable != self.fitted)
        changed = dict.fromkeys(self._fitted_and_deleted)
        return changed | {
            task_id: None if number == NO_LABEL else self.choices[number]
            for task_id, number in zip(self._task_ids[rows].tolist(), usable[rows].tolist(), strict=True)
        }

    def annotated_first(self) -> list[int]:
        """Ids of tasks that nobody had submitted or skipped at the last fit or before, in ascending order."""
        ids: list[int] = self._task_ids[self.annotated & ~self.annotated_before].tolist()
        return ids

    def _append_rows(self, task_ids: NDArray[np.int64]) -> None:
        new = len(task_ids) - len(self._task_ids)
        self._task_ids = task_ids
        if new:
            self.given = np.append(self.given, np.full(new, NO_LABEL))
            self.fitted = np.append(self.fitted, np.full(new, NO_LABEL))
            self.annotated = np.append(self.annotated, np.zeros(new, dtype=bool))
            self.annotated_before = np.append(self.annotated_before, np.zeros(new, dtype=bool))

    def _number(self, chosen: Chosen | None) -> int:
        if chosen is None:
            return NO_LABEL
        number = self._numbers.setdefault(chosen, len(self._numbers))
        if number == len(self.choices):
            self.choices.append(chosen)
        return number
