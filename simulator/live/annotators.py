"""People who label in a running Label Studio with gold labels, through the endpoints that the browser uses."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_backend.labelstudio.client import LabelStudio, ProjectGone
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.labels import majority
from ml_backend.labelstudio.predictions import annotation_result


class NoGoldLabel(ValueError):
    """A task without a usable gold label; the message names the task and the field."""


@dataclass(frozen=True)
class AnnotatorBehaviour:
    """noise: share of answers that are another class, drawn uniformly; skip: share of tasks skipped;
    pause: mean seconds before an answer, exponentially distributed."""

    noise: float = 0.0
    skip: float = 0.0
    pause: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What was answered to a task: a class, or None for a skip."""

    task_id: int
    label: str | None


class Annotator:
    """One user of Label Studio, known by the client's key."""

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
        """Answer the task that Label Studio serves next; None when it serves none. Raises NoGoldLabel."""
        try:
            task = self._client.request("GET", f"api/projects/{self._project_id}/next")
        except ProjectGone:
            # This is how Label Studio says that nothing is left.
            return None
        started = time.monotonic()
        if self._behaviour.pause:
            time.sleep(self._rng.exponential(self._behaviour.pause))
        label = None if self._rng.random() < self._behaviour.skip else self._label(task)
        body = {
            "result": [] if label is None else annotation_result([label], self._config),
            "was_cancelled": label is None,
            "lead_time": time.monotonic() - started,
            "project": self._project_id,
        }
        self._client.request("POST", f"api/tasks/{task['id']}/annotations/", body=body)
        return Answer(int(task["id"]), label)

    def _label(self, task: dict[str, Any]) -> str:
        gold = task["data"].get(self._gold_field)
        classes = self._config.classes
        if gold not in classes:
            raise NoGoldLabel(
                f"task {task['id']} has {gold!r} in its field {self._gold_field!r}, which is none of the classes "
                f"{', '.join(classes)}; name the field with the gold label by --gold"
            )
        if self._rng.random() < self._behaviour.noise:
            others = [name for name in classes if name != gold]
            return others[int(self._rng.integers(len(others)))]
        return str(gold)


def agreed(answers: Sequence[Answer]) -> dict[int, str]:
    """The label of each task as the backend counts it: the majority, ties and skips left out; in the order of answers.

    Label Studio may hand one task to two annotators at the same moment.
    """
    votes: dict[int, list[tuple[str, ...]]] = {}
    for answer in answers:
        if answer.label is not None:
            votes.setdefault(answer.task_id, []).append((answer.label,))
    winners = {task_id: majority(given) for task_id, given in votes.items()}
    return {task_id: winner[0] for task_id, winner in winners.items() if winner is not None}


def label_together(annotators: Sequence[Annotator], n: int) -> list[Answer]:
    """Let all of them label at the same time until there are n labels (skips are not counted) or no tasks.

    Answers in the order of submission. Raises what an annotator raises.
    """
    answers: list[Answer] = []
    lock = threading.Lock()
    left = n

    def take() -> bool:
        nonlocal left
        with lock:
            granted = left > 0
            left -= granted
            return granted

    def work(annotator: Annotator) -> None:
        nonlocal left
        while take():
            answer = annotator.label_next()
            if answer is None:
                return
            with lock:
                answers.append(answer)
                left += answer.label is None

    with ThreadPoolExecutor(len(annotators)) as pool:
        for _ in pool.map(work, annotators):
            pass
    return answers
