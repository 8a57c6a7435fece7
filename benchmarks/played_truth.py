"""The truth from gold classes about the figures of a played project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.cycle import Cycle
from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from ml_backend.learning.head import Head
from ml_backend.learning.head.class_prior import ClassPrior
from ml_backend.store.learning_records import RunRecord


@dataclass(frozen=True)
class Gold:
    """The gold class of each task, in ascending order of the tasks' ids. y: (N,), numbers of classes."""

    of_task: dict[int, str]
    classes: tuple[str, ...]
    y: NDArray[np.int64]


def gold_of(ids: Sequence[int], names: Sequence[str], classes: Sequence[str]) -> Gold:
    """Gold classes of tasks."""
    of_task = dict(sorted(zip(ids, names, strict=True)))
    number = {name: i for i, name in enumerate(classes)}
    return Gold(of_task, tuple(classes), np.array([number[name] for name in of_task.values()]))


@dataclass(frozen=True)
class Look:
    """What the page showed at one moment, and what is needed to check it.

    body: the evaluation; history: those of the heads so far; head: that was evaluated; open: (N,) bool, the tasks that
    nobody submitted or skipped; labels: task → class, those of the head, in the order in which they were given.
    """

    body: dict[str, Any]
    history: list[dict[str, Any]]
    head: Head
    open: NDArray[np.bool_]
    labels: dict[int, str]


@dataclass
class Played:
    """A project that was played to its end.

    labels: task → the class that was given, in order; random: the tasks that were served because they had been drawn at
    random; skipped: those of them that were skipped; looks: after each step; later: after as many labels as were
    forecast; runs: that made a batch; seconds: of each evaluation; X: (N, D), the vectors of the tasks in ascending
    order of their ids; prior: what the heads know from the class names.
    """

    gold: Gold
    title: str
    flipped: float
    labels: dict[int, str] = field(default_factory=dict)
    random: set[int] = field(default_factory=set)
    skipped: list[int] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    later: Look | None = None
    runs: list[RunRecord] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    X: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))
    prior: ClassPrior | None = None

    @property
    def wrong(self) -> set[int]:
        """The tasks whose label is not their gold class."""
        return {task for task, name in self.labels.items() if name != self.gold.of_task[task]}

    def rows(self, tasks: Iterable[int]) -> NDArray[np.int64]:
        """The rows of tasks, in their order."""
        return np.searchsorted(np.array(list(self.gold.of_task)), np.array(list(tasks), dtype=np.int64))


@dataclass(frozen=True)
class ClassTruth:
    """A class on the open texts: its share of them, precision and recall, NaN where there is nothing to count."""

    share: float
    precision: float
    recall: float


def predicted(head: Head, X: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class numbers that a head predicts."""
    return np.asarray(head.predict_proba(X).argmax(axis=1))


def is_right(played: Played, look: Look, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a look's head is right on these texts, (m,)."""
    return np.asarray(predicted(look.head, played.X[rows]) == played.gold.y[rows])


def accuracy(played: Played, look: Look, rows: NDArray[np.bool_] | None = None) -> float:
    """The share of the texts open at a look, or of these, that its head predicts correctly."""
    return float(is_right(played, look, look.open if rows is None else rows).mean())


def among_flipped(share: float, flipped: float, n_classes: int) -> float:
    """The accuracy that labels with so many wrong ones would measure where it is `share` by gold classes."""
    return share * (1 - flipped) + (1 - share) * flipped / (n_classes - 1)


def of_class(played: Played, look: Look, name: str) -> ClassTruth:
    """Share, precision and recall of a class on the texts open at a look."""
    k = played.gold.classes.index(name)
    is_k, says_k = played.gold.y[look.open] == k, predicted(look.head, played.X[look.open]) == k
    both = float((is_k & says_k).sum())
    return ClassTruth(
        float(is_k.mean()),
        both / says_k.sum() if says_k.any() else float("nan"),
        both / is_k.sum() if is_k.any() else float("nan"),
    )


def confused(played: Played, look: Look) -> dict[tuple[str, str], float]:
    """(gold class, predicted class) → its share of the texts open at a look, the most first."""
    y, says = played.gold.y[look.open], predicted(look.head, played.X[look.open])
    names = played.gold.classes
    shares = {
        (names[a], names[b]): float(((y == a) & (says == b)).mean())
        for a in range(len(names))
        for b in range(len(names))
        if a != b
    }
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def reliability(played: Played, look: Look) -> list[tuple[int, float]]:
    """For each bin of the evaluation: number of open texts of about that confidence, and the share that is right."""
    confidences = np.array([part["confidence"] for part in look.body["reliability"]])
    logits = look.head.decision_function(played.X[look.open]).astype(np.float64) / look.body["temperature"]
    logits[:, ~look.head.seen] = -np.inf
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    nearest = np.abs((p.max(axis=1) / p.sum(axis=1))[:, None] - confidences).argmin(axis=1)
    right = is_right(played, look, look.open)
    return [
        (int((nearest == i).sum()), float(right[nearest == i].mean()) if (nearest == i).any() else float("nan"))
        for i in range(len(confidences))
    ]


def before_last(played: Played, look: Look) -> tuple[float, float] | None:
    """What the last labels that the advice to stop is about did: (share of the open texts whose predicted class they
    changed, points of accuracy that they brought); None where there are too few, or too few before them.
    """
    kept = list(look.labels.items())[: -look.body["stop"]["labels"]]
    y = np.array([played.gold.classes.index(name) for _, name in kept], dtype=np.int64)
    if look.body["stop"]["changed"] is None or len(set(y.tolist())) < 2:
        return None
    plan = Cycle(DEFAULT_STRATEGY, DEFAULT_INITIAL, batch_size=20)
    rows = played.rows(task for task, _ in kept)
    before = predicted(plan.fit(played.X[rows], y, len(played.gold.classes), played.prior), played.X[look.open])
    now, gold = predicted(look.head, played.X[look.open]), played.gold.y[look.open]
    return float((before != now).mean()), float((now == gold).mean() - (before == gold).mean())


@dataclass(frozen=True)
class Listed:
    """Labels to look at again. right: of the listed ones, those that are wrong; wrong: labels that are, in all."""

    listed: int
    right: int
    wrong: int
    labels: int


def looked_again(played: Played, look: Look) -> Listed:
    """How many of the labels to look at again were flipped."""
    listed = {label["task"] for label in look.body["look_again"]}
    wrong = played.wrong & look.labels.keys()
    return Listed(len(listed), len(listed & wrong), len(wrong), len(look.labels))
