"""Simulated annotators that give gold labels in a running Label Studio, through the endpoints that the browser uses."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import majority
from ml_backend.labelstudio.predictions import annotation_result
from ml_backend.labelstudio.tasks import RemoteTask


class NoGoldLabel(ValueError):
    """A task has no usable gold label; the message names the task and the field."""


@dataclass(frozen=True)
class AnnotatorBehaviour:
    """How a simulated annotator labels.

    noise: share of labels replaced by another class, drawn uniformly; skip: share of tasks skipped; pause: mean time
    before an annotation in seconds, exponentially distributed.
    """

    noise: float = 0.0
    skip: float = 0.0
    pause: float = 0.0


@dataclass(frozen=True)
class Answer:
    """The annotation of one task by a simulated annotator. label: a class, or None for a skip."""

    task_id: int
    label: str | None


class Annotator:
    """A simulated user of Label Studio. client: with the API key of that user; seed: of noise, skips and pauses."""

    def __init__(
        self,
        client: LabelStudio,
        project_id: int,
        config: LabelConfig,
        gold_field: str,
        behaviour: AnnotatorBehaviour,
        seed: int,
    ) -> None:
        self._client = client
        self._project_id = project_id
        self._config = config
        self._gold_field = gold_field
        self._behaviour = behaviour
        self._rng = np.random.default_rng(seed)

    def label_next(self) -> Answer | None:
        """Annotate the task that Label Studio serves next; returns None if it serves none.

        Raises NoGoldLabel and LabelStudioError.
        """
        task = self._client.next_task(self._project_id)
        if task is None:
            return None
        started = time.monotonic()
        if self._behaviour.pause:
            time.sleep(self._rng.exponential(self._behaviour.pause))
        label = None if self._rng.random() < self._behaviour.skip else self._label(task)
        self._client.annotate(
            self._project_id,
            task.id,
            [] if label is None else annotation_result([label], self._config),
            skipped=label is None,
            lead_time=time.monotonic() - started,
        )
        return Answer(task.id, label)

    def _label(self, task: RemoteTask) -> str:
        gold = task.data.get(self._gold_field)
        classes = self._config.classes
        if gold not in classes:
            raise NoGoldLabel(
                f"task {task.id} has {gold!r} in its field {self._gold_field!r}, which is none of the classes "
                f"{', '.join(classes)}; name the field with the gold label with --gold"
            )
        if self._rng.random() < self._behaviour.noise:
            wrong_classes = [name for name in classes if name != gold]
            return wrong_classes[int(self._rng.integers(len(wrong_classes)))]
        return str(gold)


def agreed(answers: Sequence[Answer]) -> dict[int, str]:
    """The majority label of each task, as the backend counts it, in the order of the first answers.

    Tasks with a tie and skipped tasks are left out. Label Studio may serve one task to two annotators at the same time.
    """
    votes: dict[int, list[tuple[str, ...]]] = {}
    for answer in answers:
        if answer.label is not None:
            votes.setdefault(answer.task_id, []).append((answer.label,))
    winners = {task_id: majority(labels_of_task) for task_id, labels_of_task in votes.items()}
    return {task_id: winner[0] for task_id, winner in winners.items() if winner is not None}


def label_together(annotators: Sequence[Annotator], n: int) -> list[Answer]:
    """Let all annotators label at the same time until there are n labels (skips do not count) or no tasks.

    Returns the answers in the order of submission. Raises what `Annotator.label_next` raises.
    """
    answers: list[Answer] = []
    lock = threading.Lock()
    remaining = n

    def reserve_label() -> bool:
        nonlocal remaining
        with lock:
            is_reserved = remaining > 0
            remaining -= is_reserved
            return is_reserved

    def work(annotator: Annotator) -> None:
        nonlocal remaining
        while reserve_label():
            answer = annotator.label_next()
            if answer is None:
                return
            with lock:
                answers.append(answer)
                remaining += answer.label is None

    with ThreadPoolExecutor(len(annotators)) as pool:
        for _ in pool.map(work, annotators):
            pass
    return answers
