"""Metrics of the checks of `/ready` and of the projects, read at each scrape, since the worker is another process.

A scrape takes at most about as long as the checks, also when the database hangs; what could not be read is left out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ml_backend.store import DATABASE_ERRORS, Store
from ml_backend.store.learning_records import EvaluationRecord
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState
from ml_backend.web.monitoring.readiness import Findings, Readiness, Subject, is_ready
from ml_backend.web.monitoring.timed import TimedReading

logger = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
WAIT_SECONDS = 5.0
"""How long to wait for the database; reading 1,000 projects takes a small part of it."""

CANNOT_RUN = frozenset({ProjectState.MISSING, ProjectState.DISCONNECTED, ProjectState.UNSUPPORTED})
"""States in which no run can succeed until a person changes something in Label Studio."""


def _seconds_since_success(project: ProjectRecord) -> float | None:
    if project.last_success_at is None or project.state in CANNOT_RUN:
        return None
    return max(0.0, time.time() - project.last_success_at)


OF_PROJECTS: dict[str, tuple[Callable[[ProjectRecord], float | None], str]] = {
    "active_learning_labels": (lambda p: p.counts.labeled, "Tasks with a label."),
    "active_learning_tasks": (lambda p: p.counts.tasks, "Tasks in the project."),
    "active_learning_open_tasks": (lambda p: p.counts.open, "Tasks without a label that may still be published."),
    "active_learning_embedded_tasks": (lambda p: p.counts.embedded, "Tasks whose text is embedded."),
    "active_learning_texts_to_embed": (lambda p: p.counts.to_embed, "Texts not embedded yet."),
    "active_learning_answer_problems": (
        lambda p: p.counts.answer_problems_total,
        "Annotations that could not be read.",
    ),
    "active_learning_queue_remaining": (
        lambda p: p.counts.queue_remaining,
        "Tasks of the published batch without a label.",
    ),
    "active_learning_failing": (
        lambda p: p.error is not None and p.state != ProjectState.DISCONNECTED,
        "1 while the project has an error; 0 for one that was disconnected.",
    ),
    "active_learning_labels_behind": (
        lambda p: p.labels_behind,
        "Annotations that Label Studio had and the database lacked at the last comparison.",
    ),
    "active_learning_seconds_since_success": (
        _seconds_since_success,
        "Seconds since the end of the last run that succeeded, of projects that can run.",
    ),
    "active_learning_webhook_problem": (
        lambda p: p.webhook_problem is not None,
        "1 while the webhook is missing or off, and for a day after Label Studio switched it off.",
    ),
}
"""Name of the metric → (value, None to leave the project out; help text)."""

OF_EVALUATIONS: dict[str, tuple[Callable[[EvaluationRecord], float | None], str]] = {
    "active_learning_accuracy": (lambda e: e.accuracy, "Share of the open tasks that the head has right, estimated."),
    "active_learning_accuracy_low": (lambda e: e.low, "Lower bound of the accuracy."),
    "active_learning_accuracy_high": (lambda e: e.high, "Upper bound of the accuracy."),
    "active_learning_audits": (lambda e: e.audits, "Labels of tasks drawn at random, which measure the accuracy."),
}
"""Name of the metric → (value of a project's newest evaluation, None to leave the project out; help text)."""

OF_CHECKS = {
    "active_learning_queue_messages": (Subject.QUEUE, "Messages in the task queue."),
    "active_learning_free_disk_bytes": (Subject.DISK, "Free bytes in the fullest folder of database and queue."),
    "active_learning_worker_seen_seconds": (Subject.WORKER, "Seconds since any worker was seen."),
}
"""Name of the metric → (the check that measures it, help text)."""


class StateMetrics(Collector):
    """Collects the metrics of one server's checks, and of the projects in its database."""

    def __init__(self, store: Store, readiness: Readiness) -> None:
        self._readiness = readiness
        self._projects = TimedReading(lambda: _read_projects(store), FRESH_SECONDS)

    def describe(self) -> list[Metric]:
        """Nothing: a registry then does not collect just to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics; those of the projects are left out while the database cannot be read."""
        deadline = time.monotonic() + WAIT_SECONDS
        self._projects.start()
        yield from _of_checks(self._readiness.findings())
        yield from self._projects.value(deadline) or []


def _of_checks(findings: Findings) -> Iterator[Metric]:
    yield GaugeMetricFamily("active_learning_ready", "1 while /ready succeeds.", float(is_ready(findings)))
    passed = GaugeMetricFamily("active_learning_check_passed", "1 while this check of /ready passes.", labels=["check"])
    for name, finding in findings.items():
        passed.add_metric([name], float(finding.passed))
    yield passed
    for metric, (subject, help) in OF_CHECKS.items():
        value = findings[subject].value
        if value is not None:
            yield GaugeMetricFamily(metric, help, value)


def _read_projects(store: Store) -> list[Metric]:
    try:
        return list(_of_projects(store))
    except DATABASE_ERRORS as problem:
        logger.warning("the metrics of the projects are left out: %s", problem)
        return []


def _of_projects(store: Store) -> Iterator[Metric]:
    projects = store.projects()
    yield GaugeMetricFamily("active_learning_projects", "Projects connected.", len(projects))
    pending = len(store.pending_projects())
    yield GaugeMetricFamily("active_learning_pending_runs", "Projects waiting for a run.", pending)
    yield GaugeMetricFamily(
        "active_learning_events_kept", "Webhook events that no run has processed yet.", store.event_count()
    )
    yield _jobs(store)
    for name, (value, help) in OF_PROJECTS.items():
        family = GaugeMetricFamily(name, help, labels=["project"])
        for project in projects:
            measured = value(project)
            if measured is not None:
                family.add_metric([str(project.id)], float(measured))
        yield family
    yield _failed_runs(projects)
    yield _oldest_events(store, projects)
    yield _last_runs(store)
    yield from _class_priors(store)
    yield from _accuracies(store)


def _jobs(store: Store) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "active_learning_jobs",
        "Jobs that people started on the pages; of those that ended, the last 20 of each kind and project.",
        labels=["kind", "state"],
    )
    for (kind, state), count in sorted(store.job_counts().items()):
        family.add_metric([kind, state], count)
    return family


def _failed_runs(projects: list[ProjectRecord]) -> CounterMetricFamily:
    family = CounterMetricFamily("active_learning_failed_runs", "Runs that failed.", labels=["project"])
    for project in projects:
        family.add_metric([str(project.id)], project.failed_runs)
    return family


def _oldest_events(store: Store, projects: list[ProjectRecord]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "active_learning_oldest_event_seconds",
        "Age of the oldest webhook event that no run has processed yet, 0 without one.",
        labels=["project"],
    )
    received, now = store.oldest_events(), time.time()
    for project in projects:
        family.add_metric([str(project.id)], max(0.0, now - received.get(project.id, now)))
    return family


def _last_runs(store: Store) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "active_learning_last_run_seconds", "Seconds of the last run by step.", labels=["project", "step"]
    )
    for project_id, steps in store.seconds_of_last_runs().items():
        for step, seconds in steps.items():
            family.add_metric([str(project_id), step], seconds)
    return family


def _class_priors(store: Store) -> Iterator[GaugeMetricFamily]:
    priors = store.newest_class_priors()
    strength = GaugeMetricFamily(
        "active_learning_class_prior_strength",
        "How much the head follows the class names, of projects that use them.",
        labels=["project"],
    )
    evidence = GaugeMetricFamily(
        "active_learning_class_prior_evidence_nats",
        "How much better the class names explain the labels than class frequencies do, of projects that use them.",
        labels=["project"],
    )
    for project_id, prior in priors.items():
        strength.add_metric([str(project_id)], prior.strength)
        evidence.add_metric([str(project_id)], prior.evidence)
    yield from (strength, evidence)


def _accuracies(store: Store) -> Iterator[GaugeMetricFamily]:
    evaluations = store.newest_evaluations()
    for name, (value, help) in OF_EVALUATIONS.items():
        family = GaugeMetricFamily(name, help, labels=["project"])
        for project_id, evaluation in evaluations.items():
            measured = value(evaluation)
            if measured is not None:
                family.add_metric([str(project_id)], measured)
        yield family
