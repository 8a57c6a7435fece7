"""The rows of the database as plain records; those that runs add are in `learning_records`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

from ml_backend.store.states import ProjectState, RunReason, WebhookProblem


class AnswerProblemRecord(TypedDict):
    """An annotation that cannot be read: the ids of its task and of itself, and the reason as a sentence."""

    task: int
    annotation: int
    reason: str


@dataclass(frozen=True)
class ProjectCounts:
    """The counts that the status page shows, updated by every run, also while it embeds; empty before the first run.

    labels: tasks per class, in the order of the label config; ties: tasks whose annotators disagree evenly;
    without_answer: tasks submitted without a class of the control, or with answers that cannot be read;
    unknown_choices: annotations per choice that the label config does not have; answer_problems_total: annotations that
    cannot be read; answer_problems: the first of them; duplicates: tasks whose text another task has; copies_to_label:
    open tasks whose text has a label in another task; open: tasks that may still be labelled; to_embed: texts without a
    vector; queue_remaining: published tasks, batch and reserve, without a label; queue_low: the next batch is due with
    fewer of them; unpublished: other tasks that could be published; changed: labels added, changed or removed since the
    last fit.
    """

    labels: dict[str, int] = field(default_factory=dict)
    labeled: int = 0
    skipped: int = 0
    ties: int = 0
    without_answer: int = 0
    unknown_choices: dict[str, int] = field(default_factory=dict)
    answer_problems_total: int = 0
    answer_problems: list[AnswerProblemRecord] = field(default_factory=list)
    duplicates: int = 0
    copies_to_label: int = 0
    open: int = 0
    tasks: int = 0
    embedded: int = 0
    to_embed: int = 0
    queue_remaining: int = 0
    queue_low: int = 0
    unpublished: int = 0
    annotators: int = 0
    changed: int = 0


@dataclass(frozen=True)
class FirstRead:
    """An unfinished first read of all tasks.

    next_page: the page to continue with; newest: the newest `updated_at` when the read started. Tasks that change
    during the read are newer than that, so the next comparison reads them again. tasks: number of tasks to read.
    """

    next_page: int
    newest: str | None
    tasks: int = 0


@dataclass(frozen=True)
class Unmatched:
    """Counts that differ between the database and Label Studio while nothing changes in either.

    counts: what Label Studio has more than the database, of tasks, submitted annotations and skips; times: number of
    such comparisons in a row with these differences.
    """

    counts: list[int]
    times: int


@dataclass(frozen=True)
class ClassNamesUse:
    """What the last fit knew of the meaning of the classes.

    texts: a description or the name of each class, in the order of the classes; empty if their names say nothing or are
    not to be used; why_off: why the fit did not use them, as a sentence for people; empty if it did.
    """

    texts: list[str]
    why_off: str = ""


@dataclass(frozen=True)
class ProjectRecord:
    """A Label Studio project that the backend was connected to.

    settings: values of `ProjectSettings` that are not defaults; extra_params: those last applied from the connect form,
    so that they are applied again only when a person changes them; extra_params_seen: those already received at /setup
    or listed by Label Studio, as canonical JSON, which need no further run; backend_url: the address at which /setup
    was called; phase: what the backend is doing, for people;
    attached: whether Label Studio lists an ML backend for the project, None before the first check; entry_url: the
    address of our entry there, None if several exist and none is known to be ours; seen_by: the user whose key last
    opened the project;
    watermark: newest `updated_at` read from Label Studio, None until the first read is finished; text_source: tag and
    fields that the texts were read from;
    cycle: number of batches chosen after new labels; fingerprint: of the label set of the last fit; settings_used: all
    settings of the last fit; newest_task: highest id of a task whose text was embedded at the last fit;
    settings_problem: why the extra params in Label Studio were refused, None if they were not;
    members: number of people who can label in it, None if unknown; missing_since: Unix time at which Label Studio first
    did not show it, None while it does; check_after: Unix time before which a missing project is not asked for again;
    last_success_at: Unix time at the end of the last run that succeeded; labels_behind: annotations that Label Studio
    had and the database lacked at the last comparison; webhook_problem: what is wrong with its webhook, or was within
    the last day, None if nothing; webhook_problem_at: Unix time at which that was found; failed_runs: number of runs
    that failed so far; class_names: the class texts of the last fit, None before the first; paused_at: Unix time since
    which a person wants nothing to be learned or published, None if nobody does; paused_by: who that is.
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
    settings_problem: str | None = None
    members: int | None = None
    missing_since: float | None = None
    check_after: float | None = None
    last_success_at: float | None = None
    labels_behind: int = 0
    webhook_problem: WebhookProblem | None = None
    webhook_problem_at: float | None = None
    failed_runs: int = 0
    class_names: ClassNamesUse | None = None
    paused_at: float | None = None
    paused_by: str | None = None


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
    settings_problem: str | None
    members: int | None
    missing_since: float | None
    check_after: float | None
    last_success_at: float | None
    labels_behind: int
    webhook_problem: WebhookProblem | None
    webhook_problem_at: float | None
    failed_runs: int
    class_names: ClassNamesUse | None
    paused_at: float | None
    paused_by: str | None


@dataclass(frozen=True)
class TaskRecord:
    """A task: the hash of its text, or the problem that keeps it out of the pool."""

    project_id: int
    task_id: int
    text_hash: str | None
    problem: str | None
    updated_at: str | None = None


@dataclass(frozen=True)
class EventRecord:
    """A webhook event, stored until a run has processed it; received_at: Unix time."""

    id: int
    project_id: int
    action: str
    body: dict[str, Any]
    received_at: float


@dataclass(frozen=True)
class NewEvent:
    """A webhook event that has just arrived, and the reason for the run that it requests."""

    project_id: int
    action: str
    body: dict[str, Any]
    reason: RunReason


@dataclass(frozen=True)
class SettingChangeRecord:
    """A change of a project's settings.

    at: Unix time; who: the person or the key, for people; changes: name → [value before, value after].
    """

    id: int
    project_id: int
    at: float
    who: str
    changes: dict[str, list[Any]]


@dataclass(frozen=True)
class SessionRecord:
    """A person who is signed in.

    who: for people, such as an e-mail address; projects: ids of those that the person may see, None for all;
    sealed_key: the person's Label Studio key, encrypted, None without one; tried_at and checked_at: Unix times at which
    Label Studio was last asked for the projects, and last answered; expires_at: Unix time.
    """

    who: str
    projects: list[int] | None
    sealed_key: str | None
    tried_at: float
    checked_at: float
    expires_at: float


@dataclass(frozen=True)
class CandidateRecord:
    """A project that a request named and that Label Studio has not confirmed yet.

    heard_at: Unix time of the first request; backend_url: the address that was called; tries: how often Label Studio
    was asked; check_after: Unix time before which it is not asked again.
    """

    project_id: int
    heard_at: float
    backend_url: str | None
    tries: int
    check_after: float
