"""Metrics for Prometheus: requests are counted as they come, projects are read at each scrape."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from ml_backend.store import Store
from ml_backend.store.records import ProjectCounts, ProjectRecord

COUNTS: dict[str, tuple[Callable[[ProjectCounts], int], str]] = {
    "active_learning_labels": (lambda counts: counts.labeled, "Tasks with a label."),
    "active_learning_tasks": (lambda counts: counts.tasks, "Tasks in the project."),
    "active_learning_open_tasks": (lambda counts: counts.open, "Tasks without a label that may still be published."),
    "active_learning_embedded_tasks": (lambda counts: counts.embedded, "Tasks whose text is embedded."),
    "active_learning_texts_to_embed": (lambda counts: counts.to_embed, "Texts not embedded yet."),
    "active_learning_answer_problems": (
        lambda counts: counts.answer_problems_total,
        "Annotations that could not be read.",
    ),
    "active_learning_queue_remaining": (
        lambda counts: counts.queue_remaining,
        "Tasks of the published batch without a label.",
    ),
}
"""Name of the metric → (value, help text)."""

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0, 60.0)


class RequestMetrics:
    """Counts and durations of one application's requests, in their own registry."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "active_learning_requests", "Requests handled.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "active_learning_request_seconds",
            "Seconds from a request to its response.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self._registry,
        )

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request.

        route: the rule that matched, such as "/projects/<int:project_id>"; seconds: its duration.
        """
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self, store: Store) -> bytes:
        """All metrics in Prometheus' text format."""
        state = CollectorRegistry()
        state.register(_StateCollector(store))
        return generate_latest(self._registry) + generate_latest(state)


class _StateCollector:
    """Reads the database at each scrape, since the worker is another process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> list[GaugeMetricFamily]:
        projects = self._store.projects()
        return [
            GaugeMetricFamily("active_learning_projects", "Projects connected.", len(projects)),
            GaugeMetricFamily(
                "active_learning_pending_runs", "Projects waiting for a run.", len(self._store.pending_projects())
            ),
            GaugeMetricFamily(
                "active_learning_events_kept",
                "Webhook events that no run has processed yet.",
                self._store.event_count(),
            ),
            *(_by_project(name, value, help, projects) for name, (value, help) in COUNTS.items()),
            _failing(projects),
            self._last_run(projects),
        ]

    def _last_run(self, projects: list[ProjectRecord]) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "active_learning_last_run_seconds", "Seconds of the last run by step.", labels=["project", "step"]
        )
        for project in projects:
            for run in self._store.runs(project.id, limit=1):
                for step, seconds in run.seconds.items():
                    family.add_metric([str(project.id), step], seconds)
        return family


def _by_project(
    name: str, value: Callable[[ProjectCounts], int], help: str, projects: list[ProjectRecord]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help, labels=["project"])
    for project in projects:
        family.add_metric([str(project.id)], value(project.counts))
    return family


def _failing(projects: list[ProjectRecord]) -> GaugeMetricFamily:
    family = GaugeMetricFamily("active_learning_failing", "1 while the project has an error.", labels=["project"])
    for project in projects:
        family.add_metric([str(project.id)], float(project.error is not None))
    return family
