"""Train, pause, export, predict, label copies, and when to stop."""

from __future__ import annotations

from typing import Any

from flask import Response

from ml_backend.pipeline.evaluation_words import gain_sentence
from ml_backend.pipeline.job_kinds import LONG_KINDS
from ml_backend.pipeline.prediction_choice import THRESHOLDS
from ml_backend.pipeline.prediction_words import above_words, wrong_words
from ml_backend.store import Store
from ml_backend.store.job_records import JobRecord, file_of_job
from ml_backend.store.states import JobState, RunReason
from ml_backend.web.context import web
from ml_backend.web.page_parts.job_words import outcome, shown_error
from ml_backend.web.page_parts.page_blueprint import blueprint
from ml_backend.web.page_parts.project_page import open_page
from ml_backend.web.project_routes.jobs import job_view

JOBS_SHOWN = 10
COUNTING = ("count_predictions", "predict_all")


@blueprint.get("/projects/<int:project_id>/actions")
def actions(project_id: int) -> Response:
    """Train, pause, export, predict, label copies, and when to stop. Raises BadRequest."""
    shown, store = open_page(project_id, "actions", with_lists=True), web().store
    files = {file.name for file in store.files(project_id, "jobs/")}
    quality = shown.quality()
    return shown.render(
        "actions.html",
        quality=quality,
        gain="" if quality["body"] is None else gain_sentence(quality["body"]),
        jobs=[
            _shown(job, files, with_names=shown.who is not None)
            for job in store.jobs(project_id, LONG_KINDS, JOBS_SHOWN)
        ],
        trained=_last_training(shown.status),
        is_running=shown.status["run_pending"] or store.lease_owner(project_id) is not None,
        counted=_counted(store, project_id),
        thresholds=[(above, above_words(above)) for above in THRESHOLDS],
    )


def _shown(job: JobRecord, files: set[str], with_names: bool) -> dict[str, Any]:
    """A job for the list. files: names of the files that are kept."""
    return {
        **job_view(job),
        "who": job.who if with_names else None,
        "outcome": outcome(job),
        "error": shown_error(job.error, with_names),
        "has_ended": job.has_ended,
        "has_file": job.state == JobState.DONE and file_of_job(job.id) in files,
    }


def _last_training(status: dict[str, Any]) -> dict[str, Any] | None:
    """The last run that somebody asked for by "train now"; None if none of those that are kept was."""
    return next((run for run in status["runs"][::-1] if RunReason.TRAINING in run["reasons"]), None)


def _counted(store: Store, project_id: int) -> dict[str, Any] | None:
    """How many predictions reach which confidence, as it was counted last, and whether by the present model."""
    counted = next((job for job in store.jobs(project_id, COUNTING) if job.state == JobState.DONE and job.result), None)
    if counted is None or counted.result is None:
        return None
    result, head = counted.result, store.current_head(project_id)
    rows = [
        {"above": above_words(row["above"]), "kept": row["kept"], "wrong": wrong_words(row["wrong"])}
        for row in result["table"]
        if row["kept"]
    ]
    is_current = head is not None and head.version == result["head"]
    return {"at": counted.ended_at, "open": result["open"], "is_current": is_current, "rows": rows}
