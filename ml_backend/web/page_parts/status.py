"""The status of a project as one JSON object."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

from ml_backend.labelstudio.described_classes import notes_of
from ml_backend.pipeline.evaluated import evaluation_summary
from ml_backend.pipeline.job_kinds import LONG_KINDS
from ml_backend.pipeline.made_from import made_from
from ml_backend.pipeline.next_step import labels_received, learns_soon, next_step, remedy
from ml_backend.pipeline.progress import progress
from ml_backend.pipeline.webhook_state import webhook_sentence
from ml_backend.project_settings import ProjectSettings
from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord
from ml_backend.store.learning_records import BatchRecord, HeadRecord, RunRecord
from ml_backend.store.records import ProjectRecord
from ml_backend.store.states import ProjectState
from ml_backend.store.workers import OVERDUE_SECONDS
from ml_backend.web.stored_project import label_config_of

PROBLEMS_SHOWN = 1000
AGREEMENT_WINDOW = 50
"""Labels over which the share of right predictions is computed; one label changes it by 2 percentage points."""
JOBS_SHOWN = 20
RUNS_OF_AGREEMENT = 30
"""The last runs, in which the window of labels is looked for."""
STARTED_AT = time.time()
DATABASE_REMEDY = (
    "Free disk space, or repair the database; `python -m ml_backend doctor` checks it. Nothing is lost: the labels are "
    "in Label Studio, and the comparison every minute finds them once the database can be written to again."
)
_OF_BATCH_ONLY = {"random_task_ids", "predicted", "likely", "requested_task_ids", "repeated_task_ids"}
"""Fields of the batch that the status leaves out, since they are long."""


def project_status(
    store: Store, project: ProjectRecord, database_problem: str | None = None, with_names: bool = True
) -> dict[str, Any]:
    """`page_status`, and the lists that only some readers need.

    problems: the first 1,000 tasks that are not in the pool, {"task", "reason"}; runs: the last 100, oldest first.

    with_names: whether it is told who paused the project and who changed the settings.
    """
    return {
        **page_status(store, project, database_problem, with_names),
        "problems": [{"task": t, "reason": r} for t, r in store.problems(project.id, limit=PROBLEMS_SHOWN)],
        "runs": [_run(run) for run in store.runs(project.id)],
    }


def page_status(
    store: Store, project: ProjectRecord, database_problem: str | None = None, with_names: bool = True
) -> dict[str, Any]:
    """State, counts, batch, head and settings of a project, as each of its pages needs them.

    next: what the next batch waits for; progress: see the function of that name; labels_received: events about
    annotations among those that wait; learns: whether these are enough for the model to learn again; worker_missing:
    whether work waits and no worker was seen for a minute; reads: what is read from tasks and annotations;
    problem_counts: tasks that are not in the pool, by reason; seconds: by step of the last run; agreement: see the
    function; evaluation: see `evaluation_summary`, None before the first;
    class_names_off: why the last run did not use the class names, None if it did; paused_at: Unix time, None unless a
    person paused the project; setting_changes: newest first, each {"at", "who", "changes": name → [before, after]};
    jobs: the last that people started, newest first, {"id", "kind", "state", "done", "total", "phase"}.
    """
    project_id = project.id
    runs, events = store.runs(project_id, limit=RUNS_OF_AGREEMENT), store.event_counts(project_id)
    if database_problem is not None:
        project = with_database_problem(project, database_problem)
    settings = ProjectSettings.usable(project.settings)
    counts = replace(project.counts, tasks=store.task_count(project_id))
    batch = store.current_batch(project_id)
    by_reason = store.problem_counts(project_id)
    problems = sum(by_reason.values())
    received = labels_received(events)
    run_pending = project_id in store.pending_projects()
    evaluation = store.newest_evaluation(project_id)
    jobs = store.jobs(project_id, LONG_KINDS, JOBS_SHOWN)
    is_job_open = any(not job.has_ended for job in jobs)
    return {
        "project": project_id,
        "title": project.title,
        "state": project.state,
        "phase": project.phase,
        "error": project.error,
        "remedy": remedy(project) if database_problem is None else DATABASE_REMEDY,
        "settings_problem": project.settings_problem,
        "webhook_problem": webhook_sentence(project),
        "webhook_problem_at": project.webhook_problem_at,
        "next": next_step(project, counts, batch, settings, problems, received),
        "learns": learns_soon(project, received, settings),
        "progress": None if (busy := progress(project, counts.tasks)) is None else asdict(busy),
        "run_pending": run_pending,
        "paused_at": project.paused_at,
        "paused_by": project.paused_by if with_names else None,
        "events_waiting": sum(events.values()),
        "labels_received": received,
        "worker_missing": bool(events or run_pending or is_job_open) and worker_missing(store),
        "jobs": [_progress(job) for job in jobs],
        **asdict(counts),
        "labels_missing": [name for name, n in counts.labels.items() if n == 0],
        "batch": _batch(batch, counts.queue_remaining),
        "model": _head(store.current_head(project_id)),
        "class_names_off": _why_class_names_are_off(project),
        "agreement": agreement(runs),
        "evaluation": evaluation_summary(None if evaluation is None else evaluation.body),
        "seconds": runs[-1].seconds if runs else {},
        "settings": settings.model_dump(mode="json"),
        "reads": _reads(project, settings),
        "problems_total": problems,
        "problem_counts": by_reason,
        "setting_changes": [
            {"at": change.at, "who": change.who if with_names else None, "changes": change.changes}
            for change in store.setting_changes(project_id)
        ],
    }


def _progress(job: JobRecord) -> dict[str, Any]:
    return {name: getattr(job, name) for name in ("id", "kind", "state", "done", "total", "phase")}


def with_database_problem(project: ProjectRecord, problem: str) -> ProjectRecord:
    """The project as shown while the database cannot be written to: no run and no event can change its row then."""
    error = f"The database cannot be written to ({problem}), so labels given now are not known here yet."
    return replace(project, state=ProjectState.FAILED, error=error, phase="waiting for the database")


def agreement(runs: list[RunRecord], window: int = AGREEMENT_WINDOW) -> dict[str, Any] | None:
    """Share of the last `window` or more new labels that annotators were shown as predictions; None without any.

    {"labels", "right", "asked", "share"}; labels: number of labels at the last of them. Strategies choose tasks that
    are hard for the head, so the share is usually below its accuracy on all tasks.
    """
    measured_runs = [run for run in runs if run.asked]
    right = asked = 0
    for run in reversed(measured_runs):
        right, asked = right + run.right, asked + run.asked
        if asked >= window:
            break
    if not asked:
        return None
    return {"labels": measured_runs[-1].labels, "right": right, "asked": asked, "share": right / asked}


def worker_missing(store: Store) -> bool:
    """Whether no worker was running for a minute, counted from the start of this process at the earliest."""
    return time.time() - max(store.worker_seen_at() or 0.0, STARTED_AT) > OVERDUE_SECONDS


def _reads(project: ProjectRecord, settings: ProjectSettings) -> dict[str, Any] | None:
    """What is read from tasks and annotations: the control, its classes and the texts; None if nothing can be."""
    config = label_config_of(project)
    if config is None:
        return None
    return {
        "control": config.control,
        "tag": config.control_tag,
        "classes": len(config.classes),
        "multi_label": config.multi_label,
        "texts": [text.value if text.field is None else text.field for text in config.texts],
        "notes": list(notes_of(config, settings)),
    }


def _batch(batch: BatchRecord | None, remaining: int) -> dict[str, Any] | None:
    if batch is None:
        return None
    fields = {name: value for name, value in asdict(batch).items() if name not in _OF_BATCH_ONLY}
    return {**fields, "reserve": len(batch.task_ids) - batch.size, "remaining": remaining}


def _run(run: RunRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(run).items() if name != "project_id"}


def _head(head: HeadRecord | None) -> dict[str, Any] | None:
    if head is None:
        return None
    fields = {name: value for name, value in asdict(head).items() if name not in {"blob", "project_id"}}
    return {**fields, "made_from": made_from(head.n_labels, head.class_prior)}


def _why_class_names_are_off(project: ProjectRecord) -> str | None:
    return None if project.class_names is None else project.class_names.why_off or None
