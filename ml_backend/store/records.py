"""What the store keeps, as plain records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ml_backend.store.states import BatchState, ProjectState, RunReason


@dataclass(frozen=True)
class ProjectCounts:
    """The numbers of a project that people want to see, counted by every run; before the first one there is nothing.

    labels: tasks per class, in the order of the label config; ties: tasks whose annotators disagree evenly;
    without_answer: tasks submitted without an answer to the control; unknown_choices: annotations per choice that the
    label config does not have; duplicates: tasks whose text another task has; open: tasks that may still be labelled;
    to_embed: texts without a vector; queue_remaining: tasks of the published batch without a label.
    """

    labels: dict[str, int] = field(default_factory=dict)
    labeled: int = 0
    skipped: int = 0
    ties: int = 0
    without_answer: int = 0
    unknown_choices: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    open: int = 0
    tasks: int = 0
    embedded: int = 0
    to_embed: int = 0
    queue_remaining: int = 0
    annotators: int = 0


@dataclass(frozen=True)
class FirstRead:
    """A first read of all tasks that is not through: the page to go on with, and the newest `updated_at` at its start.

    Tasks that change while it lasts are newer than that, so the comparison after it reads them again.
    """

    next_page: int
    newest: str | None


@dataclass(frozen=True)
class Unmatched:
    """Annotation counts that differ: ours submitted and skipped, then Label Studio's; how often in a row they did."""

    counts: list[int]
    times: int


@dataclass(frozen=True)
class ProjectRecord:
    """A Label Studio project that the backend was connected to.

    settings: chosen values of `ProjectSettings`; extra_params: the last ones taken over from the connect form, so that
    they are applied only when a person changes them; extra_params_seen: those that /setup brought or Label Studio
    listed, in one spelling, which ask for no further run; backend_url: the address by which /setup came;
    phase: what is going on, for people;
    attached: whether Label Studio lists an ML backend for the project, None before anybody looked; entry_url: the
    address of our entry there, None where several are listed and none is known to be ours; seen_by: whose key saw the
    project last;
    watermark: newest `updated_at` read from Label Studio, None before the first read is through; text_source: tag and
    fields that the texts were read from;
    cycle: batches chosen after new labels so far; of the last fit: fingerprint, of its label set; settings_used, all
    values; newest_task, the highest id of an embedded task.
    """

    id: int
    title: str = ""
    label_config: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    extra_params: str | None = None
    extra_params_seen: list[str] = field(default_factory=list)
    backend_url: str | None = None
    state: ProjectState = ProjectState.NEW
    phase: str = ""
    error: str | None = None
    attached: bool | None = None
    entry_url: str | None = None
    seen_by: str | None = None
    watermark: str | None = None
    first_read: FirstRead | None = None
    text_source: str | None = None
    unmatched: Unmatched | None = None
    cycle: int = 0
    fingerprint: str | None = None
    settings_used: dict[str, Any] | None = None
    newest_task: int = 0
    counts: ProjectCounts = field(default_factory=ProjectCounts)


class ProjectChanges(TypedDict, total=False):
    """Fields of `ProjectRecord` to write."""

    title: str
    label_config: str
    settings: dict[str, Any]
    extra_params: str | None
    extra_params_seen: list[str]
    backend_url: str | None
    state: ProjectState
    phase: str
    error: str | None
    attached: bool | None
    entry_url: str | None
    seen_by: str | None
    watermark: str | None
    first_read: FirstRead | None
    text_source: str | None
    unmatched: Unmatched | None
    cycle: int
    fingerprint: str | None
    settings_used: dict[str, Any] | None
    newest_task: int
    counts: ProjectCounts


@dataclass(frozen=True)
class TaskRecord:
    """A task: the hash of its text, or the problem that keeps it out of the pool."""

    project_id: int
    task_id: int
    text_hash: str | None
    problem: str | None
    updated_at: str | None = None


@dataclass(frozen=True)
class Agreement:
    """How many labels the head before had predicted.

    asked: changed labels for which it could be asked; right: those that it had predicted; random_asked, random_right:
    the same for the tasks that `random_share` drew.
    """

    right: int = 0
    asked: int = 0
    random_right: int = 0
    random_asked: int = 0


@dataclass(frozen=True)
class HeadRecord:
    """A trained head.

    blob: what `learning.head.files.to_bytes` returned; metrics: how well the head before had predicted the labels that
    are new in this one; created_at: Unix time.
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


@dataclass(frozen=True)
class BatchRecord:
    """Tasks chosen for labelling, best first: the first `size` are the batch, the rest its reserve.

    version: the `model_version` under which Label Studio knows the batch; random_task_ids: those of the tasks that
    `random_share` drew; created_at, published_at: Unix time.
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


@dataclass(frozen=True)
class LabelStudioUse:
    """Requests of a run to Label Studio, and the seconds that it took to answer them."""

    requests: int
    seconds: float


@dataclass(frozen=True)
class StoppingAdvice:
    """Whether more labels hardly change the head, the number behind it (None with too few heads), and why."""

    stop: bool
    value: float | None
    reason: str


@dataclass(frozen=True)
class RunRecord:
    """A run that fitted a head, and chose a batch where tasks were left.

    at: Unix time; batch and version: None when nothing was left to choose; labels: how many were fitted on;
    reasons: values of `RunReason`; seconds: by step;
    asked: changed labels that the head before could be asked about, right: those that it had predicted; random_asked
    and random_right: the same of the tasks that `random_share` drew; kappa: agreement of this head and the one before,
    None without two.
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
    kappa: float | None
    stopping: StoppingAdvice


@dataclass(frozen=True)
class EventRecord:
    """A webhook body as it came, kept until a run has taken it in."""

    id: int
    project_id: int
    action: str
    body: dict[str, Any]
    received_at: float


@dataclass(frozen=True)
class NewEvent:
    """A webhook body that came just now, and the reason for which it asks for a run."""

    project_id: int
    action: str
    body: dict[str, Any]
    reason: RunReason
