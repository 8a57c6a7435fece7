"""What the store keeps, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ProjectRecord:
    """A Label Studio project that the backend was connected to.

    settings: chosen values of `ProjectSettings`; extra_params: the last ones seen from the connect form, so that
    they are applied only when a person changes them; state: new, ready, waiting, failed, unsupported, missing or
    disconnected;
    phase: what is going on, for people; watermark: newest `updated_at` read from Label Studio;
    fingerprint: of the label set of the last fit; cycle: batches chosen after new labels so far; meta: counts for the
    status.
    """

    id: int
    title: str = ""
    label_config: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    extra_params: str | None = None
    backend_url: str | None = None
    state: str = "new"
    phase: str = ""
    error: str | None = None
    watermark: str | None = None
    fingerprint: str | None = None
    cycle: int = 0
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskRecord:
    """A task: the hash of its text, or the problem that keeps it out of the pool."""

    project_id: int
    task_id: int
    text_hash: str | None
    problem: str | None
    updated_at: str | None = None


@dataclass(frozen=True)
class HeadRecord:
    """A trained head; `blob` is what `learning.head_files.to_bytes` gave."""

    version: str
    project_id: int
    classes: list[str]
    multi_label: bool
    embedding_model: str
    n_labels: int
    blob: bytes
    metrics: dict[str, Any]
    created_at: float


@dataclass(frozen=True)
class BatchRecord:
    """Tasks chosen for labelling, best first: the first `size` are the batch, the rest its reserve.

    version: the `model_version` under which Label Studio knows the batch; state: planned, published,
    superseded or removed (its predictions are gone from Label Studio).
    """

    number: int
    project_id: int
    version: str
    method: str
    why: str
    head_version: str | None
    task_ids: list[int]
    size: int
    state: str
    created_at: float
    published_at: float | None


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
    reason: str
