"""Why each task of a batch is served, in words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml_backend.store.learning_records import BatchRecord

UNDECIDED = 0.2
"""The model is called undecided between two classes whose probabilities differ by less."""

WORDS = {
    "typiclust": "typical of many texts",
    "kmeans": "the middle of a group of texts",
    "max_herding": "stands for many open texts",
    "uherding": "stands for many open texts, of which the model knows little",
    "probcover": "near many texts without a label",
    "coreset": "unlike the labelled texts",
    "alfamix": "close to where the prediction changes",
    "badge": "would change the model much",
    "bait": "tells most about the other texts",
    "tcm": "the model is less sure than about others",
    "dropquery": "the model wavers",
    "entropy": "the model is less sure than about others",
    "least_confidence": "the model is less sure than about others",
    "margin": "the model is less sure than about others",
}
"""Method → what it looks for in a text."""
BY_TEXTS_ALONE = {"typiclust", "kmeans", "max_herding", "probcover", "coreset"}
"""Methods that never ask the model, so that its doubts are no reason for their choice; tcm asks it later on."""


@dataclass(frozen=True)
class NextTask:
    """A task that is served soon.

    likely: its likeliest classes with their probabilities, the likeliest first, empty without a prediction; why: why it
    is served.
    """

    id: int
    likely: Sequence[tuple[str, float]]
    why: str


def next_tasks(batch: BatchRecord, open_tasks: Sequence[int], requested: Mapping[int, str]) -> list[NextTask]:
    """Tasks of a batch that are not labelled yet.

    open_tasks: their ids, in the order in which they are served; requested: see `Store.requested_tasks`.
    """
    place = {task_id: n for n, task_id in enumerate(batch.task_ids)}
    likely = batch.likely or [[] for _ in batch.task_ids]
    chosen = _Chosen(batch, requested)
    return [NextTask(t, likely[place[t]], chosen.why(t, likely[place[t]], place[t])) for t in open_tasks]


class _Chosen:
    def __init__(self, batch: BatchRecord, requested: Mapping[int, str]) -> None:
        self._batch, self._wanted = batch, requested
        self._random, self._repeated = set(batch.random_task_ids), set(batch.repeated_task_ids)
        self._requested = set(batch.requested_task_ids)

    def why(self, task_id: int, likely: Sequence[tuple[str, float]], place: int) -> str:
        if task_id in self._requested:
            found = self._wanted.get(task_id)
            return f"asked for by a person ({found})" if found else "asked for by a person"
        if task_id in self._repeated:
            return "asked again: the model doubts its label"
        if task_id in self._random:
            return "drawn at random, to measure the model"
        return self._by_method(likely) + ("; in reserve" if place >= self._batch.size else "")

    def _by_method(self, likely: Sequence[tuple[str, float]]) -> str:
        method = self._batch.method
        if method == "random":
            return "drawn at random"
        is_by_model = method not in BY_TEXTS_ALONE
        if is_by_model and len(likely) > 1 and likely[0][1] - likely[1][1] < UNDECIDED:
            (first, p), (second, q) = likely[0], likely[1]
            return f"chosen by {method}: undecided between {first} {p:.0%} and {second} {q:.0%}"
        return f"chosen by {method}" + (f": {WORDS[method]}" if method in WORDS else "")
