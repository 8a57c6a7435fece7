"""The status of a project as one JSON object."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from math import sqrt
from statistics import NormalDist
from typing import Any

from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.records import BatchRecord, EventRecord, HeadRecord, ProjectCounts, RunRecord, StoppingAdvice
from ml_backend.store.states import ProjectState

PROBLEMS_SHOWN = 1000
AGREEMENT_WINDOW = 50
"""Labels over which the share of right predictions is computed; one label changes it by 2 percentage points."""
RANDOM_WINDOW = 100
OVERDUE_SECONDS = 60.0
"""If no run processes an event for so long, no worker is running: each one checks at least once a minute."""
NO_ADVICE = StoppingAdvice(stop=False, value=None, reason="there is no head yet")
"""What a run without a head stores."""
REMEDIES = {
    ProjectState.WAITING: "Nothing is lost, and the backend tries again. `python -m ml_backend doctor` checks "
    "address, key, model and database.",
    ProjectState.FAILED: "Nothing is lost, and the backend tries again. If the problem stays, see the worker's log for "
    "details.",
    ProjectState.UNSUPPORTED: "Change the labeling interface in Label Studio, or name the control and the text fields "
    "in the settings of this project.",
    ProjectState.MISSING: "Check that the project still exists and that the user of LABEL_STUDIO_API_KEY can open it.",
    ProjectState.DISCONNECTED: "Connect it again, by `python -m ml_backend connect` with its number, or in Label "
    "Studio under Settings, Model, Connect Model. Everything that was learned is kept.",
}


class UnknownProject(LookupError):
    """A project that this backend was never connected to."""


def project_status(store: Store, project_id: int) -> dict[str, Any]:
    """State, counts, batch, head, problems, settings and history of a project. Raises UnknownProject.

    problems: the first 1,000 tasks that are not in the pool, {"task", "reason"}; problem_counts: all, by reason;
    runs: oldest first; seconds: by step of the last run; agreement: see `rolling_agreement`; accuracy_at_random: see
    `random_accuracy`; stopping: the advice of the last run.
    """
    project = store.project(project_id)
    if project is None:
        raise UnknownProject(f"Project {project_id} was never connected to this backend.")
    runs, events = store.runs(project_id), store.events(project_id)
    settings = ProjectSettings.usable(project.settings)
    counts = replace(project.counts, tasks=store.task_count(project_id))
    batch = store.current_batch(project_id)
    by_reason = store.problem_counts(project_id)
    agreement = rolling_agreement(runs)
    return {
        "project": project_id,
        "title": project.title,
        "state": project.state,
        "phase": project.phase,
        "error": project.error,
        "remedy": None if project.error is None else REMEDIES.get(project.state),
        "next": next_step(counts, batch, runs, settings),
        "run_pending": project_id in store.pending_projects(),
        "events_waiting": len(events),
        "worker_missing": _overdue(events),
        **asdict(counts),
        "labels_missing": [name for name, n in counts.labels.items() if n == 0],
        "batch": _batch(batch, counts.queue_remaining),
        "model": _head(store.current_head(project_id)),
        "agreement": agreement[-1] if agreement else None,
        "accuracy_at_random": random_accuracy(runs),
        "stopping": asdict(runs[-1].stopping if runs else NO_ADVICE),
        "seconds": runs[-1].seconds if runs else {},
        "settings": settings.model_dump(mode="json"),
        "problems_total": sum(by_reason.values()),
        "problem_counts": by_reason,
        "problems": [{"task": t, "reason": r} for t, r in store.problems(project_id, limit=PROBLEMS_SHOWN)],
        "runs": [_run(run) for run in runs],
    }


def rolling_agreement(runs: list[RunRecord], window: int = AGREEMENT_WINDOW) -> list[dict[str, Any]]:
    """Share of new labels that the previous head had predicted, over the last `window` labels.

    One entry per run with new labels: {"labels", "right", "asked", "share"}. Strategies choose tasks that are hard for
    the head, so the share is below its accuracy on all tasks.
    """
    measured_runs = [run for run in runs if run.asked]
    shares = []
    for end in range(1, len(measured_runs) + 1):
        right = asked = 0
        for run in reversed(measured_runs[:end]):
            right, asked = right + run.right, asked + run.asked
            if asked >= window:
                break
        shares.append({"labels": measured_runs[end - 1].labels, "right": right, "asked": asked, "share": right / asked})
    return shares


def random_accuracy(runs: list[RunRecord], window: int = RANDOM_WINDOW) -> dict[str, Any] | None:
    """Share of new labels that the previous head had predicted, over the last `window` or more randomly drawn tasks.

    {"right", "asked", "share", "low", "high"}: low and high are the bounds of Wilson's 95 % interval (Wilson 1927). The
    share is unbiased for the tasks that were open at the time. Returns None without randomly drawn tasks.
    """
    right = asked = 0
    for run in reversed(runs):
        right, asked = right + run.random_right, asked + run.random_asked
        if asked >= window:
            break
    if not asked:
        return None
    low, high = _wilson(right / asked, asked)
    return {"right": right, "asked": asked, "share": right / asked, "low": low, "high": high}


def _wilson(share: float, n: int) -> tuple[float, float]:
    # Not scipy's function, which takes 60 MB of memory in every server process.
    z = NormalDist().inv_cdf(0.975)
    middle, reach = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


def next_step(
    counts: ProjectCounts, batch: BatchRecord | None, runs: list[RunRecord], settings: ProjectSettings
) -> str:
    """What the next batch waits for, as a sentence."""
    if not counts.tasks:
        return "There are no tasks yet; import some in Label Studio."
    if counts.labels and not counts.open:
        return "Nothing is left to label: every task is labelled, skipped, or without a usable text."
    if batch is None:
        return "The first batch comes as soon as the first texts are read and embedded."
    since = counts.labeled - (runs[-1].labels if runs else 0)
    missing = settings.retrain_every - since
    if missing < 1:
        return "The next batch is due."
    labels = "1 more label" if missing == 1 else f"{missing:,} more labels"
    return f"The next batch comes after {labels}, or when this one runs low."


def _overdue(events: list[EventRecord]) -> bool:
    return bool(events) and time.time() - events[0].received_at > OVERDUE_SECONDS


def _batch(batch: BatchRecord | None, remaining: int) -> dict[str, Any] | None:
    if batch is None:
        return None
    fields = {name: value for name, value in asdict(batch).items() if name not in {"random_task_ids", "predicted"}}
    return {**fields, "reserve": len(batch.task_ids) - batch.size, "remaining": remaining}


def _run(run: RunRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(run).items() if name not in {"project_id", "stopping"}}


def _head(head: HeadRecord | None) -> dict[str, Any] | None:
    if head is None:
        return None
    return {name: value for name, value in asdict(head).items() if name not in {"blob", "project_id"}}
