"""The closed sets of the store: states of projects and batches, and the reasons for which a run is asked.

The values are what the database holds and what the status route returns.
"""

from __future__ import annotations

from enum import StrEnum


class ProjectState(StrEnum):
    """How a project is doing; the `error` and `phase` of its record say more."""

    NEW = "new"
    READY = "ready"
    WAITING = "waiting"
    """Label Studio, its key or the embedding model cannot be used; the run is tried again."""
    FAILED = "failed"
    """The run raised something unforeseen; it is tried again."""
    UNSUPPORTED = "unsupported"
    """The label config has no control that can be learned."""
    MISSING = "missing"
    """Label Studio shows no such project to this key."""
    DISCONNECTED = "disconnected"
    """The project has no ML backend in Label Studio."""


class BatchState(StrEnum):
    """How far a batch has come, in this order."""

    PLANNED = "planned"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    """A newer batch is served; the predictions stay for those who have a task of this one open."""
    REMOVED = "removed"
    """Its predictions are gone from Label Studio."""


class RunReason(StrEnum):
    """Why a run of a project is asked for."""

    SETUP = "setup"
    EXTRA_PARAMS = "extra params"
    SETTINGS = "settings"
    LABELS = "labels"
    TASKS = "tasks"
    PROJECT = "project"
    TRAINING = "training"
    START = "start"
    """A worker started."""
    EVERY_MINUTE = "every minute"
    """The comparison that finds changes which no webhook reported."""
    CONTINUED = "continued"
    """The run before left work behind."""
    UNASKED = "unasked"
    """A worker was woken for a run that another one has taken."""
