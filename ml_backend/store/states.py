"""States of projects, batches and webhooks, and reasons for runs, as the database and the status route show them."""

from __future__ import annotations

from enum import StrEnum


class ProjectState(StrEnum):
    """The state of a project; the fields `error` and `phase` of its record hold details."""

    NEW = "new"
    READY = "ready"
    WAITING = "waiting"
    """Label Studio, its key or the embedding model cannot be used; the run is repeated."""
    FAILED = "failed"
    """The run raised an unexpected exception; it is repeated."""
    UNSUPPORTED = "unsupported"
    """The label config is not supported."""
    MISSING = "missing"
    """Label Studio shows no such project to the user of our key."""
    DISCONNECTED = "disconnected"
    """The project has no ML backend in Label Studio."""


class BatchState(StrEnum):
    """The states of a batch, in this order."""

    PLANNED = "planned"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    """A newer batch is served; the predictions are kept for annotators who have one of these tasks open."""
    REMOVED = "removed"
    """Its predictions were deleted in Label Studio."""


class JobState(StrEnum):
    """The states of a job that a person started on a page."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """A person stopped it; what it did until then stays."""


class DoubtKind(StrEnum):
    """What a person is asked to look at again."""

    LABEL = "label"
    """A label that the model doubts."""
    DISAGREEMENT = "disagreement"
    """A task that several people labelled differently."""


class WebhookProblem(StrEnum):
    """What is wrong with the webhook by which Label Studio reports the changes of a project."""

    MISSING = "missing"
    OFF = "switched off"
    """A person switched it off."""
    OFF_AFTER_FAILURES = "switched off after failures"
    """Label Studio switched it off after failed deliveries, and a run switched it on again."""


class RunReason(StrEnum):
    """Why a run of a project is requested."""

    SETUP = "setup"
    EXTRA_PARAMS = "extra params"
    SETTINGS = "settings"
    LABELS = "labels"
    TASKS = "tasks"
    PROJECT = "project"
    TRAINING = "training"
    REQUESTED = "requested"
    """A person asked for tasks to be served next, paused the project or let it go on."""
    START = "start"
    """A worker started."""
    EVERY_MINUTE = "every minute"
    """The regular comparison, which finds changes that no webhook reported."""
    CONTINUED = "continued"
    """The previous run left work to do."""
    UNASKED = "unasked"
    """A worker was woken, and another worker had already taken the request."""


ASKED_BY_PEOPLE = {RunReason.SETTINGS, RunReason.EXTRA_PARAMS, RunReason.TRAINING, RunReason.REQUESTED}
