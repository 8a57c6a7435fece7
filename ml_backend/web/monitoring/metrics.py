"""Metrics for Prometheus: requests are counted as they come, projects are read at each scrape."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ml_backend.web.monitoring.state_metrics import StateMetrics

METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER = "other"
"""The label of all other methods: a label that callers choose would take memory for each new value."""
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

        route: the rule that matched, such as "/projects/<int:project_id>"; or "unknown"; seconds: its duration.
        """
        method = method if method in METHODS else OTHER
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self, state_metrics: StateMetrics) -> bytes:
        """All metrics in Prometheus' text format; see `StateMetrics` for those of database and projects."""
        state = CollectorRegistry()
        state.register(state_metrics)
        return generate_latest(self._registry) + generate_latest(state)
