"""What the evaluation of a head needs, apart from the worker's memory, which the next run of the project changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.learning import Head
from ml_backend.learning.head.held_out import HeldOut


@dataclass(frozen=True)
class EvaluationInput:
    """A head, its labels and the open texts. All of it stays as it is; the arrays are copies.

    head_version, made_at: of the head, as the database has them; held_out: its n labels; task_ids: (n,) int64, the task
    of each label; X_open: (M, D) float32, a random sample of the open texts that a batch may have, in random order;
    n_open: how many there are; annotations: task id → all its annotations; labelled: ids of the tasks with a label;
    tied_ids (t,) int64, X_tied (t, D): tasks without a label because their annotators disagree evenly, and their texts.
    """

    project_id: int
    head_version: str
    made_at: float
    config: LabelConfig
    head: Head
    held_out: HeldOut
    task_ids: NDArray[np.int64]
    X_open: NDArray[np.float32]
    n_open: int
    annotations: Mapping[int, Sequence[Annotation]]
    labelled: frozenset[int]
    tied_ids: NDArray[np.int64]
    X_tied: NDArray[np.float32]


class Evaluations(Protocol):
    """Evaluates heads, at once or later."""

    def put(self, given: EvaluationInput) -> None:
        """Evaluate a head and store the result, instead of an older head of the project that still waits."""

    def has(self, project_id: int, head_version: str) -> bool:
        """Whether this head was put and is not evaluated yet, or could not be."""
