"""One dataclass per table of Label Studio, with the columns that our code or its tests use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SEQUENTIAL, UNCERTAINTY, UNIFORM = "Sequential sampling", "Uncertainty sampling", "Uniform sampling"


@dataclass
class User:
    """A user, who sees the projects of their organization only."""

    id: int
    email: str
    key: str
    organization: int
    first_name: str = ""
    last_name: str = ""


@dataclass
class Project:
    """A project. `model_version` is None after its predictions were deleted, as in Label Studio.

    members: users invited to the project; the community edition never adds any, so that a second annotator alone does
    not make the order random.
    """

    id: int
    organization: int
    created_by: User
    created_at: float
    title: str = ""
    label_config: str = "<View></View>"
    sampling: str = SEQUENTIAL
    model_version: str | None = ""
    show_collab_predictions: bool = True
    maximum_annotations: int = 1
    members: set[int] = field(default_factory=set)


@dataclass
class Task:
    """A task with counters of its own, which need not agree with its annotations; locks: user id → end of the lock.

    overlap: how many people it asks for; marked: `is_labeled` as a request has set it, None once an annotation decides.
    """

    id: int
    project: int
    data: dict[str, Any]
    created_at: str
    updated_at: str
    total_annotations: int = 0
    cancelled_annotations: int = 0
    overlap: int = 1
    marked: bool | None = None
    locks: dict[int, float] = field(default_factory=dict)


@dataclass
class Annotation:
    """A submitted annotation, or with `was_cancelled` a skip."""

    id: int
    task: int
    project: int
    completed_by: int
    result: Any
    was_cancelled: bool
    created_at: str
    updated_at: str
    lead_time: float | None = None
    ground_truth: bool = False
    parent_prediction: int | None = None


@dataclass
class Prediction:
    """A prediction of some version."""

    id: int
    task: int
    project: int
    result: Any
    score: float | None
    model_version: str
    created_at: str


@dataclass
class Backend:
    """An ML backend of a project."""

    id: int
    project: int
    url: str
    title: str = "default"
    state: str = "Disconnected"
    error_message: str | None = None
    extra_params: Any = None
    auth_method: str = "NONE"
    basic_auth_user: str = ""
    basic_auth_pass: str = ""
    is_interactive: bool = False
    model_version: str | None = ""


@dataclass
class View:
    """A tab of the Data Manager."""

    id: int
    project: int
    data: dict[str, Any]


@dataclass
class Webhook:
    """A webhook of a project."""

    id: int
    project: int
    url: str
    send_payload: bool = True
    send_for_all_actions: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    is_active: bool = True
    actions: list[str] = field(default_factory=list)
    consecutive_failures: int = 0
