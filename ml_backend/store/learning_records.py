"""The rows of the database that runs add: trained heads, batches and the history, as plain records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ml_backend.store.states import BatchState


@dataclass(frozen=True)
class Agreement:
    """How many new labels are those that the annotators were shown as predictions.

    asked: tasks labelled for the first time whose batch carried a prediction; right: those whose label is the predicted
    one; random_asked, random_right: the same for the tasks that `random_share` drew.
    """

    right: int = 0
    asked: int = 0
    random_right: int = 0
    random_asked: int = 0


@dataclass(frozen=True)
class PriorRecord:
    """What a head has from the class names.

    strength: how much it follows them (κ), 0 if the labels say that they mean nothing; evidence: nats by which the
    names predict the labels better than class frequencies do, 0 without labels; names, descriptions: number of classes
    that are known by their name and by a description.
    """

    strength: float
    evidence: float
    names: int
    descriptions: int


@dataclass(frozen=True)
class HeadRecord:
    """A trained head.

    blob: what `learning.head.files.to_bytes` returned; metrics: of the labels that are new in this head; created_at:
    Unix time; class_prior: what it has from the class names, None if it was made from labels only.
    """

    version: str
    project_id: int
    classes: list[str]
    multi_label: bool
    embedding_model: str
    n_labels: int
    blob: bytes
    metrics: Agreement
    created_at: float
    class_prior: PriorRecord | None = None


@dataclass(frozen=True)
class EvaluationRecord:
    """How good a head is, as far as its labels tell.

    at: Unix time at which the head was made; labels: number of labels of it; accuracy, low, high: of the head on the
    open texts, in 0..1, None while nothing can be said; basis: what that is estimated from, a value of `Basis` in
    `learning`; audits: number of labels of tasks drawn at random; changed: share of the open texts whose predicted
    class the last labels changed, None with too few; seconds: that the evaluation took; body: the whole evaluation as
    docs/labelling.md describes it, of a project's newest head only; weakest: the class of which it knows least, None if
    none is below the accuracy.
    """

    project_id: int
    head_version: str
    at: float
    labels: int
    accuracy: float | None
    low: float | None
    high: float | None
    basis: str | None
    audits: int
    changed: float | None
    seconds: float
    body: dict[str, Any] | None = None
    weakest: str | None = None


@dataclass(frozen=True)
class ServedBatch:
    """What tells from which batch a task was served, and whether the batch drew it at random; see `BatchRecord`."""

    version: str
    created_at: float
    published_at: float
    task_ids: list[int]
    random_task_ids: list[int]


@dataclass(frozen=True)
class BatchRecord:
    """Tasks chosen for labelling, best first: the first `size` are the batch, the others its reserve.

    version: the `model_version` of the batch in Label Studio; why: the reason, as a sentence; random_task_ids: tasks
    drawn at random because of `random_share`; created_at, published_at: Unix time; predicted: the classes that
    annotators are shown as prediction, for each of `task_ids`, None for a task without a vector; None without a head;
    likely: the two likeliest classes of each of `task_ids` with their probabilities, likeliest first, empty for a task
    without a vector; None without a head; requested_task_ids: tasks that a person asked for, which come first;
    repeated_task_ids: tasks that have a label and are asked again because of `relabel_share`.
    """

    number: int
    project_id: int
    version: str
    method: str
    why: str
    head_version: str | None
    task_ids: list[int]
    size: int
    state: BatchState
    created_at: float
    published_at: float | None
    random_task_ids: list[int] = field(default_factory=list)
    predicted: list[list[str] | None] | None = None
    likely: list[list[tuple[str, float]]] | None = None
    requested_task_ids: list[int] = field(default_factory=list)
    repeated_task_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class LabelStudioUse:
    """Number of requests that a run sent to Label Studio, and the seconds that they took."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class RunRecord:
    """A run that fitted a head, and chose a batch if tasks were left.

    at: Unix time; batch, version: None if no task was left; labels: number of labels of the fit; reasons: values of
    `RunReason`; seconds: by step; right, asked, random_right, random_asked: see `Agreement`.
    """

    project_id: int
    at: float
    batch: int | None
    version: str | None
    method: str
    why: str
    labels: int
    reasons: Sequence[str]
    seconds: dict[str, float]
    label_studio: LabelStudioUse
    right: int
    asked: int
    random_right: int
    random_asked: int
